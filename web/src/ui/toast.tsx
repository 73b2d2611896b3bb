import { X } from "lucide-react";
import { useSyncExternalStore } from "react";
import { ui } from "../strings/ui";
import { Button, IconButton } from "./button";
import { cn } from "./cn";
import { type Toast, toast } from "./toast-store";
import { inkTone, type Tone } from "./tone";

/** The place where toasts appear; mounted once, by the shell. */
export function Toaster() {
  const toasts = useSyncExternalStore(toast.subscribe, toast.list, toast.list);
  return (
    <section
      aria-label={ui.notifications}
      aria-live="polite"
      className="pointer-events-none fixed inset-x-2 bottom-16 z-60 flex flex-col items-end gap-2 md:right-4 md:bottom-4 md:left-auto"
    >
      {toasts.map((item) => (
        <Card key={item.id} item={item} />
      ))}
    </section>
  );
}

function Card({ item }: { item: Toast }) {
  const tone: Tone = item.tone ?? "neutral";
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: pointing at it only stops its clock.
    <div
      onMouseEnter={() => toast.hold(item.id)}
      onMouseLeave={() => toast.release(item.id)}
      onFocus={() => toast.hold(item.id)}
      onBlur={() => toast.release(item.id)}
      className="pointer-events-auto flex w-full max-w-sm animate-rise items-center gap-2 rounded-lg border border-line bg-raised py-1.5 pr-1.5 pl-3 shadow-floating"
    >
      <div className="min-w-0 flex-1 py-0.5">
        <p
          dir="auto"
          className={cn("line-clamp-3", tone === "neutral" ? "text-ink" : inkTone[tone])}
        >
          {item.title}
        </p>
        {item.body !== undefined && <p className="line-clamp-3 text-sm text-muted">{item.body}</p>}
      </div>
      {item.action !== undefined && (
        <Button
          size="sm"
          onClick={() => {
            toast.dismiss(item.id);
            item.action?.onSelect();
          }}
        >
          {item.action.label}
        </Button>
      )}
      <IconButton size="sm" label={ui.dismiss} onClick={() => toast.dismiss(item.id)}>
        <X aria-hidden />
      </IconButton>
    </div>
  );
}
