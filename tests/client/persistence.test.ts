// SPDX-License-Identifier: MIT
// What outlives a page: records, cursors, unsent actions. A page is a store; its end is `close`, which frees its locks as the browser would.
import "fake-indexeddb/auto";
import { afterEach, expect, test, vi } from "vitest";
import { memoryCache, type Cache } from "../../client/cache.ts";
import { Channel } from "../../client/channel.ts";
import { indexedDbCache } from "../../client/indexed-db.ts";
import { Store } from "../../client/store.ts";
import { View } from "../../client/view.ts";
import { change, committed, failure, page, patch, recordsOf, rejected, replayed, ScriptedSocket, statusOf, welcome } from "./scripted-object.ts";

type Sent = ReturnType<ScriptedSocket["takeSent"]>[number];

let count = 0;
const stores: Store[] = [];

afterEach(() => {
  for (const store of stores.splice(0)) store.close();
});

/** A browser's storage for one object: pages opened on it share it. */
function browser(cache: Cache = indexedDbCache(`persistence ${count++}`)) {
  const scope = `scope ${count++}`;
  return {
    cache,
    scope,
    open(channel: string | null = "todos") {
      const socket = new ScriptedSocket();
      const store = new Store(socket, { cache, scope });
      stores.push(store);
      const listener = vi.fn();
      if (channel) store.subscribe(channel, listener);
      const until = <T>(check: () => T) => vi.waitFor(check, { timeout: 5000, interval: 2 });
      const connect = async (...frames: unknown[]) => {
        // The hello goes out as soon as both the socket and the cache are ready.
        socket.open();
        await until(() => expect(socket.sent.map(({ type }) => type)).toContain(channel ? "subscribe" : "hello"));
        for (const frame of frames) socket.receive(frame);
      };
      const sent = (type: string) => until(() => {
        const found = socket.sent.filter((frame) => frame.type === type);
        expect(found).not.toEqual([]);
        socket.sent = socket.sent.filter((frame) => frame.type !== type);
        return found;
      });
      return { socket, store, listener, until, connect, sent };
    },
  };
}

type Browser = ReturnType<typeof browser>;
const stored = ({ cache, scope }: Browser) => cache.readChannel(scope, "todos");
const outbox = async ({ cache, scope }: Browser) => (await cache.readOutboxes(scope)).actions;
const numbers = (frames: Sent[]) => frames.flatMap(({ actions }) => (actions as { number: number }[]).map(({ number }) => number));
const settled = <T>(check: () => T) => vi.waitFor(check, { timeout: 5000, interval: 2 });

async function filled(rows = [["a", "one"], ["b", "two"]]): Promise<Browser> {
  const all = browser();
  const first = all.open();
  await first.connect(welcome(), page(rows));
  await settled(async () => expect((await stored(all))?.rows).toHaveLength(rows.length));
  first.store.close();
  return all;
}

test("the first paint comes from the cache, without a connection, and the subscription resumes from its cursor", async () => {
  const all = await filled();
  const { store, socket, until, connect } = all.open();
  await until(() => expect(recordsOf(store)).toEqual([["a", "one"], ["b", "two"]]));
  expect(statusOf(store)).toMatchObject({ state: "connecting", storage: "persistent", version: 10 });
  await connect(welcome());
  expect(socket.takeSent("subscribe")).toEqual([{ type: "subscribe", channel: "todos", cursor: { epoch: "e1", shape: "s1", version: 10 } }]);
  socket.receive(patch([change(10, 12, { del: [["a"]], set: [{ columns: [1], rows: [["b", "TWO"]] }] })]));
  await settled(async () => expect(await stored(all)).toMatchObject({ rows: [["b", "TWO"]], meta: { cursor: { version: 12 } } }));
});

test("a patch writes only the rows that it changes", async () => {
  const cache = memoryCache();
  const all = browser(cache);
  const puts: number[] = [];
  const { write } = cache;
  cache.write = (scope, batch) => {
    const channels = [...batch.channels].map(([name, step]) => [name, (meta: Parameters<typeof step>[0]) => {
      const written = step(meta);
      if (written) puts.push(written.put.length + written.del.length);
      return written;
    }] as const);
    return write(scope, { ...batch, channels: new Map(channels) });
  };
  const { socket, connect } = all.open();
  await connect(welcome(), page(Array.from({ length: 500 }, (_, i) => [`id${i}`, "x"])));
  await settled(() => expect(puts).toEqual([500]));
  socket.receive(patch([change(10, 11, { put: [["id7", "y"]], del: [["id8"]] })]));
  await settled(() => expect(puts).toEqual([500, 2]));
});

