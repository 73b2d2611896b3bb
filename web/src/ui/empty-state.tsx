import type { ReactNode } from "react";
import { cn } from "./cn";

export interface EmptyStateProps {
  title: string;
  /** Why it is empty, and what would fill it. */
  body?: ReactNode;
  action?: ReactNode;
  icon?: ReactNode;
  className?: string;
}

/** Where there is nothing yet: says so, and offers the next step. */
export function EmptyState({ title, body, action, icon, className }: EmptyStateProps) {
  return (
    <div className={cn("flex flex-col items-center gap-1 px-4 py-12 text-center", className)}>
      {icon !== undefined && (
        <div aria-hidden className="mb-2 text-faint [&_svg]:size-6">
          {icon}
        </div>
      )}
      <h2 className="text-lg font-semibold text-ink">{title}</h2>
      {body !== undefined && <div className="max-w-prose text-muted">{body}</div>}
      {action !== undefined && (
        <div className="mt-3 flex flex-wrap justify-center gap-2">{action}</div>
      )}
    </div>
  );
}
