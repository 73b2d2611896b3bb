import { useSyncExternalStore } from "react";
import { now } from "../lib/clock";
import { duration, fullTime, relative } from "../lib/time";
import { cn } from "./cn";
import { ticker } from "./ticker";

/** How long ago, with the full time in its title. */
export function Time({ at, className }: { at: string; className?: string }) {
  const present = useSyncExternalStore(ticker.slow.subscribe, ticker.slow.read, now);
  return (
    <time dateTime={at} title={fullTime(at)} className={cn("whitespace-nowrap", className)}>
      {relative(at, present)}
    </time>
  );
}

export interface DurationProps {
  from: string;
  /** Null while it goes on: then it counts. */
  to?: string | null;
  className?: string;
}

/** How long something took or has taken so far. */
export function Duration({ from, to, className }: DurationProps) {
  const going = to === null || to === undefined;
  const clock = going ? ticker.fast : ticker.still;
  const present = useSyncExternalStore(clock.subscribe, clock.read, now);
  const end = going ? present : Date.parse(to);
  const span = end - Date.parse(from);
  return (
    <span className={cn("whitespace-nowrap", className)} title={fullTime(from)}>
      <span className="tabular-nums">
        {duration(going ? Math.floor(Math.max(0, span) / 1_000) * 1_000 : span)}
      </span>
    </span>
  );
}
