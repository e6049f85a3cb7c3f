// SPDX-License-Identifier: MIT
// A module built by a wasi-sdk, of which Debian's packages (clang, lld, wasi-libc, libclang-rt-14-dev-wasm32) have the parts: where they are, they are laid out as a wasi-sdk is.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { Core } from "../../js-shim/core.ts";
import type { Sockets, Surroundings } from "../../js-shim/host.ts";
import { build } from "../../wasm/build.mjs";
import { SqliteStorage } from "../conversations/sqlite-storage.ts";

const parts = { "bin/clang": "/usr/bin/clang-14", "bin/wasm-ld-14": "/usr/bin/wasm-ld-14", "share/wasi-sysroot/lib": "/usr/lib", "share/wasi-sysroot/include": "/usr/include" };
const isHere = [...Object.values(parts), "/usr/lib/wasm32-wasi/libc.a", "/usr/lib/llvm-14/lib/clang/14.0.6/lib/wasi/libclang_rt.builtins-wasm32.a"].every((path) => existsSync(path));

const folder = mkdtempSync(join(tmpdir(), "durasync-sdk-"));
afterAll(() => rmSync(folder, { recursive: true }));

const sockets: Sockets = { after: () => -1, backlog: () => 0, attachment: () => null };
const surroundings: Surroundings = { now: () => 1_700_000_000_000, random: (bytes) => void bytes.fill(7), log: (line) => expect.unreachable(line) };

// What an object says to somebody who comes, follows and acts.
async function talk(module: string): Promise<unknown> {
  const storage = new SqliteStorage();
  const core = new Core(new WebAssembly.Module(readFileSync(module)), storage, sockets, surroundings).start();
  const frames = [
    { type: "hello", protocol: 2, client: "c" },
    { type: "actions", acknowledged: 0, actions: [{ number: 1, channel: "todos", type: "create", payload: { id: "1", text: "käse 😀" } }] },
    { type: "subscribe", channel: "todos", cursor: null },
  ];
  const deliveries = core.turn(frames.map((frame) => ({ socket: 0, message: JSON.stringify(frame) })));
  storage.close();
  return deliveries;
}

test.runIf(isHere)("a module that a wasi-sdk has built says what the others say", async () => {
  for (const [path, target] of Object.entries(parts)) {
    mkdirSync(join(folder, "sdk", path, ".."), { recursive: true });
    symlinkSync(target, join(folder, "sdk", path));
  }
  vi.stubEnv("WASI_SDK_PATH", join(folder, "sdk"));
  const built = await build("fixtures/todo", join(folder, "todo.wasm"));
  vi.unstubAllEnvs();
  const said = await talk(built);
  expect(JSON.stringify(said)).toContain("käse");
  expect(said).toEqual(await talk(await build("fixtures/todo")));
}, 180_000);
