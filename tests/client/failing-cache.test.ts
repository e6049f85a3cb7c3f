// SPDX-License-Identifier: MIT
// A cache that fails, or does not answer, is done without, tried again, and at last given everything that is unsettled.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { memoryCache, type Cache } from "../../client/cache.ts";
import { indexedDbCache } from "../../client/indexed-db.ts";
import { CACHE_PATIENCE, CACHE_PAUSE } from "../../client/keeper.ts";
import { Store } from "../../client/store.ts";
import { browser, numbers, outbox, settled, stored } from "./pages.ts";
import { change, committed, failure, page, patch, ScriptedSocket, statusOf, welcome } from "./scripted-object.ts";

beforeEach(() => void vi.spyOn(console, "warn").mockImplementation(() => {}));
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const broken = () => Promise.reject(new DOMException("no", "UnknownError"));
const never = () => new Promise<never>(() => {});
type Failing = "write" | "clear" | "readChannel" | "readOutboxes";

/** A memory cache of which some parts fail, until they are mended. */
function fragile() {
  const sound = memoryCache();
  const cache = { ...sound };
  const fail = (how: () => Promise<never>, ...what: Failing[]) => void Object.assign(cache, Object.fromEntries(what.map((name) => [name, how])));
  return { ...browser(cache), fail, mend: () => void Object.assign(cache, sound) };
}

/** Milliseconds go by, in which everything that can answer does. */
const pass = async (milliseconds: number) => void (await vi.advanceTimersByTimeAsync(milliseconds));
const fakeTimers = () => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });

async function opened() {
  const all = fragile();
  const tab = all.open();
  await tab.connect(welcome(), page([["a", "one"]]));
  await settled(async () => expect((await stored(all))?.rows).toHaveLength(1));
  fakeTimers();
  const types = () => tab.socket.takeSent("actions").flatMap(({ actions }) => (actions as { number: number; type: string }[]).map(({ number, type }) => [number, type]));
  return { ...all, ...tab, types };
}

test("a write that is not answered is waited for as long as a read: then actions go on in memory, each with its number", async () => {
  const { store, fail, types } = await opened();
  fail(never, "write");
  void store.send("todos", { type: "one" });
  await pass(CACHE_PATIENCE - 1);
  expect([types(), statusOf(store).storage]).toEqual([[], "persistent"]);
  await pass(1);
  expect([types(), statusOf(store).storage]).toEqual([[[1, "one"]], "memory"]);
  void store.send("todos", { type: "two" });
  await pass(0);
  expect(types()).toEqual([[2, "two"]]);
});

test("a write of many records may take longer", async () => {
  const all = fragile();
  const { store, connect } = all.open();
  all.fail(never, "write");
  fakeTimers();
  await connect(welcome(), page(Array.from({ length: 10_000 }, (_, i) => [String(i), "x"])));
  await pass(CACHE_PATIENCE + 1000);
  expect(statusOf(store).storage).toBe("persistent");
  await pass(CACHE_PATIENCE);
  expect(statusOf(store).storage).toBe("memory");
});

test.each([
  ["does not answer", never, CACHE_PATIENCE],
  ["fails", broken, 0],
])("a clear that %s rejects, and is no more taken for done afterwards", async (_what, how, patience) => {
  const { store, fail, mend, cache, scope } = await opened();
  fail(how, "clear");
  const cleared = store.clear();
  cleared.catch(() => {});
  await pass(patience);
  await expect(cleared).rejects.toThrow();
  expect(statusOf(store).storage).toBe("memory");
  const again = store.clear();
  again.catch(() => {});
  await pass(patience);
  await expect(again).rejects.toThrow();
  mend();
  await store.clear();
  expect(await cache.readChannel(scope, "todos")).toBeNull();
});

