import { Check, Minus } from "lucide-react";
import { Checkbox as Radix, Switch as RadixSwitch } from "radix-ui";
import { type ReactNode, useId } from "react";
import { cn } from "./cn";

export interface CheckboxProps {
  checked: boolean | "indeterminate";
  onCheckedChange: (checked: boolean) => void;
  /** Stands beside it and can be pressed as well. */
  label: ReactNode;
  labelHidden?: boolean;
  hint?: ReactNode;
  disabled?: boolean;
  className?: string;
}

export function Checkbox({
  checked,
  onCheckedChange,
  label,
  labelHidden = false,
  hint,
  disabled,
  className,
}: CheckboxProps) {
  const id = useId();
  return (
    <div className={cn("flex items-start gap-2", className)}>
      <Radix.Root
        id={id}
        checked={checked}
        disabled={disabled}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        onCheckedChange={(next) => onCheckedChange(next === true)}
        className="mt-0.5 flex size-4 shrink-0 items-center justify-center rounded-sm border border-strong bg-surface text-on-accent disabled:opacity-50 data-[state=checked]:border-accent data-[state=checked]:bg-accent data-[state=indeterminate]:border-accent data-[state=indeterminate]:bg-accent"
      >
        <Radix.Indicator>
          {checked === "indeterminate" ? (
            <Minus aria-hidden className="size-3" strokeWidth={3} />
          ) : (
            <Check aria-hidden className="size-3" strokeWidth={3} />
          )}
        </Radix.Indicator>
      </Radix.Root>
      <Words id={id} label={label} labelHidden={labelHidden} hint={hint} />
    </div>
  );
}

export interface SwitchProps extends Omit<CheckboxProps, "checked"> {
  checked: boolean;
}

/** For what takes effect at once; a form that is sent uses `Checkbox`. */
export function Switch({
  checked,
  onCheckedChange,
  label,
  labelHidden = false,
  hint,
  disabled,
  className,
}: SwitchProps) {
  const id = useId();
  return (
    <div className={cn("flex items-start gap-2", className)}>
      <RadixSwitch.Root
        id={id}
        checked={checked}
        disabled={disabled}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        onCheckedChange={onCheckedChange}
        className="mt-0.5 h-4 w-7 shrink-0 rounded-full bg-neutral transition-colors disabled:opacity-50 data-[state=checked]:bg-accent"
      >
        <RadixSwitch.Thumb className="block size-3 translate-x-0.5 rounded-full bg-on-accent transition-transform data-[state=checked]:translate-x-3.5" />
      </RadixSwitch.Root>
      <Words id={id} label={label} labelHidden={labelHidden} hint={hint} />
    </div>
  );
}

function Words({
  id,
  label,
  labelHidden,
  hint,
}: Pick<CheckboxProps, "label" | "labelHidden" | "hint"> & { id: string }) {
  return (
    <div className={labelHidden ? "sr-only" : "flex flex-col"}>
      <label htmlFor={id} className="text-base text-ink">
        {label}
      </label>
      {hint !== undefined && (
        <span id={`${id}-hint`} className="text-xs text-faint">
          {hint}
        </span>
      )}
    </div>
  );
}
