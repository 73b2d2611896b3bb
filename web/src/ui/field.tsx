import { CircleAlert } from "lucide-react";
import { createContext, type ReactNode, useContext, useId, useMemo } from "react";
import { ui } from "../strings/ui";
import { cn } from "./cn";

interface FieldIds {
  id: string;
  describedBy: string | undefined;
  invalid: boolean;
  required: boolean;
}

const FieldContext = createContext<FieldIds | null>(null);

export interface FieldProps {
  label: ReactNode;
  /** Read before typing: what is meant, with an example. */
  hint?: ReactNode;
  /** What is wrong and how to mend it. */
  error?: ReactNode;
  required?: boolean;
  /** The label is only read out, where the place makes it plain to the eye. */
  labelHidden?: boolean;
  className?: string;
  children: ReactNode;
}

/** A label, one control, and what belongs to it; the control inside is wired up by itself. */
export function Field({
  label,
  hint,
  error,
  required = false,
  labelHidden = false,
  className,
  children,
}: FieldProps) {
  const id = useId();
  const hasError = error !== undefined && error !== null && error !== false && error !== "";
  const hasHint = hint !== undefined && hint !== null;
  const describedBy =
    [hasHint ? `${id}-hint` : "", hasError ? `${id}-error` : ""].filter(Boolean).join(" ") ||
    undefined;
  const ids = useMemo(
    () => ({ id, describedBy, invalid: hasError, required }),
    [id, describedBy, hasError, required],
  );
  return (
    <FieldContext value={ids}>
      <div className={cn("flex flex-col gap-1", className)}>
        <label htmlFor={id} className={labelHidden ? "sr-only" : "text-sm font-medium text-ink"}>
          {label}
          {required && (
            <>
              <span aria-hidden className="text-danger-ink">
                {" *"}
              </span>
              <span className="sr-only"> ({ui.required})</span>
            </>
          )}
        </label>
        {children}
        {hasHint && (
          <p id={`${id}-hint`} className="text-xs text-faint">
            {hint}
          </p>
        )}
        {hasError && (
          <p id={`${id}-error`} className="flex items-start gap-1 text-sm text-danger-ink">
            <CircleAlert aria-hidden className="mt-0.5 size-3.5 shrink-0" />
            <span>{error}</span>
          </p>
        )}
      </div>
    </FieldContext>
  );
}

/** The attributes of a control inside a `Field`; its own ones win. */
export function useFieldProps<T extends { id?: string; required?: boolean }>(props: T) {
  const field = useContext(FieldContext);
  if (field === null) return props;
  return {
    ...props,
    id: props.id ?? field.id,
    required: props.required ?? field.required,
    "aria-invalid": field.invalid || undefined,
    "aria-describedby": field.describedBy,
  };
}
