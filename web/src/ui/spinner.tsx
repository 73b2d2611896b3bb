import { LoaderCircle } from "lucide-react";
import { ui } from "../strings/ui";
import { cn } from "./cn";

/** Turns while something is under way. With `label={null}` where the words stand beside it. */
export function Spinner({
  className,
  label = ui.loading,
}: {
  className?: string;
  label?: string | null;
}) {
  const icon = (
    <LoaderCircle aria-hidden className={cn("size-4 shrink-0 animate-spin", className)} />
  );
  if (label === null) return icon;
  return (
    <span role="status" className="inline-flex">
      {icon}
      <span className="sr-only">{label}</span>
    </span>
  );
}
