import {
  Ban,
  CircleCheck,
  CircleDashed,
  CircleDot,
  CircleX,
  Eye,
  type LucideIcon,
  PlaneLanding,
} from "lucide-react";
import type { ReactNode } from "react";
import type { RunState } from "../api/types";
import { reasonText } from "../strings/reasons";
import { ui } from "../strings/ui";
import { cn } from "./cn";
import { Spinner } from "./spinner";
import { softTone, type Tone } from "./tone";

export interface BadgeProps {
  tone?: Tone;
  icon?: ReactNode;
  title?: string;
  className?: string;
  children: ReactNode;
}

export function Badge({ tone = "neutral", icon, title, className, children }: BadgeProps) {
  return (
    <span
      title={title}
      className={cn(
        "inline-flex h-5 max-w-full shrink-0 items-center gap-1 rounded-sm px-1.5 text-xs font-medium [&_svg]:size-3.5 [&_svg]:shrink-0",
        softTone[tone],
        className,
      )}
    >
      {icon}
      <span className="truncate">{children}</span>
    </span>
  );
}

/** Tone and shape together, so that nobody needs to tell colours apart. */
const STATE: Record<RunState, { tone: Tone; icon: LucideIcon | "spin" }> = {
  queued: { tone: "neutral", icon: CircleDashed },
  dispatching: { tone: "info", icon: CircleDashed },
  running: { tone: "info", icon: "spin" },
  waiting: { tone: "accent", icon: Eye },
  landing: { tone: "info", icon: PlaneLanding },
  succeeded: { tone: "ok", icon: CircleCheck },
  failed: { tone: "danger", icon: CircleX },
  cancelled: { tone: "neutral", icon: Ban },
  rejected: { tone: "warn", icon: Ban },
};

export interface StateBadgeProps {
  state: RunState;
  /** The reason's code; said in the title, and in the text with `explain`. */
  reason?: string | null;
  explain?: boolean;
  className?: string;
}

/** Where a run is. */
export function StateBadge({ state, reason, explain = false, className }: StateBadgeProps) {
  // A server that is newer than the page may know states that the page does not.
  const look = STATE[state] ?? { tone: "neutral" as const, icon: CircleDot };
  const name = ui.states[state] ?? state;
  const why = reason ? reasonText(reason) : undefined;
  const Icon = look.icon;
  return (
    <Badge
      tone={look.tone}
      title={why}
      className={className}
      icon={Icon === "spin" ? <Spinner label={null} /> : <Icon aria-hidden />}
    >
      {explain && why !== undefined ? `${name}: ${why}` : name}
    </Badge>
  );
}
