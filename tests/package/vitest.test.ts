// SPDX-License-Identifier: MIT
// The packed package in a project whose tests run within workerd, by Cloudflare's plugin for vitest.
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Project } from "./project.ts";
import { Registry, root } from "./registry.ts";

// Installing and compiling take as long as the machine is busy.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 240_000 });

const registry = new Registry();
let project: Project;

beforeAll(async () => {
  await registry.start();
  project = new Project(registry.settings);
  project.take(join(root, "tests/package/vitest"));
  project.take(join(root, "tests/package/plain/wrangler.jsonc"), "wrangler.jsonc");
  project.take(join(root, "cli/starter/ts/server"), "server");
  const { status, said } = await project.run("npm install");
  expect(status, said).toBe(0);
});

afterAll(async () => {
  await project.dispose();
  registry.stop();
});

test("a user's test of an object passes", async () => {
  const { status, said } = await project.run("npx vitest run");
  expect(status, said).toBe(0);
  expect(said).toMatch(/Tests\s+1 passed/);
});