test("a late read of the cache does not bring back rows that were deleted meanwhile, nor overwrite newer ones", async () => {
  const all = await filled();
  const { readChannel } = all.cache;
  let answer = () => {};
  const gate = new Promise<void>((resolve) => (answer = resolve));
  all.cache.readChannel = async (...args) => (await gate, readChannel(...args));
  const { store } = all.open();
  // Meanwhile the records come from elsewhere: rendered on the server, at a later version.
  store.hydrate("todos", { epoch: "e1", shape: "s1", version: 20, columns: ["id", "text"], key: [0], rows: [["b", "newer"]] });
  answer();
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(recordsOf(store)).toEqual([["b", "newer"]]);
});

test("a cache that answers after the page has gone on without it changes nothing", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const report = vi.spyOn(console, "warn").mockImplementation(() => {});
  const cache = memoryCache();
  const { promise, resolve } = Promise.withResolvers<null>();
  const all = browser({ ...cache, readChannel: () => promise });
  const { store, socket } = all.open();
  await vi.advanceTimersByTimeAsync(6000);
  expect(statusOf(store).storage).toBe("memory");
  socket.open();
  socket.receive(page([["b", "newer"]], { version: 20 }));
  resolve(null);
  await vi.advanceTimersByTimeAsync(10);
  expect(recordsOf(store)).toEqual([["b", "newer"]]);
  vi.useRealTimers();
  report.mockRestore();
});

test("rows of another shape are replaced as a whole: none of two shapes stand together, on the screen or in the cache", async () => {
  const all = await filled();
  const { store, socket, until, connect } = all.open();
  await until(() => expect(recordsOf(store)).toHaveLength(2));
  await connect(welcome(), page([["b", "two", 0]], { shape: "s2", version: 11, columns: ["id", "text", "done"], next: 50 }));
  expect(recordsOf(store)).toEqual([["b", "two", 0]]);
  await settled(async () => expect(await stored(all)).toMatchObject({ rows: [["b", "two", 0]], meta: { cursor: { shape: "s2" } } }));
  socket.receive(page([["c", "three", 1]], { shape: "s2", version: 11, first: false }));
  await settled(async () => expect(await stored(all)).toMatchObject({ rows: [["b", "two", 0], ["c", "three", 1]], meta: { snapshot: null } }));
});

test("a snapshot that a reload interrupted goes on at its next page", async () => {
  const all = browser();
  const first = all.open();
  await first.connect(welcome(), page([["a", "1"], ["b", "2"]], { next: 50, total: 3 }));
  expect(statusOf(first.store)).toMatchObject({ state: "syncing", progress: { loaded: 2, total: 3 } });
  await settled(async () => expect((await stored(all))?.rows).toHaveLength(2));
  first.store.close();
  const { store, socket, until, connect } = all.open();
  await until(() => expect(recordsOf(store)).toHaveLength(2));
  await connect(welcome(), patch([change(10, 12, { del: [["a"]] })]));
  expect(socket.takeSent("page")).toEqual([{ type: "page", channel: "todos", after: ["b"], rows: 50 }]);
  socket.receive(page([["c", "3"]], { version: 12, first: false }));
  expect(recordsOf(store)).toEqual([["b", "2"], ["c", "3"]]);
  expect(statusOf(store).state).toBe("live");
  expect(statusOf(store).progress).toBeUndefined();
});

test("a snapshot that replaces older records leaves the cache as it was until it is complete", async () => {
  const all = await filled();
  const { store, socket, until, connect } = all.open();
  await until(() => expect(recordsOf(store)).toHaveLength(2));
  await connect(welcome(), page([["a", "new"]], { version: 30, next: 50 }));
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(await stored(all)).toMatchObject({ rows: [["a", "one"], ["b", "two"]], meta: { cursor: { version: 10 } } });
  socket.receive(page([["c", "new"]], { version: 30, first: false }));
  await settled(async () => expect(await stored(all)).toMatchObject({ rows: [["a", "new"], ["c", "new"]], meta: { cursor: { version: 30 } } }));
});

test("records stay when a reconnect fails, in the cache, too", async () => {
  const all = await filled();
  const { store, until, connect } = all.open();
  await until(() => expect(recordsOf(store)).toHaveLength(2));
  await connect(failure("unavailable"), failure("unknown_channel", { channel: "todos" }));
  expect(recordsOf(store)).toHaveLength(2);
  expect((await stored(all))?.rows).toHaveLength(2);
});

