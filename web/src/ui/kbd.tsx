import { isApple, keyCaps } from "../lib/keyboard";
import { cn } from "./cn";

const APPLE = typeof navigator !== "undefined" && isApple(navigator.platform);

/** Keys as caps: `<Kbd keys="mod+k" />`, `<Kbd keys="g i" />`. */
export function Kbd({
  keys,
  inverse = false,
  className,
}: {
  keys: string;
  inverse?: boolean;
  className?: string;
}) {
  return (
    <span className={cn("inline-flex shrink-0 gap-0.5", className)}>
      {keyCaps(keys, APPLE).map((cap, index) => (
        <kbd
          // biome-ignore lint/suspicious/noArrayIndexKey: caps never move, and a cap can occur twice.
          key={index}
          className={cn(
            "inline-flex h-4.5 min-w-4.5 items-center justify-center rounded-sm border px-1 font-sans text-xs leading-none",
            inverse ? "border-current/40" : "border-line bg-surface text-muted",
          )}
        >
          {cap}
        </kbd>
      ))}
    </span>
  );
}
