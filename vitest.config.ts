// SPDX-License-Identifier: MIT
// Each folder below tests/ is a tier of tests/run.mjs. Tests run in Node; one that needs a page opens with "@vitest-environment jsdom".
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.{ts,tsx}"],
    environment: "node",
    alias: { "cloudflare:workers": fileURLToPath(new URL("tests/conversations/durable-object.ts", import.meta.url)) },
    testTimeout: 20_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
