import { type ReactNode, useEffect, useRef } from "react";
import { Callout } from "../ui";

/** In place of a form that has done its work; the focus goes there. */
export function Said({
  title,
  action,
  children,
}: {
  title: string;
  /** What one may do next. */
  action?: ReactNode;
  children: ReactNode;
}) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => place.current?.focus(), []);
  return (
    <div className="flex flex-col items-start gap-3">
      <div ref={place} tabIndex={-1} data-focus-quiet role="status" className="w-full">
        <Callout tone="ok" title={title}>
          {children}
        </Callout>
      </div>
      {action}
    </div>
  );
}
