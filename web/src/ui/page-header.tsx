import { type ReactNode, useEffect } from "react";
import { ui } from "../strings/ui";
import { cn } from "./cn";

export interface PageHeaderProps {
  /** The page's one heading, and the window's title. */
  title: string;
  /** Instead of the title where it stands in the page: an edit field, a title with a badge. */
  heading?: ReactNode;
  /** Links to where this page belongs. */
  breadcrumbs?: ReactNode[];
  actions?: ReactNode;
  /** A line below. */
  children?: ReactNode;
  className?: string;
}

const SITE = "Freehold";

export function PageHeader({
  title,
  heading,
  breadcrumbs = [],
  actions,
  children,
  className,
}: PageHeaderProps) {
  useEffect(() => {
    document.title = title === "" ? SITE : `${title} · ${SITE}`;
  }, [title]);
  return (
    <header className={cn("flex flex-col gap-1 pb-3", className)}>
      {breadcrumbs.length > 0 && (
        <nav aria-label={ui.breadcrumbs}>
          <ol className="flex flex-wrap items-center gap-1 text-sm text-muted">
            {breadcrumbs.map((crumb, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the place in the row is what it is.
              <li key={index} className="flex min-w-0 items-center gap-1">
                {index > 0 && (
                  <span aria-hidden className="text-faint">
                    /
                  </span>
                )}
                {crumb}
              </li>
            ))}
          </ol>
        </nav>
      )}
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <h1
          // Focus goes here after a navigation, so that reading starts at the new page.
          tabIndex={-1}
          data-page-heading
          dir="auto"
          className="min-w-0 flex-1 basis-48 text-xl font-semibold text-ink"
        >
          {heading ?? title}
        </h1>
        {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
      </div>
      {children}
    </header>
  );
}
