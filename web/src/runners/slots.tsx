import { runners as words } from "../strings/runners";
import { cn } from "../ui";
import { SLOTS_DRAWN, slots } from "./fleet";

/** How much of a runner is in use: one mark a slot; a bar where there are many. */
export function Slots({ busy, capacity }: { busy: number; capacity: number }) {
  // A runner that has never connected has not said how much it takes.
  if (capacity === 0 && busy === 0) return null;
  const { full, free, over } = slots(busy, capacity);
  const many = capacity > SLOTS_DRAWN;
  return (
    <span className="inline-flex items-center gap-2">
      <span aria-hidden className="inline-flex gap-0.5">
        {many ? (
          <span className="h-2 w-24 overflow-hidden rounded-sm bg-neutral-soft">
            <span
              className="block h-full bg-info"
              style={{ width: `${Math.round((full / capacity) * 100)}%` }}
            />
          </span>
        ) : (
          [
            ...Array(full).fill("full"),
            ...Array(over).fill("over"),
            ...Array(free).fill("free"),
          ].map((kind: string, at) => (
            <span
              // biome-ignore lint/suspicious/noArrayIndexKey: a slot is its place.
              key={at}
              className={cn(
                "h-3 w-2 rounded-xs border",
                kind === "free" ? "border-strong" : "border-transparent",
                kind === "full" && "bg-info",
                kind === "over" && "bg-warn",
              )}
            />
          ))
        )}
      </span>
      <span className="text-muted text-sm tabular-nums" title={words.slotsLabel(busy, capacity)}>
        {words.slots(busy, capacity)}
        <span className="sr-only"> {words.slotsInUse}</span>
      </span>
    </span>
  );
}
