import { ChevronDown } from "lucide-react";
import type { Ref, SelectHTMLAttributes } from "react";
import { cn } from "./cn";
import { useFieldProps } from "./field";

export interface SelectOption<T extends string = string> {
  value: T;
  label: string;
  disabled?: boolean;
}

export interface SelectProps<T extends string = string>
  extends Omit<
    SelectHTMLAttributes<HTMLSelectElement>,
    "value" | "onChange" | "size" | "children"
  > {
  value: T;
  onValueChange: (value: T) => void;
  options: readonly SelectOption<T>[];
  /** Shown while the value is empty; cannot be chosen. */
  placeholder?: string;
  size?: "sm" | "md";
  ref?: Ref<HTMLSelectElement>;
}

/** The browser's own select: it works with every keyboard, screen reader and phone. */
export function Select<T extends string>({
  value,
  onValueChange,
  options,
  placeholder,
  size = "md",
  className,
  ...rest
}: SelectProps<T>) {
  const props = useFieldProps(rest);
  return (
    <span className={cn("relative inline-flex w-full", className)}>
      <select
        {...props}
        value={value}
        onChange={(event) => onValueChange(event.target.value as T)}
        className={cn(
          "w-full appearance-none truncate rounded-md border border-strong bg-surface pr-7 pl-2.5 text-ink aria-invalid:border-danger disabled:cursor-not-allowed disabled:opacity-60",
          size === "sm" ? "h-7 text-sm" : "h-8 text-base",
        )}
      >
        {placeholder !== undefined && (
          <option value="" disabled>
            {placeholder}
          </option>
        )}
        {options.map((option) => (
          <option key={option.value} value={option.value} disabled={option.disabled}>
            {option.label}
          </option>
        ))}
      </select>
      <ChevronDown
        aria-hidden
        className="pointer-events-none absolute top-1/2 right-2 size-4 -translate-y-1/2 text-muted"
      />
    </span>
  );
}
