import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { duration } from "../../lib/time";
import { run as words } from "../../strings/run";
import { cn } from "../../ui";

type InkTone = "neutral" | "ok" | "warn" | "danger" | "info" | "accent" | "faint";

const INK: Record<InkTone, string> = {
  neutral: "text-muted",
  ok: "text-ok-ink",
  warn: "text-warn-ink",
  danger: "text-danger-ink",
  info: "text-info-ink",
  accent: "text-accent-ink",
  faint: "text-faint",
};

export interface LineProps {
  icon: LucideIcon;
  tone?: InkTone;
  /** In one line with the icon. */
  children?: ReactNode;
  /** Below the line, or all there is. */
  more?: ReactNode;
  strong?: boolean;
}

/** A row of the activity: an icon, a line, and what belongs below it. */
export function Line({ icon: Icon, tone = "neutral", children, more, strong = false }: LineProps) {
  return (
    <div className="flex min-w-0 flex-1 gap-2">
      <Icon aria-hidden className={cn("mt-0.5 size-4 shrink-0", INK[tone])} />
      <div className="min-w-0 flex-1">
        {children !== undefined && (
          <div
            className={cn("flex min-h-5 flex-wrap items-baseline gap-x-2", strong && "font-medium")}
          >
            {children}
          </div>
        )}
        {more}
      </div>
    </div>
  );
}

export function Faint({ children, title }: { children: ReactNode; title?: string }) {
  return (
    <span title={title} className="text-sm font-normal text-faint">
      {children}
    </span>
  );
}

/** How long it took and how it ended, behind a step's or a check's name. */
export function Outcome({ ms, exitCode }: { ms: number | null; exitCode: number | null }) {
  return (
    <>
      {ms !== null && <Faint>{duration(ms)}</Faint>}
      {exitCode !== null && exitCode !== 0 && <Faint>{words.row.exit(exitCode)}</Faint>}
    </>
  );
}