test("what fails is tried again, less and less often, and then has everything that is unsettled, and nothing else", async () => {
  const all = await opened();
  const { store, socket, fail, mend, types } = all;
  void store.send("todos", { type: "settled meanwhile" });
  await pass(0);
  fail(broken, "write");
  void store.send("todos", { type: "in flight" });
  await pass(0);
  expect(types()).toEqual([[1, "settled meanwhile"], [2, "in flight"]]);
  socket.receive(patch([change(10, 11, { put: [["b", "two"]] })], [committed(1)]));
  const onWrite = vi.fn(broken);
  fail(onWrite, "write");
  await pass(CACHE_PAUSE + 2 * CACHE_PAUSE + 4 * CACHE_PAUSE);
  expect(onWrite).toHaveBeenCalledTimes(3);
  expect(statusOf(store).storage).toBe("memory");
  socket.close(1006);
  const waiting = store.send("todos", { type: "waiting" });
  await pass(60_000);
  expect([waiting.stage, console.warn]).toEqual(["new", expect.toSatisfy((warn) => warn.mock.calls.length === 1)]);
  mend();
  await pass(60_000);
  expect([waiting.stage, statusOf(store).storage]).toEqual(["saved", "persistent"]);
  expect((await outbox(all)).map(({ number, type, tried }) => [number, type, tried])).toEqual([[2, "in flight", true], [3, "waiting", false]]);
  expect((await stored(all))?.rows).toHaveLength(2);
  store.close();
  vi.useRealTimers();
  const next = all.open();
  await next.connect(welcome(1), patch([change(11, 11)]));
  await settled(async () => expect(numbers(next.socket.sent.filter(({ type }) => type === "actions"))).toEqual([2, 3]));
});

test("no other tab takes over the client of one whose cache fails, neither before it works again nor after", async () => {
  const all = await opened();
  const { store, fail, mend, types } = all;
  void store.send("todos", { type: "kept" });
  await pass(0);
  fail(broken, "write");
  void store.send("todos", { type: "mine" });
  await pass(0);
  const other = all.open();
  await other.connect(welcome());
  await pass(CACHE_PAUSE);
  expect([types(), statusOf(store).storage]).toEqual([[[1, "kept"], [2, "mine"]], "memory"]);
  expect(other.socket.takeSent("actions")).toEqual([]);
  mend();
  await pass(10 * CACHE_PAUSE);
  expect(statusOf(store).storage).toBe("persistent");
  expect(other.socket.takeSent("actions")).toEqual([]);
  // It sees the action, as those of every tab.
  vi.useRealTimers();
  await settled(() => expect(other.store.getState("todos").pending).toMatchObject([{ action: { type: "kept" } }, { action: { type: "mine" } }]));
});

test("a client that is forgotten while the cache fails leaves nothing of its own to run twice", async () => {
  const all = await opened();
  const { store, socket, fail, mend, connect } = all;
  fail(broken, "write");
  const sent = store.send("todos", { type: "sent" });
  await pass(0);
  socket.close(1006);
  await connect();
  socket.receive(failure("client_forgotten"));
  await expect(sent).rejects.toMatchObject({ code: "client_forgotten" });
  void store.send("todos", { type: "later" });
  mend();
  await pass(10 * CACHE_PAUSE);
  expect(statusOf(store).storage).toBe("persistent");
  expect(await outbox(all)).toMatchObject([{ number: 1, type: "later" }]);
});

test("a tab that goes on in memory hears all the same that another has cleared everything", async () => {
  const all = await opened();
  const { store, fail, mend } = all;
  fail(broken, "write");
  const mine = store.send("todos", { type: "mine" });
  await pass(0);
  expect(statusOf(store).storage).toBe("memory");
  mend();
  vi.useRealTimers();
  const other = all.open();
  await other.connect(welcome());
  await other.store.clear();
  await expect(mine).rejects.toMatchObject({ code: "cleared" });
});

test("a channel that is first watched while the cache fails is kept once it works", async () => {
  const all = await opened();
  const { store, socket, fail, mend, cache, scope } = all;
  fail(broken, "readOutboxes", "readChannel", "write");
  void store.send("todos", { type: "x" });
  await pass(0);
  store.subscribe("notes", () => {});
  socket.receive(page([["n", "note"]], { channel: "notes" }));
  mend();
  await pass(10 * CACHE_PAUSE);
  expect((await cache.readChannel(scope, "notes"))?.rows).toEqual([["n", "note"]]);
});

// --- IndexedDB itself

/** The databases that were opened, the last one last; the first openings fail. */
function watchOpenings(failures = 0) {
  const open = indexedDB.open.bind(indexedDB);
  const databases: IDBDatabase[] = [];
  vi.spyOn(indexedDB, "open").mockImplementation((name, version) => {
    if (failures-- > 0) return failing();
    const request = open(name, version);
    request.addEventListener("success", () => databases.push(request.result));
    return request;
  });
  return databases;
}

function failing(): IDBOpenDBRequest {
  const request = { error: new DOMException("Internal error opening backing store", "UnknownError") } as unknown as IDBOpenDBRequest;
  setTimeout(() => request.onerror?.(new Event("error")));
  return request;
}

