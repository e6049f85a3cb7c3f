// SPDX-License-Identifier: MIT
// The installed wrangler takes wrangler.toml as it is: its compatibility date, the worker with its module, the object, the built page.
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
let said = "";

beforeAll(async () => {
  const args = ["deploy", "--dry-run", "--outdir", join(folder, "out")];
  const { stdout, stderr } = await promisify(execFile)("wrangler", args, { cwd: root, env, timeout: 120_000 });
  said = stdout + stderr;
}, 130_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("wrangler deploy", () => {
  test("passes its dry run without a warning", () => {
    expect(said).toContain("--dry-run: exiting now.");
    expect(said).not.toContain("WARNING");
  });

  test("binds the object and the assets", () => {
    expect(said).toMatch(/env\.Todos \(Todos\)\s+Durable Object/);
    expect(said).toMatch(/env\.ASSETS\s+Assets/);
  });

  test("carries the module that was built", () => {
    const name = readdirSync(join(folder, "out")).find((file) => file.endsWith("todo.wasm")) ?? "no todo.wasm";
    expect(readFileSync(join(folder, "out", name))).toEqual(readFileSync(join(root, "wasm/build/todo.wasm")));
  });
});
