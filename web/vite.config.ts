import { readFileSync } from "node:fs";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = process.env.FREEHOLD_URL ?? "http://localhost:8080";

/** The workspace's version: a page that meets a server of another one says so. */
function version(): string {
  const manifest = readFileSync(new URL("../Cargo.toml", import.meta.url), "utf8");
  return /^\[workspace\.package\][^[]*?^version = "([^"]+)"/ms.exec(manifest)?.[1] ?? "";
}

export default defineConfig(({ command }) => ({
  define: {
    BUILD_VERSION: JSON.stringify(version()),
    DESIGN: JSON.stringify(command === "serve" || process.env.VITE_DESIGN === "1"),
  },
  plugins: [react(), tailwindcss()],
  build: {
    outDir: "dist",
    // The content security policy allows neither data: scripts nor inline ones.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    target: "es2022",
    manifest: "manifest.json",
    chunkSizeWarningLimit: 350,
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/api": { target: server, changeOrigin: true } },
  },
  test: {
    include: ["src/**/*.test.{ts,tsx}"],
    environment: "node",
    testTimeout: 10_000,
  },
}));
