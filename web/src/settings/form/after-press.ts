/**
 * Runs when no pointer is down any more. Leaving a field by pressing a button beside it must not
 * move that button: the press would end on something else and be lost.
 */
export function afterPress(run: () => void): void {
  if (!down) {
    run();
    return;
  }
  const up = () => {
    window.removeEventListener("pointerup", up);
    window.removeEventListener("pointercancel", up);
    // The click comes right behind the pointer's end.
    setTimeout(run);
  };
  window.addEventListener("pointerup", up);
  window.addEventListener("pointercancel", up);
}

let down = false;

if (typeof window !== "undefined") {
  const set = (is: boolean) => () => {
    down = is;
  };
  window.addEventListener("pointerdown", set(true), { capture: true });
  window.addEventListener("pointerup", set(false), { capture: true });
  window.addEventListener("pointercancel", set(false), { capture: true });
}