test("an action is saved before it is sent", async () => {
  const cache = memoryCache();
  const all = browser(cache);
  const { store, socket, connect, sent } = all.open();
  await connect(welcome(), page([]));
  let save = () => {};
  const { write } = cache;
  cache.write = async (...args) => (await new Promise<void>((resolve) => (save = resolve)), write(...args));
  const stages: string[] = [];
  const receipt = store.send("todos", { type: "create" }, { onStage: (stage) => stages.push(stage) });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect([receipt.stage, socket.takeSent("actions")]).toEqual(["new", []]);
  save();
  await sent("actions");
  expect(await outbox(all)).toMatchObject([{ number: 1, type: "create", tried: true }]);
  socket.receive(patch([], [committed(1, "done")]));
  expect(await receipt).toEqual({ result: "done" });
  expect(stages).toEqual(["saved", "sent", "committed"]);
});

test("an action made offline outlives the page, is shown again after the reload, and is sent once under the same client", async () => {
  const all = await filled();
  const offline = all.open();
  await offline.until(() => expect(recordsOf(offline.store)).toHaveLength(2));
  const receipt = offline.store.send("todos", { type: "create", payload: { id: "c" } });
  await offline.until(() => expect(receipt.stage).toBe("saved"));
  offline.store.close();

  const { store, socket, until, connect, sent } = all.open();
  await until(() => expect(replayed(store)).toEqual(["create"]));
  expect(statusOf(store).pending).toBe(1);
  await connect(welcome(), patch([change(10, 10)]));
  expect(await sent("actions")).toMatchObject([{ acknowledged: 0, actions: [{ number: 1, type: "create", payload: { id: "c" } }] }]);
  const [hello] = await sent("hello");
  expect((await outbox(all)).map(({ client }) => client)).toEqual([hello?.client]);
  socket.receive(patch([change(10, 11, { put: [["c", "three"]] })], [committed(1)]));
  expect(replayed(store)).toEqual([]);
  await settled(async () => expect(await outbox(all)).toEqual([]));
  expect((await stored(all))?.rows).toHaveLength(3);
});

test("an action in flight when the page ended is sent again with its number, and its outcome is told once", async () => {
  const all = browser();
  const first = all.open();
  await first.connect(welcome(), page([]));
  void first.store.send("todos", { type: "create" });
  await first.sent("actions");
  first.store.close();

  const { store, socket, connect, sent } = all.open();
  const told = vi.fn();
  store.onRejected(told);
  await connect();
  void store.send("todos", { type: "later" });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(socket.sent.map(({ type }) => type)).not.toContain("actions");
  socket.receive(welcome(1));
  expect(numbers(await sent("actions"))).toEqual([1, 2]);
  socket.receive(patch([change(10, 10)], [rejected(1, "forbidden")]));
  expect(told).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: "forbidden" }), { type: "create" }, "todos");
});

test("nothing is acknowledged before the cache has let go of it", async () => {
  const cache = memoryCache();
  const all = browser(cache);
  const { store, socket, connect, sent } = all.open();
  await connect(welcome(), page([]));
  void store.send("todos", { type: "one" });
  await sent("actions");
  const { write } = cache;
  let open = () => {};
  const gate = new Promise<void>((resolve) => (open = resolve));
  cache.write = async (scope, batch) => {
    if (batch.del.length > 0) await gate;
    return write(scope, batch);
  };
  socket.receive(patch([], [committed(1)]));
  void store.send("todos", { type: "two" });
  open();
  expect(await sent("actions")).toMatchObject([{ acknowledged: 1, actions: [{ number: 2 }] }]);
});

test("the effects of an action and its end come into the cache in one write", async () => {
  const cache = memoryCache();
  const all = browser(cache);
  const { store, socket, connect, sent } = all.open();
  await connect(welcome(), page([]));
  void store.send("todos", { type: "create" });
  await sent("actions");
  const writes: [channels: string[], del: number[]][] = [];
  const { write } = cache;
  cache.write = (scope, batch) => (writes.push([[...batch.channels.keys()], [...batch.del]]), write(scope, batch));
  socket.receive(patch([change(10, 11, { put: [["a", "1"]] })], [committed(1)]));
  await settled(() => expect(writes).toEqual([[["todos"], [1]]]));
});

