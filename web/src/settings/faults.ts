import { settingFaults } from "../strings/setting-faults";

type Code = keyof typeof settingFaults;

/** Faults as sentences, by field. */
export function sentences<F extends string>(
  faults: Partial<Record<F, Code>>,
): Partial<Record<F, string>> {
  const entries = Object.entries(faults) as [F, Code | undefined][];
  return Object.fromEntries(
    entries.flatMap(([field, code]) => (code === undefined ? [] : [[field, settingFaults[code]]])),
  ) as Partial<Record<F, string>>;
}
