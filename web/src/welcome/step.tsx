import { Check } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import { welcome as words } from "../strings/welcome";
import { cn } from "../ui";
import {
  type Checklist,
  currentProject,
  type StepId,
  type StepState,
  type World,
} from "./checklist";

interface StepProps {
  id: StepId;
  number: number;
  state: StepState;
  world: World;
  list: Checklist;
  children: ReactNode;
}

const STATE = { done: words.stepDone, now: words.stepNow, later: words.stepLater } as const;

export function Step({ id, number, state, world, list, children }: StepProps) {
  const done = state === "done" ? summary(id, world, list) : null;
  const heading = useRef<HTMLHeadingElement>(null);
  const before = useRef(state);
  useEffect(() => {
    const reached = state === "now" && before.current === "later";
    before.current = state;
    // The button that was pressed went away with its step: go on where the next one begins, but
    // interrupt nobody who is somewhere else.
    if (reached && document.activeElement === document.body) {
      heading.current?.focus();
      heading.current?.scrollIntoView?.({ block: "nearest" });
    }
  }, [state]);
  return (
    <li
      aria-current={state === "now" ? "step" : undefined}
      className={cn(
        "rounded-lg border px-4 py-3",
        state === "now" ? "border-accent bg-surface" : "border-line",
        state === "done" && "bg-surface",
      )}
    >
      <div className="flex items-center gap-3">
        <span
          aria-hidden
          className={cn(
            "flex size-6 shrink-0 items-center justify-center rounded-full font-medium text-xs tabular-nums",
            state === "done" && "bg-ok-soft text-ok-ink",
            state === "now" && "bg-accent text-on-accent",
            state === "later" && "bg-neutral-soft text-neutral-ink",
          )}
        >
          {state === "done" ? <Check className="size-3.5" strokeWidth={3} /> : number}
        </span>
        <h2 className={cn("shrink-0 font-semibold", state === "later" ? "text-muted" : "text-ink")}>
          {words.steps[id].title}
          <span className="sr-only"> ({STATE[state]})</span>
        </h2>
        {done !== null && (
          <p dir="auto" className="min-w-0 flex-1 truncate text-right text-muted text-sm">
            {done}
          </p>
        )}
      </div>
      {children && <div className="pt-3 sm:pl-9">{children}</div>}
    </li>
  );
}

/** What was done, in a word. */
function summary(id: StepId, world: World, list: Checklist): string | null {
  const names = (things: readonly { name: string }[]) => things.map((one) => one.name).join(", ");
  switch (id) {
    case "runner":
      return names(world.runners.filter((runner) => runner.state !== "offline")) || null;
    case "project":
      return currentProject(world.projects)?.name ?? null;
    case "agent":
      return names(world.agents) || null;
    case "card":
      return list.card?.title ?? null;
    default:
      return null;
  }
}
