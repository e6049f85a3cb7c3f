// SPDX-License-Identifier: MIT
// The app in C of docs/SERVER.md builds by `make app`, and does what it says.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Core } from "../../js-shim/core.ts";
import { SqliteStorage } from "../conversations/sqlite-storage.ts";

const folder = "build/server-page";
const storage = new SqliteStorage();
let core: Core;
let attached: string | null = null;

beforeAll(() => {
  const [, source = ""] = /^```c\n(.*?)^```/ms.exec(readFileSync("docs/SERVER.md", "utf8")) ?? [];
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/todos.c`, source);
  const { status, stderr } = spawnSync("make", ["--silent", "app", `APP=${folder}`], { encoding: "utf8", timeout: 100_000 });
  expect(status, stderr).toBe(0);
  const module = new WebAssembly.Module(readFileSync("wasm/build/server-page.wasm"));
  core = new Core(module, storage, { after: (socket) => (socket < 0 ? 0 : -1), attachment: () => attached, backlog: () => 0 }).start();
}, 180_000);
afterAll(() => {
  storage.close();
  rmSync(folder, { recursive: true, force: true });
});

const connect = (headers: object) => core.event("connect", { url: "https://app.example/", headers });
const act = (number: number, type: string, payload?: unknown) => ({ type: "actions", acknowledged: number - 1, actions: [{ number, channel: "todos", type, payload }] });

/** What the first of these frames' answers that has outcomes says of them. */
function outcomesOf(...frames: object[]): unknown {
  const deliveries = core.turn(frames.map((frame) => ({ socket: 0, message: JSON.stringify(frame) })));
  for (const { kind, text } of deliveries) if (kind === "attach") attached = text;
  return deliveries.flatMap(({ kind, text }) => (kind === "send" && text.includes('"outcomes"') ? (JSON.parse(text) as { outcomes: unknown[] }).outcomes : []));
}

test("who says who they are is let in", () => {
  expect(connect({})).toMatchObject({ status: "rejected", code: "forbidden", message: "Say who you are." });
  const outcome = connect({ "x-user": "ann" });
  attached = JSON.stringify({ identity: { user: "ann", role: "reader" } }); // the very text that the core gives back
  expect(outcome).toMatchObject({ status: "committed", result: attached });
});

test("actions are done, checked and refused as it says", () => {
  const hello = { type: "hello", protocol: 2, client: "a" };
  const outcomes = outcomesOf(hello, act(1, "create", { id: "1", text: "milk" }), act(2, "toggle", { id: "1" }), act(3, "toggle", { id: "2" }), act(4, "create", { id: "3", text: " " }), act(5, "clear"));
  expect(outcomes).toMatchObject([{ status: "committed" }, { status: "committed" }, { code: "not_found" }, { code: "invalid_payload", data: { path: ["text"] } }, { code: "forbidden" }]);
  expect(storage.rows("SELECT * FROM todos")).toEqual([["1", "milk", 1, "ann"]]);
  storage.rows("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999) INSERT INTO todos (id, text) SELECT 'n' || i, '' FROM n");
  expect(outcomesOf(act(6, "create", { id: "4", text: "tea" }))).toMatchObject([{ code: "conflict", message: "The list is full.", data: { max: 1000 } }]);
});

test("an editor clears, and is reminded", () => {
  attached = JSON.stringify({ identity: { user: "root", role: "editor" } });
  core = new Core(new WebAssembly.Module(readFileSync("wasm/build/server-page.wasm")), storage, { after: (socket) => (socket < 0 ? 0 : -1), attachment: () => attached, backlog: () => 0 }).start();
  expect(outcomesOf({ type: "hello", protocol: 2, client: "root" }, act(1, "clear"))).toMatchObject([{ status: "committed" }]);
  expect(storage.alarm).toBeGreaterThan(0);
  expect(core.event("alarm")).toMatchObject({ status: "committed" });
  expect(storage.rows("SELECT text FROM todos WHERE id IN ('1', 'reminder')")).toEqual([["Anything else?"]]);
});
