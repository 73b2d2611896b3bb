import { useRef } from "react";

/**
 * Gives the focus back when a dialog closes. Radix gives it to the trigger that it rendered, and to
 * nothing where a dialog is opened by a key or a state: the focus would be lost.
 *
 * What had it is looked at while rendering: afterwards a field inside may have taken it already.
 */
export function useReturnFocus(open: boolean): { onCloseAutoFocus: (event: Event) => void } {
  const before = useRef<Element | null>(null);
  const was = useRef(false);
  if (open && !was.current) before.current = document.activeElement;
  was.current = open;
  return {
    onCloseAutoFocus: (event) => {
      event.preventDefault();
      const place = before.current;
      // Whoever closed it may have led the focus elsewhere, and what had it may be gone.
      const free = document.activeElement === null || document.activeElement === document.body;
      if (free && place instanceof HTMLElement && place.isConnected) {
        place.focus({ preventScroll: true });
      }
    },
  };
}
