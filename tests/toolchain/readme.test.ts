// SPDX-License-Identifier: MIT
// What README.md shows is compiled and run.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
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

test("the Worker and the hook compile", () => {
  const check = (name: string, code: string, config: object) => {
    writeFileSync(`${folder}/${name}`, code);
    writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(config));
    const { status, stdout } = run("tsc", "--noEmit", "-p", folder);
    expect(status, stdout).toBe(0);
    rmSync(`${folder}/${name}`);
  };
  const paths = { "durasync/server": ["../../js-shim/index.ts"], "durasync/react": ["../../client/react.ts"] };
  check("worker.ts", blocks("ts")[0] ?? "", { extends: "../../js-shim/tsconfig.json", compilerOptions: { paths }, include: ["worker.ts", "../../js-shim/wasm-module.d.ts"] });
  check("todos.tsx", blocks("tsx")[0] ?? "", { extends: "../../tsconfig.json", compilerOptions: { paths }, include: ["todos.tsx"] });
}, 120_000);

test("every file that README links to is there", () => {
  for (const [, path] of readme.matchAll(/\]\(([^)#:]+)\)/g)) expect(() => readFileSync(path ?? ""), path).not.toThrow();
});
