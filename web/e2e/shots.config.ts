import { defineConfig } from "@playwright/test";

import { shared } from "./harness/shared";

/** `npm run shots`: every view in both themes at two widths, with a contact sheet to look at. */
export default defineConfig({
  ...shared,
  testDir: "shots",
  workers: 1,
  timeout: 8 * 60_000,
  use: { ...shared.use, trace: "off" },
});
