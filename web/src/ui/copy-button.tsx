import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { ui } from "../strings/ui";
import { Button, IconButton } from "./button";
import { toast } from "./toast-store";

/** How long the tick is shown. */
const TICK_MS = 1_500;

export interface CopyButtonProps {
  text: string;
  /** What is copied, read out: "Copy the command". */
  label?: string;
  /** With the label beside the icon. */
  words?: boolean;
  size?: "sm" | "md";
  className?: string;
}

export function CopyButton({
  text,
  label = ui.copy,
  words = false,
  size = "sm",
  className,
}: CopyButtonProps) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), TICK_MS);
    return () => clearTimeout(timer);
  }, [done]);

  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
    } catch {
      // Forbidden, or the page is neither on localhost nor on HTTPS.
      toast.show({ title: ui.copyFailed, tone: "warn" });
    }
  }

  const icon = done ? <Check aria-hidden className="text-ok-ink" /> : <Copy aria-hidden />;
  if (words) {
    return (
      <Button size={size} icon={icon} onClick={copy} className={className}>
        {done ? ui.copied : label}
      </Button>
    );
  }
  return (
    <IconButton size={size} label={done ? ui.copied : label} onClick={copy} className={className}>
      {icon}
    </IconButton>
  );
}
