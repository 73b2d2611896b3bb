/** What a browser says that it is, as people call it. Pure. */

/** The order matters: most say that they are Safari and Chrome as well. */
const BROWSERS: readonly [RegExp, string][] = [
  [/\bEdgA?\/|\bEdgiOS\//, "Edge"],
  [/\bOPR\/|\bOpera/, "Opera"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"],
  [/\bHeadlessChrome\/|\bChrome\/|\bCriOS\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];

const SYSTEMS: readonly [RegExp, string][] = [
  [/\biPhone\b/, "iPhone"],
  [/\biPad\b/, "iPad"],
  [/\bAndroid\b/, "Android"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b|\bMacintosh\b/, "macOS"],
  [/\bLinux\b|\bX11\b/, "Linux"],
];

const SAID_MAX = 60;

/** `Mozilla/5.0 (X11; Linux x86_64) … Firefox/145.0` → "Firefox on Linux"; null where it said nothing. */
export function browserName(said: string | null | undefined): string | null {
  const text = said?.trim() ?? "";
  if (text === "") return null;
  const browser = find(BROWSERS, text);
  const system = find(SYSTEMS, text);
  if (browser !== null) return system === null ? browser : `${browser} on ${system}`;
  // It is somebody's own program, and calls itself what it likes.
  return text.length > SAID_MAX ? `${text.slice(0, SAID_MAX - 1)}…` : text;
}

function find(known: readonly [RegExp, string][], text: string): string | null {
  return known.find(([sign]) => sign.test(text))?.[1] ?? null;
}