test("numbers that the cache lost are not given to other actions", async () => {
  const all = browser();
  const first = all.open();
  await first.connect(welcome(), page([]));
  void first.store.send("todos", { type: "old" });
  await first.sent("actions");
  first.store.close();
  const { store, socket, connect, sent } = all.open();
  void store.send("todos", { type: "new" });
  await connect();
  // The object knows five actions of this client, of which the cache holds the first.
  socket.receive(welcome(5));
  expect(numbers(await sent("actions"))).toEqual([1]);
  expect(numbers(await sent("actions"))).toEqual([6]);
});

test("the object's clock goes with the client and is said in the next hello", async () => {
  const all = browser();
  const first = all.open();
  await first.connect({ ...welcome(), now: 1234 }, page([]));
  void first.store.send("todos", { type: "x" });
  await first.sent("actions");
  await settled(async () => expect(await outbox(all)).toHaveLength(1));
  first.store.close();
  const { sent, connect } = all.open();
  await connect();
  expect(await sent("hello")).toMatchObject([{ seen: 1234 }]);
});

test("a client that the object may have forgotten: what was sent is rejected as unknown, what was not is sent by a new one", async () => {
  const all = browser();
  const first = all.open();
  await first.connect(welcome(), page([]));
  void first.store.send("todos", { type: "sent" });
  await first.sent("actions");
  first.store.close();
  const { store, socket, connect, sent, until } = all.open();
  const told = vi.fn();
  store.onRejected(told);
  await until(() => expect(replayed(store)).toEqual(["sent"]));
  const receipt = store.send("todos", { type: "unsent" });
  await until(() => expect(receipt.stage).toBe("saved"));
  await connect();
  const [before] = await sent("hello");
  socket.receive(failure("client_forgotten"));
  expect(told).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: "client_forgotten" }), { type: "sent" }, "todos");
  expect(socket.reconnects).toBe(1);
  socket.sent = [];
  await connect(welcome(), patch([change(10, 10)]));
  const [hello] = await sent("hello");
  expect(hello?.client).not.toBe(before?.client);
  expect(await sent("actions")).toMatchObject([{ acknowledged: 0, actions: [{ number: 1, type: "unsent" }] }]);
  await settled(async () => expect(await outbox(all)).toMatchObject([{ client: hello?.client, type: "unsent" }]));
});

test("an action that is taken back before it is sent leaves the cache, and those after it close the gap", async () => {
  const all = browser();
  const { store, until, connect, sent } = all.open();
  const abort = new AbortController();
  void store.send("todos", { type: "one" });
  const receipt = store.send("todos", { type: "two" }, { signal: abort.signal });
  const third = store.send("todos", { type: "three" });
  await until(() => expect(third.stage).toBe("saved"));
  abort.abort();
  await expect(receipt).rejects.toMatchObject({ code: "aborted" });
  expect(replayed(store)).toEqual(["one", "three"]);
  await settled(async () => expect((await outbox(all)).map(({ number, type }) => [number, type])).toEqual([[1, "one"], [2, "three"]]));
  await connect(welcome(), page([]));
  expect(numbers(await sent("actions"))).toEqual([1, 2]);
});

test.each([
  ["refused when it is opened", (cache: Cache): Cache => ({ ...cache, readOutboxes: () => Promise.reject(new Error("private mode")) })],
  ["broken when it is read", (cache: Cache): Cache => ({ ...cache, readChannel: () => Promise.reject(new Error("corrupt")) })],
  ["full when it is written", (cache: Cache): Cache => ({ ...cache, write: () => Promise.reject(new DOMException("full", "QuotaExceededError")) })],
])("a storage that is %s: syncing goes on without it, and the status says so", async (_, broken) => {
  const report = vi.spyOn(console, "warn").mockImplementation(() => {});
  const { store, socket, connect, until, sent } = browser(broken(memoryCache())).open();
  const receipt = store.send("todos", { type: "create" });
  await connect(welcome(), page([["a", "one"]]));
  expect(numbers(await sent("actions"))).toEqual([1]);
  socket.receive(patch([change(10, 11, { put: [["b", "two"]] })], [committed(1, "done")]));
  expect(await receipt).toEqual({ result: "done" });
  await until(() => expect(statusOf(store)).toMatchObject({ state: "live", storage: "memory", pending: 0 }));
  void store.send("todos", { type: "again" });
  expect(await sent("actions")).toMatchObject([{ acknowledged: 1, actions: [{ number: 2 }] }]);
  expect(report).toHaveBeenCalledOnce();
  report.mockRestore();
});

