// SPDX-License-Identifier: MIT
// The border by itself, in plain Node: real modules, SQLite's own Wasm build as the storage.
import { readFileSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { Core, type Delivery, type Frame } from "../../js-shim/core.ts";
import { utf8Size, type Sockets, type Storage, type Surroundings } from "../../js-shim/host.ts";
import { limits } from "../../wasm/build/protocol.ts";
import { SqliteStorage } from "../conversations/sqlite-storage.ts";

const moduleOf = (name: string) => new WebAssembly.Module(readFileSync(new URL(`../../wasm/build/${name}.wasm`, import.meta.url)));
const todo = moduleOf("todo");
const broken = moduleOf("broken");

const storages: SqliteStorage[] = [];
afterEach(() => storages.splice(0).forEach((storage) => storage.close()));

function newStorage(): SqliteStorage {
  const storage = new SqliteStorage();
  storages.push(storage);
  return storage;
}

/** Sockets 0 to 9, with what was attached to them. */
class TestSockets implements Sockets {
  readonly attachments = new Map<number, string>();
  after = (socket: number) => (socket < 9 ? socket + 1 : -1);
  backlog = () => 0;
  attachment = (socket: number) => this.attachments.get(socket) ?? null;
  carryOut(deliveries: readonly Delivery[]): { to: readonly number[]; frame: Record<string, unknown> }[] {
    for (const { kind, sockets, text } of deliveries) if (kind === "attach") for (const socket of sockets) this.attachments.set(socket, text);
    return deliveries.filter(({ kind }) => kind === "send").map(({ sockets, text }) => ({ to: sockets, frame: JSON.parse(text) as Record<string, unknown> }));
  }
}

const logged: string[] = [];
const surroundings: Surroundings = { now: () => 1_700_000_000_000, random: (bytes) => void bytes.fill(7), log: (line) => void logged.push(line) };

const say = (socket: number, message: unknown): Frame => ({ socket, message: JSON.stringify(message) });
const hello = (socket: number) => say(socket, { type: "hello", protocol: 2, client: `c${socket}` });
const subscribe = (socket: number, channel = "todos") => say(socket, { type: "subscribe", channel, cursor: null });
const act = (socket: number, number: number, channel: string, type: string, payload: unknown) =>
  say(socket, { type: "actions", acknowledged: number - 1, actions: [{ number, channel, type, payload }] });

test("an instance stands on its storage, and a turn hands back texts that outlive it", () => {
  const sockets = new TestSockets();
  const core = new Core(todo, newStorage(), sockets, surroundings).start();
  expect(core.ready).toBe(true);
  const first = core.turn([hello(0), subscribe(0), act(0, 1, "todos", "create", { id: "1", text: "käse 😀\0" })]);
  const copy = structuredClone(first);
  core.turn([act(0, 2, "todos", "create", { id: "2", text: "x".repeat(2000) })]);
  expect(first).toEqual(copy);
  const frames = sockets.carryOut(first).map(({ frame }) => frame);
  expect(frames.map(({ type }) => type)).toEqual(["welcome", "patch", "page"]);
  expect(frames[2]).toMatchObject({ cells: [["1"], ["käse 😀\0"], [0], [1_700_000_000_000], [1_700_000_000_000], [null]] });
});

test("peers are read back from their sockets' attachments by a new instance", () => {
  const storage = newStorage();
  const sockets = new TestSockets();
  sockets.carryOut(new Core(todo, storage, sockets, surroundings).start().turn([hello(3), subscribe(3), hello(5), subscribe(5)]));
  const deliveries = new Core(todo, storage, sockets, surroundings).start().turn([act(5, 1, "todos", "create", { id: "1", text: "after the sleep" })]);
  expect(sockets.carryOut(deliveries).map(({ to }) => to)).toEqual([[5], [3]]);
});

test("attachments that are not the core's are taken for none", () => {
  for (const text of ["", "null", "{", '{"protocol":7}', '{"protocol":2,"client":5,"channels":5}', '{"protocol":2,"client":"a","channels":["gone",null,7]}']) {
    const sockets = new TestSockets();
    sockets.attachments.set(0, text);
    const [answer] = sockets.carryOut(new Core(todo, newStorage(), sockets, surroundings).start().turn([hello(1), act(1, 1, "todos", "create", { id: "1", text: "x" }), subscribe(0)]));
    expect(answer?.to).toEqual([1]);
  }
});

test("a trap throws, its turn leaves nothing, and a new instance goes on from storage", () => {
  const storage = newStorage();
  const sockets = new TestSockets();
  const core = new Core(broken, storage, sockets, surroundings).start();
  sockets.carryOut(core.turn([hello(0), act(0, 1, "notes", "keep", { id: "kept" })]));
  const fatal = act(0, 2, "notes", "trap", { id: "gone" });
  expect(() => core.turn([hello(1), act(1, 1, "notes", "keep", { id: "with it" }), fatal])).toThrow(WebAssembly.RuntimeError);
  expect(core.committed).toBe(false);
  expect(storage.rows("SELECT id FROM notes")).toEqual([["kept"]]);
  const next = new Core(broken, storage, sockets, surroundings).start();
  const [answer] = sockets.carryOut(next.turn([{ ...fatal, poisoned: true }]));
  expect(answer?.frame).toMatchObject({ outcomes: [{ number: 2, status: "rejected", code: "internal" }] });
  expect(storage.rows("SELECT id FROM notes")).toEqual([["kept"]]);
});

test("frames at the cap and one past it", () => {
  const core = new Core(todo, newStorage(), new TestSockets(), surroundings).start();
  const text = (size: number) => `"${"x".repeat(size - 2)}"`;
  const code = (message: string | ArrayBuffer) => (JSON.parse(core.turn([{ socket: 0, message }])[0]?.text ?? "") as { code: string }).code;
  expect(code(text(limits.maxFrame))).toBe("bad_frame");
  expect(code(text(limits.maxFrame + 1))).toBe("frame_too_large");
  expect(code(`"${"é".repeat(limits.maxFrame / 2)}"`)).toBe("frame_too_large");
  expect(code(new ArrayBuffer(limits.maxFrame + 1))).toBe("frame_too_large");
  expect(code(new ArrayBuffer(1))).toBe("bad_frame");
});

test("twenty frames of a megabyte in one turn grow the memory, and it is used again", () => {
  const core = new Core(todo, newStorage(), new TestSockets(), surroundings).start();
  const frames = Array.from({ length: 20 }, (_, socket) => ({ socket: socket % 10, message: `"${"x".repeat(1_000_000)}"` }));
  for (let turn = 0; turn < 5; turn++) expect(core.turn(frames)).toHaveLength(20);
});

test("an object whose migration fails says so by code, changes nothing, and starts when the code is mended", () => {
  const storage = newStorage();
  storage.sql.exec("CREATE TABLE todos (something INTEGER)"); // in the way of the app's first migration
  const core = new Core(todo, storage, new TestSockets(), surroundings).start();
  expect(core.ready).toBe(false);
  expect(logged.at(-1)).toContain("a migration failed");
  expect(storage.rows("SELECT name FROM sqlite_master")).toEqual([["todos"]]);
  expect(core.turn([hello(0)]).map(({ text }) => JSON.parse(text) as unknown)).toMatchObject([{ type: "error", code: "unavailable" }]);
  const [answer] = core.turn([say(1, { channel: "todos", rpc: true, id: "r", action: { type: "create" } })]);
  expect(JSON.parse(answer?.text ?? "")).toMatchObject({ type: "error", rpc: true, id: "r", error: [expect.stringContaining("unavailable")] });
  storage.sql.exec("DROP TABLE todos");
  expect(new Core(todo, storage, new TestSockets(), surroundings).start().ready).toBe(true);
});

test("waking an object that is up to date writes nothing", () => {
  const storage = newStorage();
  new Core(todo, storage, new TestSockets(), surroundings).start().turn([hello(0), act(0, 1, "todos", "create", { id: "1", text: "x" })]);
  const before = storage.rows("SELECT total_changes()");
  new Core(todo, storage, new TestSockets(), surroundings).start().turn([]);
  expect(storage.rows("SELECT total_changes()")).toEqual(before);
});

test.each([
  ["no such table: SQLITE_ERROR", "answers `internal`"],
  ["database or disk is full: SQLITE_FULL", "tells nobody, and sends everybody away"],
])("a call that fails by %s, at any place of a turn, undoes the turn and %s, and the next turn works", (message) => {
  const ofStorage = message.includes("FULL");
  for (let fatal = 1; ; fatal++) {
    const storage = newStorage();
    let calls = -Infinity;
    const failing: Storage = {
      sql: {
        exec: (query, ...bindings) => {
          if (++calls === fatal) throw new Error(message);
          return storage.sql.exec(query, ...bindings);
        },
      },
      transactionSync: (step) => storage.transactionSync(step),
      setAlarm: (time) => storage.setAlarm(time),
    };
    const sockets = new TestSockets();
    const core = new Core(todo, failing, sockets, surroundings).start();
    sockets.carryOut(core.turn([hello(0), subscribe(0)]));
    calls = 0;
    const frame = act(0, 1, "todos", "create", { id: "1", text: "x" });
    const deliveries = core.turn([frame]);
    const [answer] = sockets.carryOut(deliveries);
    if (calls < fatal) {
      expect(fatal).toBeGreaterThan(5);
      return;
    }
    calls = -Infinity;
    if (ofStorage) {
      expect(deliveries.map(({ kind, code, text }) => ({ kind, code, text }))).toEqual(deliveries.map(() => ({ kind: "close", code: 1013, text: "storage" })));
      expect(deliveries.flatMap((delivery) => delivery.sockets)).toContain(0);
      sockets.carryOut(core.turn([hello(0), subscribe(0)]));
    }
    const settledAsInternal = (answer?.frame["outcomes"] as { code?: string }[] | undefined)?.[0]?.code === "internal";
    if (!ofStorage) expect(settledAsInternal || answer?.frame["code"] === "internal", JSON.stringify(answer)).toBe(true);
    expect(storage.rows("SELECT count(*) FROM todos")).toEqual([[0]]);
    expect(storage.rows("SELECT count(*) FROM durasync_log_todos")).toEqual([[0]]);
    const [again] = sockets.carryOut(core.turn([act(0, settledAsInternal ? 2 : 1, "todos", "create", { id: "1", text: "x" })]));
    expect(again?.frame).toMatchObject({ changes: [{ put: [["1", "x", 0, expect.anything(), expect.anything(), null]] }] });
  }
});

test("a renewal of the epoch that the storage refuses says so, and changes nothing", () => {
  const storage = newStorage();
  let full = false;
  const exec: Storage["sql"]["exec"] = (query, ...bindings) => {
    if (full) throw new Error("database or disk is full: SQLITE_FULL");
    return storage.sql.exec(query, ...bindings);
  };
  const core = new Core(todo, { sql: { exec }, transactionSync: (step) => storage.transactionSync(step), setAlarm: () => {} }, new TestSockets(), surroundings).start();
  const before = storage.rows("SELECT epoch FROM durasync_meta");
  full = true;
  expect(() => core.renew()).toThrow("The epoch could not be renewed");
  expect(storage.rows("SELECT epoch FROM durasync_meta")).toEqual(before);
  full = false;
  expect(core.renew().map(({ kind, text }) => [kind, text])).toEqual(Array.from({ length: 10 }, () => ["close", "new_epoch"]));
});

test("a page that is too large fills nobody's memory before it is made smaller", () => {
  const storage = newStorage();
  let widest = 0;
  const exec: Storage["sql"]["exec"] = (query, ...bindings) => {
    const statement = storage.sql.exec(query, ...bindings);
    const raw = function* () {
      for (const row of statement.raw()) {
        widest = Math.max(widest, row.reduce<number>((sum, cell) => sum + String(cell).length, 0));
        yield row;
      }
    };
    return { raw, next: () => statement.next() };
  };
  const sockets = new TestSockets();
  const core = new Core(todo, { sql: { exec }, transactionSync: (step) => storage.transactionSync(step), setAlarm: () => {} }, sockets, surroundings).start();
  // Two hundred short rows promise that thousands fit, and then each has a hundred times as many bytes.
  storage.rows("WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 3999) INSERT INTO todos SELECT format('%05d', i), iif(i < 200, '', format('%.*c', 3000, 'x')), 0, 1, 1, NULL FROM n");
  const ids: string[] = [];
  sockets.carryOut(core.turn([hello(0)]));
  for (let frame = subscribe(0); ids.length < 4000; ) {
    const [answer] = sockets.carryOut(core.turn([frame]));
    const { cells, end, next } = answer?.frame as { cells: [string[]]; end?: string[]; next: number };
    ids.push(...cells[0]);
    frame = say(0, { type: "page", channel: "todos", after: end, rows: next });
  }
  expect(ids).toEqual(Array.from({ length: 4000 }, (_, i) => String(i).padStart(5, "0")));
  expect(widest).toBeGreaterThan(limits.pageSize / 2);
  expect(widest).toBeLessThanOrEqual(2 * limits.pageSize);
});

test("a text has as many bytes as it takes to encode it, however long it is", () => {
  const pieces = ["a", "\u00e9", "\u20ac", "\u{1f600}", "\ud800", "\udc00", "\ud800a"];
  for (const piece of pieces) {
    // Short and long, and so that the piece stands at each place around the end of what is encoded at once.
    for (const size of [0, 1, 490, 510, 65_530, 65_536, 131_070]) {
      for (let before = 0; before < 4; before++) {
        const text = "x".repeat(before) + piece.repeat(Math.ceil(size / piece.length)) + piece;
        expect(utf8Size(text)).toBe(Buffer.from(text).length);
      }
    }
  }
});
