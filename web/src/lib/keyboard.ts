/** Keys: pure parsing and matching of combinations such as `mod+k`, `?`, `g i`, `shift+enter`. */

export type Press = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">;

export interface Combo {
  key: string;
  mod: boolean;
  alt: boolean;
  shift: boolean;
}

/** Whether Cmd is the key that Ctrl is elsewhere. */
export function isApple(platform: string): boolean {
  return /mac|iphone|ipad/i.test(platform);
}

/** `g i` → two combinations, `mod+k` → one. */
export function parseKeys(keys: string): Combo[] {
  return keys
    .trim()
    .split(/\s+/)
    .map((part) => {
      const names = part.split("+").filter((name) => name !== "");
      const key = (names.at(-1) ?? "+").toLowerCase();
      const modifiers = new Set(names.slice(0, -1).map((name) => name.toLowerCase()));
      return {
        key,
        mod: modifiers.has("mod"),
        alt: modifiers.has("alt"),
        shift: modifiers.has("shift"),
      };
    });
}

/** Whether this press is that combination. */
export function matches(press: Press, combo: Combo, apple: boolean): boolean {
  const mod = apple ? press.metaKey : press.ctrlKey;
  const other = apple ? press.ctrlKey : press.metaKey;
  if (mod !== combo.mod || other || press.altKey !== combo.alt) return false;
  if (press.key.toLowerCase() !== combo.key) return false;
  // A character such as `?` needs Shift on many layouts; there the character itself decides.
  const character = combo.key.length === 1 && !/[a-z0-9]/.test(combo.key);
  return character || press.shiftKey === combo.shift;
}

/** Whether the person is writing, so that a bare letter is a letter. */
export function isTyping(target: EventTarget | null): boolean {
  if (typeof HTMLElement === "undefined" || !(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.tagName === "TEXTAREA" || target.tagName === "SELECT") {
    return true;
  }
  const plain = new Set(["checkbox", "radio", "button", "submit", "range"]);
  return target instanceof HTMLInputElement && !plain.has(target.type);
}

const APPLE: Record<string, string> = { mod: "⌘", alt: "⌥", shift: "⇧", enter: "↵" };
const OTHER: Record<string, string> = { mod: "Ctrl", alt: "Alt", shift: "Shift", enter: "Enter" };
const COMMON: Record<string, string> = {
  escape: "Esc",
  arrowup: "↑",
  arrowdown: "↓",
  arrowleft: "←",
  arrowright: "→",
  " ": "Space",
  space: "Space",
};

/** The caps to draw: `mod+k` → ["Ctrl", "K"]; `g i` → ["G", "I"]. */
export function keyCaps(keys: string, apple: boolean): string[] {
  return parseKeys(keys).flatMap((combo) => {
    const names = apple ? APPLE : OTHER;
    const caps: string[] = [];
    for (const modifier of ["mod", "alt", "shift"] as const) {
      if (combo[modifier]) caps.push(names[modifier] ?? modifier);
    }
    caps.push(names[combo.key] ?? COMMON[combo.key] ?? combo.key.toUpperCase());
    return caps;
  });
}