test("clear wipes records and actions, in the cache and in the other tabs, and the next page finds nothing", async () => {
  const all = await filled();
  const [one, other] = [all.open(), all.open()];
  for (const { store, until } of [one, other]) await until(() => expect(recordsOf(store)).toHaveLength(2));
  const receipt = one.store.send("todos", { type: "create" });
  await one.until(() => expect(receipt.stage).toBe("saved"));
  await one.store.clear();
  expect(recordsOf(one.store)).toEqual([]);
  await expect(receipt).rejects.toMatchObject({ code: "cleared" });
  await other.until(() => expect(recordsOf(other.store)).toEqual([]));
  expect([await stored(all), await outbox(all)]).toEqual([null, []]);
  const next = all.open();
  await next.connect();
  expect(await next.sent("subscribe")).toMatchObject([{ cursor: null }]);
});

test("two tabs have clients of their own, and write one channel without turning it back or tearing it", async () => {
  const all = browser();
  const [one, other] = [all.open(), all.open()];
  for (const { connect } of [one, other]) await connect(welcome(), page([["a", "0"]]));
  const [[first], [second]] = [await one.sent("hello"), await other.sent("hello")];
  expect(first?.client).not.toBe(second?.client);
  for (let i = 0; i < 30; i++) {
    const frame = patch([change(10 + i, 11 + i, i % 3 === 2 ? { del: [[`id${i - 1}`]] } : { put: [[`id${i}`, "x"], ["a", `${i}`]] })]);
    const order = i % 2 ? [one, other] : [other, one];
    order[0]?.socket.receive(frame);
    if (i % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 3));
    order[1]?.socket.receive(frame);
  }
  const expected = recordsOf(one.store);
  await settled(async () => {
    const found = await stored(all);
    expect(found?.meta.cursor.version).toBe(40);
    expect(found?.rows.toSorted()).toEqual(expected.toSorted());
  });
});

test("a tab that lags behind leaves the rows of the one that is ahead", async () => {
  const all = browser();
  const [ahead, behind] = [all.open(), all.open()];
  for (const { connect } of [ahead, behind]) await connect(welcome(), page([["a", "0"]]));
  ahead.socket.receive(patch([change(10, 11, { put: [["b", "x"]] })]));
  ahead.socket.receive(patch([change(11, 12, { del: [["b"]], put: [["c", "x"]] })]));
  await settled(async () => expect((await stored(all))?.meta.cursor.version).toBe(12));
  behind.socket.receive(patch([change(10, 11, { put: [["b", "x"]] })]));
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(await stored(all)).toMatchObject({ rows: [["a", "0"], ["c", "x"]], meta: { cursor: { version: 12 } } });
});

test("tabs see each other's pending actions, offline too, and an action does not vanish between its commit and this tab's patch", async () => {
  const all = await filled();
  const [one, other] = [all.open(), all.open()];
  for (const { store, until } of [one, other]) await until(() => expect(recordsOf(store)).toHaveLength(2));
  void one.store.send("todos", { type: "create", payload: "c" });
  await other.until(() => expect(replayed(other.store)).toEqual(["create"]));
  expect(statusOf(other.store).pending).toBe(0);
  for (const { connect } of [one, other]) await connect(welcome(), patch([change(10, 10)]));
  await one.sent("actions");
  const view = new View<[string, string], { type: string; payload: string }>(other.store, "todos", (todos, { payload }) => [...todos, [payload, ""]]);
  const seen: string[][] = [];
  other.store.subscribe("todos", () => seen.push(view.getSnapshot().records.map(([id]) => id)));
  const effects = change(10, 11, { put: [["c", "three"]] });
  one.socket.receive(patch([effects], [committed(1)]));
  await settled(async () => expect(await outbox(all)).toEqual([]));
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(view.getSnapshot().records.map(([id]) => id)).toEqual(["a", "b", "c"]);
  other.socket.receive(patch([effects]));
  expect(recordsOf(other.store)).toHaveLength(3);
  expect(replayed(other.store)).toEqual([]);
  for (const ids of seen) expect(ids).toEqual(["a", "b", "c"]);
});

