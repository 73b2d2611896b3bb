import { defineConfig } from "@playwright/test";

import { shared } from "./harness/shared";

export default defineConfig({ ...shared, testDir: "tests" });
