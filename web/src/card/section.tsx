import type { ReactNode } from "react";

/** A part of the drawer with its heading. */
export function Section({
  title,
  action,
  children,
}: {
  title: string;
  action?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className="flex flex-col gap-2 border-line border-t px-4 py-3">
      <div className="flex min-h-7 items-center gap-2">
        <h3 className="flex-1 text-sm font-semibold text-ink">{title}</h3>
        {action}
      </div>
      {children}
    </section>
  );
}
