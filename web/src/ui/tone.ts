export type Tone = "neutral" | "ok" | "warn" | "danger" | "info" | "accent";

/** Ground and text of a soft patch in that tone. Whole names, so that Tailwind finds them. */
export const softTone: Record<Tone, string> = {
  neutral: "bg-neutral-soft text-neutral-ink",
  ok: "bg-ok-soft text-ok-ink",
  warn: "bg-warn-soft text-warn-ink",
  danger: "bg-danger-soft text-danger-ink",
  info: "bg-info-soft text-info-ink",
  accent: "bg-accent-soft text-accent-ink",
};

/** Text in that tone on canvas, surface or raised. */
export const inkTone: Record<Tone, string> = {
  neutral: "text-neutral-ink",
  ok: "text-ok-ink",
  warn: "text-warn-ink",
  danger: "text-danger-ink",
  info: "text-info-ink",
  accent: "text-accent-ink",
};
