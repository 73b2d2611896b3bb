import { type ReactNode, useId } from "react";
import { cn } from "../../ui";

export interface ChoiceOption<T extends string> {
  value: T;
  title: string;
  body?: ReactNode;
  /** Beside the title. */
  mark?: ReactNode;
}

interface ChoiceProps<T extends string> {
  legend: string;
  hint?: ReactNode;
  error?: ReactNode;
  value: T | null;
  options: readonly ChoiceOption<T>[];
  onChange: (value: T) => void;
  columns?: 1 | 2 | 3;
}

const COLUMNS = { 1: "", 2: "sm:grid-cols-2", 3: "sm:grid-cols-3" } as const;

/** One of a few, each with what it means. The browser's radios: arrows move, Tab leaves. */
export function Choice<T extends string>({
  legend,
  hint,
  error,
  value,
  options,
  onChange,
  columns = 1,
}: ChoiceProps<T>) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <fieldset aria-describedby={described || undefined} className="min-w-0">
      <legend className="pb-1 font-medium text-ink text-sm">{legend}</legend>
      <div className={cn("grid gap-2", COLUMNS[columns])}>
        {options.map((option) => (
          <label
            key={option.value}
            className="flex cursor-pointer items-start gap-2 rounded-md border border-line bg-surface px-3 py-2 has-checked:border-accent has-focus-visible:outline-2 has-focus-visible:outline-accent has-checked:bg-accent-soft hover:bg-hover has-checked:hover:bg-accent-soft"
          >
            <input
              type="radio"
              name={id}
              value={option.value}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
              aria-labelledby={`${id}-${option.value}`}
              aria-describedby={
                option.body === undefined ? undefined : `${id}-${option.value}-body`
              }
              className="mt-1 size-3.5 shrink-0 accent-accent"
            />
            <span className="min-w-0 flex-1">
              <span id={`${id}-${option.value}`} className="font-medium text-ink">
                {option.title}
              </span>
              {option.mark}
              {option.body !== undefined && (
                <span id={`${id}-${option.value}-body`} className="block text-muted text-sm">
                  {option.body}
                </span>
              )}
            </span>
          </label>
        ))}
      </div>
      {hint && (
        <p id={`${id}-hint`} className="pt-1 text-faint text-xs">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} className="pt-1 text-danger-ink text-sm">
          {error}
        </p>
      )}
    </fieldset>
  );
}
