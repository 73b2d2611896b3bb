import {
  type InputHTMLAttributes,
  type Ref,
  type TextareaHTMLAttributes,
  useCallback,
  useLayoutEffect,
  useRef,
} from "react";
import { cn } from "./cn";
import { useFieldProps } from "./field";

const BOX =
  "w-full rounded-md border border-strong bg-surface text-base text-ink placeholder:text-faint aria-invalid:border-danger disabled:cursor-not-allowed disabled:opacity-60";

export interface InputProps extends InputHTMLAttributes<HTMLInputElement> {
  ref?: Ref<HTMLInputElement>;
}

export function Input({ className, ...rest }: InputProps) {
  const props = useFieldProps(rest);
  return <input autoComplete="off" {...props} className={cn(BOX, "h-8 px-2.5", className)} />;
}

export interface TextareaProps extends TextareaHTMLAttributes<HTMLTextAreaElement> {
  ref?: Ref<HTMLTextAreaElement>;
  /** Grows with its text up to so many lines, then scrolls. */
  maxRows?: number;
}

const LINE_PX = 20;

export function Textarea({ className, rows = 3, maxRows = 20, ref, ...rest }: TextareaProps) {
  const props = useFieldProps(rest);
  const own = useRef<HTMLTextAreaElement>(null);
  const grow = useCallback(() => {
    const box = own.current;
    if (box === null) return;
    box.style.height = "auto";
    const frame = box.offsetHeight - box.clientHeight;
    box.style.height = `${Math.min(box.scrollHeight + frame, maxRows * LINE_PX)}px`;
  }, [maxRows]);
  // No list of dependencies: the text can change by a keystroke or from outside.
  useLayoutEffect(grow);
  const attach = useCallback(
    (box: HTMLTextAreaElement | null) => {
      own.current = box;
      if (typeof ref === "function") ref(box);
      else if (ref) ref.current = box;
    },
    [ref],
  );
  return (
    <textarea
      dir="auto"
      {...props}
      ref={attach}
      rows={rows}
      onInput={(event) => {
        grow();
        rest.onInput?.(event);
      }}
      className={cn(BOX, "resize-none px-2.5 py-1.5", className)}
    />
  );
}
