import { CircleAlert, CircleCheck, Info, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { cn } from "./cn";
import { softTone, type Tone } from "./tone";

const ICON = {
  neutral: Info,
  info: Info,
  accent: Info,
  ok: CircleCheck,
  warn: TriangleAlert,
  danger: CircleAlert,
} as const;

export interface CalloutProps {
  tone?: Tone;
  title?: ReactNode;
  /** A button or link at its end. */
  action?: ReactNode;
  className?: string;
  children?: ReactNode;
}

/** A remark that belongs to what is around it. */
export function Callout({ tone = "info", title, action, className, children }: CalloutProps) {
  const Icon = ICON[tone];
  return (
    <div className={cn("flex items-start gap-2 rounded-md px-3 py-2", softTone[tone], className)}>
      <Icon aria-hidden className="mt-0.5 size-4 shrink-0" />
      <div className="min-w-0 flex-1 text-base">
        {title !== undefined && <p className="font-medium">{title}</p>}
        {children}
      </div>
      {action}
    </div>
  );
}
