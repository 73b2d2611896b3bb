import { agentSettings as words } from "../strings/settings";
import { Button, Callout, Field, Textarea } from "../ui";
import type { Driver, PresetName } from "./presets";
import { startedWords } from "./presets";
import { quoteWord, splitWords } from "./words";

interface CommandFieldProps {
  driver: Driver;
  preset: PresetName | null;
  value: string;
  error: React.ReactNode;
  onChange: (value: string) => void;
  onLeave: () => void;
}

/** A command as it is typed, and the words that come of it. */
export function CommandField({
  driver,
  preset,
  value,
  error,
  onChange,
  onLeave,
}: CommandFieldProps) {
  const split = splitWords(value);
  const started = startedWords(driver, preset, split.words);
  return (
    <div className="flex flex-col gap-2">
      {driver !== "builtin" && (
        <Field
          label={words.command}
          hint={`${words.commandHint} ${preset === null ? words.commandOwn : words.commandPreset}`}
          error={error}
          required={preset === null}
        >
          <Textarea
            value={value}
            rows={1}
            onChange={(event) => onChange(event.target.value)}
            onBlur={onLeave}
            spellCheck={false}
            autoCapitalize="none"
            dir="ltr"
            className="font-mono text-sm"
          />
        </Field>
      )}
      {split.shell !== null && driver !== "builtin" && (
        <Callout
          tone="warn"
          action={
            split.fault === null && (
              <Button size="sm" onClick={() => onChange(`sh -c ${quoteWord(value.trim())}`)}>
                {words.wrapShell}
              </Button>
            )
          }
        >
          {words.shell(split.shell)}
        </Callout>
      )}
      <Preview started={started} found={preset !== null && split.words.length === 0} />
    </div>
  );
}

/** The words apart, so that a missing quote is seen. */
function Preview({ started, found }: { started: readonly string[] | null; found: boolean }) {
  return (
    <div className="rounded-md border border-line bg-canvas px-3 py-2">
      <p className="text-faint text-xs">{words.preview}</p>
      {started === null ? (
        <p className="text-muted text-sm">{words.previewBuiltin}</p>
      ) : started.length === 0 ? (
        <p className="text-faint text-sm">{words.previewEmpty}</p>
      ) : (
        <ol className="flex flex-wrap gap-1 pt-1">
          {started.map((word, at) => (
            <li
              // biome-ignore lint/suspicious/noArrayIndexKey: a word can occur twice; its place is what it is.
              key={at}
              className="max-w-full whitespace-pre-wrap break-all rounded-sm border border-line bg-surface px-1.5 font-mono text-sm"
            >
              {word === "" ? "''" : word}
            </li>
          ))}
        </ol>
      )}
      {found && started !== null && <p className="pt-1 text-faint text-xs">{words.previewFind}</p>}
    </div>
  );
}
