/** Which shortcut a press completes. Pure: the caller says what time it is. */

import { type Combo, matches, type Press, parseKeys } from "../lib/keyboard";

export interface Shortcut {
  /** `?`, `mod+k`, `g i`. */
  keys: string;
  /** What it does, in the list of shortcuts. */
  label: string;
  /** Absent where the view listens by itself and only wants to be in the list. */
  run?: () => void;
  /** Works while writing and while a dialog is open as well. */
  always?: boolean;
}

/** Between the keys of a sequence. */
const SEQUENCE_MS = 1_200;

export class ShortcutMatcher {
  private begun: { combos: Combo[]; at: number } | null = null;

  /** Whether the next press may be the second of a sequence. */
  waits(now: number): boolean {
    return this.begun !== null && now - this.begun.at <= SEQUENCE_MS;
  }

  /**
   * The shortcut that this press completes; null when there is none. Of two the later one wins:
   * a view's own are registered after those of the shell.
   */
  press(
    pressed: Press,
    shortcuts: readonly Shortcut[],
    now: number,
    apple: boolean,
  ): Shortcut | null {
    if (["Shift", "Control", "Alt", "Meta"].includes(pressed.key)) return null;
    const before = this.waits(now) ? (this.begun?.combos ?? []) : [];
    this.begun = null;
    let longer: Combo[] | null = null;
    for (const shortcut of shortcuts.toReversed()) {
      const combos = parseKeys(shortcut.keys);
      const combo = combos[before.length];
      if (combo === undefined || !startsWith(combos, before)) continue;
      if (!matches(pressed, combo, apple)) continue;
      if (combos.length === before.length + 1) {
        if (shortcut.run !== undefined) return shortcut;
      } else {
        longer ??= [...before, combo];
      }
    }
    if (longer !== null) this.begun = { combos: longer, at: now };
    return null;
  }
}

function startsWith(combos: readonly Combo[], begun: readonly Combo[]): boolean {
  return begun.every((combo, at) => combos[at]?.key === combo.key);
}