test("the outbox of a tab that died is adopted by a living one, under the dead one's client", async () => {
  const all = browser();
  const [living, dying] = [all.open(), all.open()];
  await living.connect(welcome(), page([]));
  const receipt = dying.store.send("todos", { type: "left behind" });
  await dying.until(() => expect(receipt.stage).toBe("saved"));
  const [before] = await outbox(all);
  await living.until(() => expect(replayed(living.store)).toEqual(["left behind"]));
  living.socket.sent = [];
  dying.store.close();
  await living.until(() => expect(living.socket.reconnects).toBe(1));
  await living.connect(welcome(), patch([change(10, 10)]));
  expect(await living.sent("hello")).toMatchObject([{ client: before?.client }]);
  expect(await living.sent("actions")).toMatchObject([{ actions: [{ number: 1, type: "left behind" }] }]);
  expect(replayed(living.store)).toEqual(["left behind"]);
  living.socket.receive(patch([change(10, 11)], [committed(1)]));
  await settled(async () => expect(await outbox(all)).toEqual([]));
});

test("a tab with actions of its own adopts a dead tab's only when they are settled", async () => {
  const all = browser();
  const [living, dying] = [all.open(), all.open()];
  await living.connect(welcome(), page([]));
  void living.store.send("todos", { type: "own" });
  await living.sent("actions");
  const receipt = dying.store.send("todos", { type: "left behind" });
  await dying.until(() => expect(receipt.stage).toBe("saved"));
  dying.store.close();
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(living.socket.reconnects).toBe(0);
  living.socket.receive(patch([], [committed(1)]));
  await living.until(() => expect(living.socket.reconnects).toBe(1));
});

test("another object, and another user, see nothing of it", async () => {
  const all = await filled();
  for (const scope of ["another room", JSON.stringify([all.scope, "somebody"])]) {
    const socket = new ScriptedSocket();
    const store = new Store(socket, { cache: all.cache, scope });
    stores.push(store);
    store.subscribe("todos", () => {});
    socket.open();
    await settled(() => expect(socket.sent.find(({ type }) => type === "subscribe")).toMatchObject({ cursor: null }));
    expect(recordsOf(store)).toEqual([]);
  }
});

test("a channel that has heard of anything newer takes nothing from the cache", () => {
  const kept = { meta: { cursor: { epoch: "e1", shape: "s1", version: 5 }, columns: ["id", "text"], key: [0], snapshot: null }, rows: [["a", "old"]] };
  const channel = new Channel("todos", true);
  channel.subscribe();
  expect(channel.restore(kept)).toBe(false);
  channel.applyPage(page([["b", "new"]]));
  channel.rest();
  expect(channel.restore(kept)).toBe(false);
  expect(channel.records).toEqual([["b", "new"]]);
});

test("an open socket does not make a channel subscribe before the cache has answered, for that would be without its cursor", async () => {
  const all = await filled();
  const { readChannel } = all.cache;
  let answer = () => {};
  const gate = new Promise<void>((resolve) => (answer = resolve));
  all.cache.readChannel = async (...args) => (await gate, readChannel(...args));
  const { socket, until, sent } = all.open();
  socket.open();
  await until(() => expect(socket.sent.map(({ type }) => type)).toEqual(["hello"]));
  answer();
  expect(await sent("subscribe")).toMatchObject([{ cursor: { version: 10 } }]);
});

test("an action whose number changes while it is being saved is saved once more before it counts as saved", async () => {
  const cache = memoryCache();
  const all = browser(cache);
  const { store, connect, sent, until } = all.open();
  const { write } = cache;
  const gates: (() => void)[] = [];
  cache.write = async (...args) => (await new Promise<void>((resolve) => gates.push(resolve)), write(...args));
  const pass = async (count: number) => {
    await until(() => expect(gates).toHaveLength(count));
    gates[count - 1]?.();
  };
  const abort = new AbortController();
  const first = store.send("todos", { type: "first" }, { signal: abort.signal });
  first.catch(() => {});
  await pass(1);
  await until(() => expect(first.stage).toBe("saved"));
  const second = store.send("todos", { type: "second" });
  await until(() => expect(gates).toHaveLength(2));
  abort.abort();
  await pass(2);
  await until(() => expect(gates).toHaveLength(3));
  expect(second.stage).toBe("new");
  expect(await outbox(all)).toMatchObject([{ type: "first" }, { number: 2, type: "second" }]);
  await pass(3);
  await until(() => expect(second.stage).toBe("saved"));
  expect(await outbox(all)).toMatchObject([{ number: 1, type: "second" }]);
  cache.write = write;
  await connect(welcome(), page([]));
  expect(await sent("actions")).toMatchObject([{ actions: [{ number: 1, type: "second" }] }]);
});
