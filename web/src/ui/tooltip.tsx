import { Tooltip as Radix } from "radix-ui";
import type { FocusEvent, ReactElement, ReactNode } from "react";
import { Kbd } from "./kbd";

/** Long enough that a pointer passing by opens nothing. */
const DELAY_MS = 350;

export interface TooltipProps {
  content: ReactNode;
  /** A shortcut to show beside the words. */
  keys?: string;
  side?: "top" | "right" | "bottom" | "left";
  /** One element that takes a ref and focus. */
  children: ReactElement;
}

/** A dialog that opens focuses its first control; that is nobody asking what it does. */
function onlyByKeyboard(event: FocusEvent<HTMLElement>) {
  if (!event.currentTarget.matches(":focus-visible")) event.preventDefault();
}

/** A word about a control. Never the only place where something is said: touch has no hover. */
export function Tooltip({ content, keys, side = "top", children }: TooltipProps) {
  return (
    <Radix.Provider delayDuration={DELAY_MS} disableHoverableContent>
      <Radix.Root>
        <Radix.Trigger asChild onFocus={onlyByKeyboard}>
          {children}
        </Radix.Trigger>
        <Radix.Portal>
          <Radix.Content
            side={side}
            sideOffset={6}
            collisionPadding={8}
            className="z-50 flex max-w-xs animate-rise items-center gap-2 rounded-md bg-ink px-2 py-1 text-xs text-canvas shadow-floating"
          >
            {content}
            {keys !== undefined && <Kbd keys={keys} inverse />}
          </Radix.Content>
        </Radix.Portal>
      </Radix.Root>
    </Radix.Provider>
  );
}
