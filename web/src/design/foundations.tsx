import { design } from "../strings/design";
import { cn } from "../ui";
import { Section } from "./section";

const GROUNDS = ["bg-canvas", "bg-surface", "bg-raised", "bg-hover"] as const;

const TONES = [
  ["accent", "bg-accent", "bg-accent-soft text-accent-ink", "text-accent-ink"],
  ["ok", "bg-ok", "bg-ok-soft text-ok-ink", "text-ok-ink"],
  ["warn", "bg-warn", "bg-warn-soft text-warn-ink", "text-warn-ink"],
  ["danger", "bg-danger", "bg-danger-soft text-danger-ink", "text-danger-ink"],
  ["info", "bg-info", "bg-info-soft text-info-ink", "text-info-ink"],
  ["neutral", "bg-neutral", "bg-neutral-soft text-neutral-ink", "text-neutral-ink"],
] as const;

const STEPS = ["w-1", "w-2", "w-3", "w-4", "w-6", "w-8", "w-12"] as const;
const RADII = ["rounded-sm", "rounded-md", "rounded-lg", "rounded-full"] as const;

export function Foundations() {
  const say = design.sections;
  return (
    <>
      <Section title={say.type} column>
        {design.sizes.map(([size, use]) => (
          <div key={size}>
            <p className={size}>{design.sentence}</p>
            <p className="text-xs text-faint">
              {size}: {use}
            </p>
          </div>
        ))}
        <p className="font-mono text-sm">{design.mono}</p>
        <p className="flex flex-wrap gap-3">
          {design.ink.map((ink) => (
            <span key={ink} className={ink}>
              {ink}
            </span>
          ))}
        </p>
      </Section>
      <Section title={say.colour} column>
        <div className="grid grid-cols-2 gap-2 sm:grid-cols-4">
          {GROUNDS.map((ground) => (
            <div key={ground} className={cn("rounded-md border border-line p-2 text-sm", ground)}>
              {ground}
            </div>
          ))}
        </div>
        {TONES.map(([name, solid, soft, ink]) => (
          <div key={name} className="grid grid-cols-[2rem_1fr_1fr] items-center gap-2 text-sm">
            <span className={cn("size-6 rounded-md", solid)} />
            <span className={cn("rounded-md px-2 py-1", soft)}>{name}-soft</span>
            <span className={ink}>{name}-ink</span>
          </div>
        ))}
      </Section>
      <Section title={say.spacing}>
        <div className="flex items-end gap-2">
          {STEPS.map((step) => (
            <span key={step} className={cn("h-6 bg-neutral", step)} />
          ))}
        </div>
        {RADII.map((radius) => (
          <span
            key={radius}
            className={cn("border border-strong px-2 py-1 text-xs text-muted", radius)}
          >
            {radius}
          </span>
        ))}
      </Section>
    </>
  );
}
