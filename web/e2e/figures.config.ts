import { defineConfig } from "@playwright/test";

import { shared } from "./harness/shared";

/** `npm run figures`: what `make bench` prints about Studio. One thing at a time, so that nothing shares the machine. */
export default defineConfig({
  ...shared,
  testDir: "figures",
  workers: 1,
  timeout: 5 * 60_000,
  reporter: "./harness/figures-reporter.ts",
  use: { ...shared.use, trace: "off" },
});
