import { ui } from "../strings/ui";
import { cn } from "./cn";

/** A patch of the size of what comes. */
export function Skeleton({ className }: { className?: string }) {
  return (
    <div aria-hidden aria-busy className={cn("h-4 animate-pulse rounded-sm bg-hover", className)} />
  );
}

/** Says once to those who do not see the patches that something is coming. */
export function Loading({ label = ui.loading }: { label?: string }) {
  return (
    <p role="status" className="sr-only">
      {label}
    </p>
  );
}
