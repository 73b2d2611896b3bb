import type { PlaywrightTestConfig } from "@playwright/test";

/** Debian's browser: Playwright's own cannot be had everywhere, and this is the one that people patch. */
const CHROMIUM = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";

export const shared: PlaywrightTestConfig = {
  outputDir: "../test-results/e2e",
  fullyParallel: false,
  workers: Number(process.env.E2E_WORKERS ?? 2),
  retries: process.env.CI ? 1 : 0, // a flaky test is a defect, and counted as failed; it hides nothing of the others
  forbidOnly: Boolean(process.env.CI),
  timeout: 60_000,
  globalTimeout: 10 * 60_000,
  expect: { timeout: 15_000 },
  reporter: [["list", { printSteps: false }]],
  use: {
    viewport: { width: 1280, height: 800 },
    locale: "en-GB",
    timezoneId: "UTC",
    actionTimeout: 15_000,
    navigationTimeout: 15_000,
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: CHROMIUM,
      // Tests run in containers whose /dev/shm is small, and as root, where Chromium's own sandbox cannot start.
      args: ["--disable-dev-shm-usage", "--no-sandbox"],
    },
  },
};
