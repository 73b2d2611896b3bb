import { expect, it } from "vitest";
import { browserName } from "./browser-name";

const GECKO = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const KIT = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

it.each([
  [GECKO, "Firefox on Linux"],
  [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${KIT}`, "Chrome on Windows"],
  [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${KIT} Edg/142.0.0.0`, "Edge on Windows"],
  [
    `Mozilla/5.0 (Linux; Android 14; Pixel 8) ${KIT.replace("Safari", "Mobile Safari")}`,
    "Chrome on Android",
  ],
  [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1",
    "Safari on iPhone",
  ],
  ["curl/8.14.1", "curl/8.14.1"],
  ["x".repeat(500), `${"x".repeat(59)}…`],
  ["", null],
  [null, null],
])("%j is %j", (said, name) => expect(browserName(said)).toBe(name));
