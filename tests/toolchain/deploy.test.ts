// SPDX-License-Identifier: MIT
// The installed wrangler takes each fixture's wrangler.toml as it is: its compatibility date, the worker with its module, the object, the built page.
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "durasync-deploy-"));
const env = {
  ...process.env,
  PATH: `${join(root, "node_modules/.bin")}${delimiter}${process.env["PATH"]}`,
  NO_COLOR: "1",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_LOG_PATH: join(folder, "logs"),
};

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each([
  ["wrangler.toml", "Todos", "todo.wasm"],
  ["fixtures/todo-ts/wrangler.toml", "Todos", "scripted.wasm"],
  ["fixtures/kanban/wrangler.toml", "Board", "scripted.wasm"],
])("wrangler deploy with %s", (config, name, module) => {
  const out = join(folder, config);
  let said = "";

  beforeAll(async () => {
    const args = ["deploy", "--config", config, "--dry-run", "--outdir", out];
    const { stdout, stderr } = await promisify(execFile)("wrangler", args, { cwd: root, env, timeout: 120_000 });
    said = stdout + stderr;
  }, 130_000);

  test("passes its dry run without a warning", () => {
    expect(said).toContain("--dry-run: exiting now.");
    expect(said).not.toContain("WARNING");
  });

  test("binds the object and the assets", () => {
    expect(said).toMatch(new RegExp(`env\\.${name} \\(${name}\\)\\s+Durable Object`));
    expect(said).toMatch(/env\.ASSETS\s+Assets/);
  });

  test("carries the module that was built", () => {
    const file = readdirSync(out).find((path) => path.endsWith(module)) ?? `no ${module}`;
    expect(readFileSync(join(out, file))).toEqual(readFileSync(join(root, "wasm/build", module)));
  });
});
