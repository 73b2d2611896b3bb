import { useSyncExternalStore } from "react";
import type { Run } from "../api/types";
import { now } from "../lib/clock";
import { duration } from "../lib/time";
import { run as words } from "../strings/run";
import { cn } from "../ui";
import { ticker } from "../ui/ticker";
import { type Journal, type Slice, timeline } from "./journal";
import { isWorking } from "./use-run";

const GROUND: Record<Slice["state"], string> = {
  queue: "bg-line",
  done: "bg-ok",
  running: "bg-info",
  failed: "bg-danger",
  cancelled: "bg-neutral",
  lost: "bg-warn",
};

interface TimelineProps {
  run: Run;
  told: Journal;
  onJump: (seq: number) => void;
}

/** One bar: what the machine's time went into. */
export function Timeline({ run, told, onJump }: TimelineProps) {
  const clock = isWorking(run.state) ? ticker.fast : ticker.still;
  const present = useSyncExternalStore(clock.subscribe, clock.read, now);
  const end = run.finished_at ? Date.parse(run.finished_at) : present;
  const slices = timeline(told, run.created_at, end);
  if (slices.length < 2) return null;
  const total = slices.reduce((sum, slice) => sum + slice.ms, 0);
  return (
    <figure className="flex flex-col gap-1">
      <div className="flex h-3 w-full gap-px overflow-hidden rounded-sm">
        {slices.map((slice) => {
          const name = words.stepName(slice.name);
          const share = `${Math.round((slice.ms / total) * 100)} %`;
          const text = words.steps.timePart(name, duration(slice.ms), share);
          const style = { flexGrow: slice.share, flexBasis: 0 };
          const look = cn("h-full min-w-0.5", GROUND[slice.state]);
          const { seq } = slice;
          if (seq === null)
            return <span key={slice.key} title={text} style={style} className={look} />;
          return (
            <button
              key={slice.key}
              type="button"
              // The steps beside it can be reached by keys, each with the same name and time.
              tabIndex={-1}
              aria-hidden
              title={text}
              style={style}
              className={cn(look, "hover:opacity-80")}
              onClick={() => onJump(seq)}
            />
          );
        })}
      </div>
      <figcaption className="text-xs text-faint" title={words.steps.waited}>
        {words.steps.timeTotal(duration(total))}
      </figcaption>
    </figure>
  );
}
