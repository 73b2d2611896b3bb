import { splitTitle } from "./draft";
import { isRecord } from "./keep";

/** A card that was typed into the quick field and is on its way. */
export type Entry = {
  readonly key: string;
  readonly title: string;
  readonly body: string;
  readonly lane: string;
  readonly failed: boolean;
};

export type Quick = { readonly text: string; readonly entries: readonly Entry[] };

/** Cards on their way at once; a person types slower, so more means that nothing arrives. */
export const ENTRIES_MAX = 20;

export const idle: Quick = { text: "", entries: [] };

/** What is typed becomes an entry; null when there is nothing to add or too much is on its way. */
export function submit(
  quick: Quick,
  lane: string,
  key: string,
): { quick: Quick; entry: Entry } | null {
  if (quick.text.trim() === "" || quick.entries.length >= ENTRIES_MAX) return null;
  const entry: Entry = { key, ...splitTitle(quick.text), lane, failed: false };
  return { quick: { text: "", entries: [...quick.entries, entry] }, entry };
}

export function settled(quick: Quick, key: string): Quick {
  return { ...quick, entries: quick.entries.filter((entry) => entry.key !== key) };
}

export function mark(quick: Quick, key: string, failed: boolean): Quick {
  return {
    ...quick,
    entries: quick.entries.map((entry) => (entry.key === key ? { ...entry, failed } : entry)),
  };
}

/** What an earlier page left behind: nobody knows whether it arrived, and its key makes asking again safe. */
export function revived(quick: Quick): Quick {
  return { ...quick, entries: quick.entries.map((entry) => ({ ...entry, failed: true })) };
}

export function isQuick(value: unknown): value is Quick {
  return (
    isRecord(value) &&
    typeof value.text === "string" &&
    Array.isArray(value.entries) &&
    value.entries.length <= ENTRIES_MAX &&
    value.entries.every(
      (entry) =>
        isRecord(entry) &&
        [entry.key, entry.title, entry.body, entry.lane].every((text) => typeof text === "string"),
    )
  );
}
