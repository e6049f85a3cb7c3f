// SPDX-License-Identifier: MIT
// What README.md shows is compiled and run.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { init } from "../../cli/init.mjs";
import { Core } from "../../js-shim/core.ts";
import { SqliteStorage } from "../conversations/sqlite-storage.ts";

const readme = readFileSync("README.md", "utf8");
const folder = "build/readme";

const blocks = (language: string) => [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))].map(([, code]) => code ?? "");
const run = (command: string, ...options: string[]) => spawnSync(command, options, { encoding: "utf8", timeout: 100_000 });

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the server in C builds and does what it says", () => {
  const [server] = blocks("c");
  writeFileSync(`${folder}/app.c`, server ?? "");
  const { status, stderr } = run(process.execPath, "wasm/build.mjs", folder);
  expect(status, stderr).toBe(0);
  const storage = new SqliteStorage();
  const module = new WebAssembly.Module(readFileSync("wasm/build/readme.wasm"));
  const core = new Core(module, storage, { after: () => -1, attachment: () => null, backlog: () => 0 }).start();
  const act = (number: number, type: string, payload: unknown) => ({ number, channel: "todos", type, payload });
  const actions = [act(1, "create", { id: "1", text: "milk" }), act(2, "toggle", { id: "1" }), act(3, "toggle", { id: "2" }), act(4, "create", { id: "3", text: " " })];
  const frames = [{ type: "hello", protocol: 2, client: "a" }, { type: "actions", acknowledged: 0, actions }];
  const [, patch] = core.turn(frames.map((frame) => ({ socket: 0, message: JSON.stringify(frame) })));
  expect(JSON.parse(patch?.text ?? "")).toMatchObject({
    outcomes: [{ status: "committed" }, { status: "committed" }, { code: "not_found", message: "That todo is gone." }, { code: "invalid_payload" }],
  });
  expect(storage.rows("SELECT * FROM todos")).toEqual([["1", "milk", 1]]);
  storage.close();
}, 180_000);

test("the apps that it shows are those that `durasync init` writes", () => {
  const [inTypeScript = "", inC = ""] = readme.split("## The server, in C");
  const shown = (part: string) => [...part.matchAll(/^`(\S+)`:\n\n```[a-z]+\n(.*?)^```/gms)].map(([, path = "", text = ""]) => ({ path, text }));
  const written = (kind: "ts" | "c", paths: string[]) => {
    init(`${folder}/${kind}`, kind);
    return paths.map((path) => ({ path, text: readFileSync(`${folder}/${kind}/${path}`, "utf8") }));
  };
  expect(shown(inTypeScript)).toEqual(written("ts", ["server/index.ts", "shared.ts", "page/todos.tsx"]));
  expect(shown(inC)).toEqual(written("c", ["server/todos.c", "server/index.ts"]));
});

test.each(["ts", "c"] as const)("the starter in %s compiles against the package, with versions that are tested here", (kind) => {
  const app = `${folder}/my ${kind} app`;
  init(app, kind);
  for (const file of ["package.json", "wrangler.jsonc"]) expect(readFileSync(`${app}/${file}`, "utf8")).toContain(`"name": "my-${kind}-app"`);
  const { dependencies, devDependencies } = JSON.parse(readFileSync(`${app}/package.json`, "utf8"));
  const own = JSON.parse(readFileSync("package.json", "utf8"));
  const tested = { durasync: own.version, ...own.devDependencies, ...own.dependencies, wrangler: "4.151.0", "@cloudflare/vite-plugin": "1.64.0" };
  expect(tested).toMatchObject({ ...dependencies, ...devDependencies });
  mkdirSync(`${app}/node_modules`);
  symlinkSync(process.cwd(), `${app}/node_modules/durasync`);
  expect(run(process.execPath, "tools/dist.mjs").status).toBe(0);
  for (const part of ["page", "server"]) {
    const { status, stdout } = run("tsc", "-p", `${app}/${part}`);
    expect(status, stdout).toBe(0);
  }
}, 60_000);

test("README's table of what it works with has the versions that tests install", () => {
  const table = readme.split("## What it works with")[1]?.split("\n## ")[0] ?? "";
  const installed = ["package.json", "cli/starter/c/package.json", "tests/package/plain/package.json", "tests/package/vitest/package.json"].flatMap((path) =>
    Object.entries<string>({ ...JSON.parse(readFileSync(path, "utf8")).dependencies, ...JSON.parse(readFileSync(path, "utf8")).devDependencies }),
  );
  const rows = { wrangler: "wrangler", typescript: "TypeScript", react: "React", "@cloudflare/vite-plugin": "Vite", "@cloudflare/vitest-plugin": "vitest" };
  for (const [name, row] of Object.entries(rows)) {
    const line = table.split("\n").find((line) => line.startsWith(`| ${row} |`)) ?? "";
    const versions = installed.filter(([installed]) => installed === name).map(([, version]) => version.split(".").slice(0, 2).join("."));
    expect(versions.length, name).toBeGreaterThan(0);
    for (const version of versions) expect(line, name).toContain(version);
  }
});

test("every file that README links to is there", () => {
  for (const [, path] of readme.matchAll(/\]\(([^)#:]+)\)/g)) expect(() => readFileSync(path ?? ""), path).not.toThrow();
});