test("a database that the browser has closed without a word is opened again, and nobody hears of it", async () => {
  const databases = watchOpenings();
  const all = browser();
  const { store, connect, sent } = all.open();
  await connect(welcome(), page([["a", "one"]]));
  await settled(async () => expect((await stored(all))?.rows).toHaveLength(1));
  databases.at(-1)?.close();
  void store.send("todos", { type: "x" });
  await sent("actions");
  expect([statusOf(store).storage, databases.length]).toEqual(["persistent", 2]);
  expect(await outbox(all)).toHaveLength(1);
});

test("one that could not be opened is tried again by the next room, and by the same one later", async () => {
  watchOpenings(1);
  const cache: Cache = indexedDbCache("failing once");
  const enter = async (scope: string, storage: string) => {
    const store = new Store(new ScriptedSocket(), { cache, scope });
    store.subscribe("todos", () => undefined);
    await settled(() => expect(statusOf(store).storage).toBe(storage));
    await settled(() => expect(store.getState("todos").status.state).toBe("connecting"));
    return store;
  };
  const first = await enter("first room", "memory");
  const second = await enter("second room", "persistent");
  await settled(() => expect(statusOf(first).storage).toBe("persistent"));
  first.close();
  second.close();
});

test("a database whose transactions are ended by the browser is opened again by whoever asks next", async () => {
  const databases = watchOpenings();
  const cache = indexedDbCache("lost connection");
  await cache.clear();
  const { transaction } = IDBDatabase.prototype;
  vi.spyOn(IDBDatabase.prototype, "transaction").mockImplementationOnce(function (this: IDBDatabase, ...what) {
    const begun = transaction.apply(this, what);
    queueMicrotask(() => begun.abort());
    return begun;
  });
  await expect(cache.clear()).rejects.toBeDefined();
  await settled(async () => {
    await cache.clear();
    expect(databases).toHaveLength(2);
  });
});

// --- what is kept there and cannot be read

const asKept = <T>(value: unknown) => value as T;
const meta = { cursor: { epoch: "e1", shape: "s1", version: 10 }, columns: ["id", "text"], key: [0], snapshot: null };

test.each<[what: string, meta: unknown, row: unknown]>([
  ["no cursor", { ...meta, cursor: null }, ["a", "old"]],
  ["a version as a text", { ...meta, cursor: { ...meta.cursor, version: "10" } }, ["a", "old"]],
  ["no columns", { ...meta, columns: undefined }, ["a", "old"]],
  ["half a snapshot", { ...meta, snapshot: {} }, ["a", "old"]],
  ["nothing", "garbage", ["a", "old"]],
  ["a row that is none", meta, "garbage"],
  ["a row that is too short", meta, ["a"]],
])("a channel of which %s is kept is fetched as if nothing were", async (_what, garbage, row) => {
  const all = browser();
  const write = { meta: asKept<typeof meta>(garbage), clear: true, put: asKept<[string, string[]][]>([["a", row]]), del: [] };
  await all.cache.write(all.scope, { channels: new Map([["todos", () => write]]), client: null, put: [], del: [], drop: [] });
  const { store, socket, connect } = all.open();
  await connect();
  expect(socket.takeSent("subscribe")).toMatchObject([{ cursor: null }]);
  socket.receive(welcome());
  socket.receive(page([["a", "new"]], { version: 11 }));
  expect(statusOf(store)).toMatchObject({ state: "live", storage: "persistent" });
  await settled(async () => expect(await stored(all)).toMatchObject({ meta: { cursor: { version: 11 } }, rows: [["a", "new"]] }));
});

test.each<[what: string, garbage: object]>([
  ["no number", { number: undefined }],
  ["no type", { type: 5 }],
  ["no channel", { channel: null }],
])("a client with an action of %s is left alone, and the page goes on as another", async (_what, garbage) => {
  const all = browser();
  const action = (order: number) => ({ client: "torn", order, number: order, channel: "todos", type: "x", payload: 1, tried: true });
  const put = [asKept<ReturnType<typeof action>>({ ...action(1), ...garbage }), action(2)];
  await all.cache.write(all.scope, { channels: new Map(), client: { client: "torn", last: 2, seen: 1 }, put, del: [], drop: [] });
  const { store, connect, sent } = all.open();
  await connect(welcome(), page([]));
  expect((await sent("hello"))[0]?.["client"]).not.toBe("torn");
  void store.send("todos", { type: "mine" });
  expect(await sent("actions")).toMatchObject([{ actions: [{ number: 1, type: "mine" }] }]);
  expect(store.getState("todos")).toMatchObject({ pending: [{ action: { type: "mine" } }], status: { storage: "persistent" } });
});
