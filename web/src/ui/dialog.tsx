import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { ui } from "../strings/ui";
import { Button } from "./button";
import { cn } from "./cn";
import { useReturnFocus } from "./return-focus";

export interface DialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  description?: ReactNode;
  /** Buttons, at the lower edge. */
  footer?: ReactNode;
  size?: "sm" | "md" | "lg";
  children?: ReactNode;
}

const WIDTH = { sm: "max-w-sm", md: "max-w-lg", lg: "max-w-3xl" } as const;

const SCRIM = "fixed inset-0 z-40 bg-scrim";

/** Who opens a form wants to fill it; without a field the focus goes to the first button. */
function intoForm(event: Event) {
  // Of a choice, the keyboard reaches only what is chosen.
  const field = (event.currentTarget as HTMLElement | null)?.querySelector<HTMLElement>(
    ":is(textarea, select, input):enabled:not([type=hidden]):not([type=radio]:not(:checked))",
  );
  if (!field) return;
  event.preventDefault();
  field.focus();
}

/** A question or a form over the page. Focus goes in, and back to where it was. */
export function Dialog({
  open,
  onOpenChange,
  title,
  description,
  footer,
  size = "md",
  children,
}: DialogProps) {
  const giveBack = useReturnFocus(open);
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className={SCRIM} />
        <Radix.Content
          {...giveBack}
          onOpenAutoFocus={intoForm}
          {...(description === undefined ? { "aria-describedby": undefined } : {})}
          className={cn(
            "fixed inset-x-2 top-[8vh] z-50 mx-auto flex max-h-[84vh] animate-rise flex-col rounded-lg border border-line bg-raised shadow-floating",
            WIDTH[size],
          )}
        >
          <header className="flex items-start gap-2 px-4 pt-3 pb-2">
            <div className="min-w-0 flex-1 pt-1">
              <Radix.Title className="text-lg font-semibold text-ink">{title}</Radix.Title>
              {description !== undefined && (
                <Radix.Description className="mt-1 text-muted">{description}</Radix.Description>
              )}
            </div>
            <CloseButton />
          </header>
          <div className="min-h-0 flex-1 overflow-y-auto px-4 py-2">{children}</div>
          {footer !== undefined && (
            <footer className="flex flex-wrap justify-end gap-2 px-4 pt-2 pb-4">{footer}</footer>
          )}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

export interface DrawerProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** Names the drawer; shown unless `header` takes its place. */
  title: string;
  /** Instead of the title line; the close button stays. */
  header?: ReactNode;
  footer?: ReactNode;
  children?: ReactNode;
}

/** A sheet at the right edge; the whole width of a phone. */
export function Drawer({ open, onOpenChange, title, header, footer, children }: DrawerProps) {
  const giveBack = useReturnFocus(open);
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className={SCRIM} />
        <Radix.Content
          {...giveBack}
          aria-describedby={undefined}
          className="fixed inset-y-0 right-0 z-50 flex w-full max-w-2xl animate-slide-in flex-col border-line border-l bg-surface shadow-floating"
        >
          <header className="flex items-start gap-2 border-line border-b px-4 py-2">
            <div className="min-w-0 flex-1 self-center">
              <Radix.Title
                dir="auto"
                className={header === undefined ? "truncate text-lg font-semibold" : "sr-only"}
              >
                {title}
              </Radix.Title>
              {header}
            </div>
            <CloseButton />
          </header>
          <div className="min-h-0 flex-1 overflow-y-auto">{children}</div>
          {footer !== undefined && (
            <footer className="flex flex-wrap gap-2 border-line border-t px-4 py-3">
              {footer}
            </footer>
          )}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

function CloseButton() {
  return (
    <Radix.Close asChild>
      {/* Without a tooltip: focus often starts here, and it would cover the title. */}
      <Button variant="ghost" aria-label={ui.close} className="w-8 px-0">
        <X aria-hidden />
      </Button>
    </Radix.Close>
  );
}
