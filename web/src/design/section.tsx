import type { ReactNode } from "react";
import { cn } from "../ui";

export function Section({
  title,
  column = false,
  children,
}: {
  title: string;
  column?: boolean;
  children: ReactNode;
}) {
  return (
    <section className="flex flex-col gap-3">
      <h3 className="border-line border-b pb-1 text-sm font-medium text-muted">{title}</h3>
      <div className={cn("flex gap-3", column ? "flex-col" : "flex-wrap items-center")}>
        {children}
      </div>
    </section>
  );
}
