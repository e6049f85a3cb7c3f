// SPDX-License-Identifier: MIT
// What outlives a page of the actions: each is saved before it is sent, and kept until its outcome is known.
import { expect, test, vi } from "vitest";
import { memoryCache, type Cache, type CacheWrite } from "../../client/cache.ts";
import { browser, filled, numbers, outbox, settled, stored } from "./pages.ts";
import { change, committed, failure, page, patch, recordsOf, rejected, replayed, statusOf, welcome } from "./scripted-object.ts";

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
  expect(numbers(await sent("actions"))).toEqual([1]);
  expect(numbers(await sent("actions"))).toEqual([2]);
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

test.each([
  ["has failed before", () => true],
  ["fails to write it", ({ drop }: CacheWrite) => drop.length > 0],
])("a client that becomes another when the cache %s leaves what the cache may hold to the next page: it would run twice", async (_, fails) => {
  const report = vi.spyOn(console, "warn").mockImplementation(() => {});
  const cache = memoryCache();
  const all = browser(cache);
  const { store, socket, connect, sent, until } = all.open();
  await connect(welcome(), page([]));
  void store.send("todos", { type: "done" });
  await sent("actions");
  socket.receive(patch([change(10, 11)], [committed(1)]));
  await settled(async () => expect(await outbox(all)).toEqual([]));
  void store.send("todos", { type: "sent" });
  await sent("actions");
  socket.close(1006);
  const kept = store.send("todos", { type: "kept" });
  await until(() => expect(kept.stage).toBe("saved"));
  const { write } = cache;
  cache.write = async (scope, batch) => (fails(batch) ? Promise.reject(new Error("full")) : write(scope, batch));
  socket.sent = [];
  await connect();
  await new Promise((resolve) => setTimeout(resolve, 20));
  socket.receive(failure("client_forgotten"));
  await expect(kept).rejects.toMatchObject({ code: "client_forgotten" });
  await until(() => expect(statusOf(store)).toMatchObject({ storage: "memory", pending: 0 }));
  socket.sent = [];
  const later = store.send("todos", { type: "later" });
  await connect(welcome(), page([], { epoch: "e2" }));
  expect(await sent("actions")).toMatchObject([{ actions: [{ number: 1, type: "later" }] }]);
  socket.receive(patch([], [committed(1)], "e2"));
  await later;
  cache.write = write;
  store.close();
  const next = all.open();
  await next.connect(welcome(), page([], { epoch: "e2" }));
  const again = () => next.socket.sent.flatMap(({ type, actions }) => (type === "actions" ? actions : []));
  await next.until(() => expect(again()).toMatchObject([{ number: 2, type: "sent" }, { number: 3, type: "kept" }]));
  report.mockRestore();
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

test("an action whose saving ends after the storage has failed otherwise is sent all the same", async () => {
  const report = vi.spyOn(console, "warn").mockImplementation(() => {});
  const cache = memoryCache();
  const all = browser(cache);
  const { store, connect, until, sent } = all.open();
  await until(() => expect(statusOf(store).state).toBe("connecting"));
  const { write } = cache;
  const opened = Promise.withResolvers<void>();
  const onWrite = vi.fn();
  cache.write = async (...args) => (onWrite(), await opened.promise, write(...args));
  void store.send("todos", { type: "create" });
  await until(() => expect(onWrite).toHaveBeenCalledOnce());
  // Another tab has news, and the look at them fails.
  cache.readOutboxes = () => Promise.reject(new Error("corrupt"));
  new BroadcastChannel(`durasync ${all.scope}`).postMessage("outbox");
  await until(() => expect(statusOf(store).storage).toBe("memory"));
  opened.resolve();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await connect(welcome(), page([]));
  expect(await sent("actions")).toMatchObject([{ actions: [{ number: 1, type: "create" }] }]);
  report.mockRestore();
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

test("a page that ends before it was welcomed leaves the time at which it first sent, for the next hello", async () => {
  const all = browser();
  const first = all.open();
  await first.connect();
  const before = Date.now();
  void first.store.send("todos", { type: "x" });
  await first.sent("actions");
  first.store.close();
  const { connect, sent } = all.open();
  await connect();
  const [hello] = await sent("hello");
  expect(hello?.seen).toBeGreaterThanOrEqual(before);
  expect(hello?.seen).toBeLessThanOrEqual(Date.now());
});

test("an action of an earlier page of which the cache has lost whether it was sent is rejected as unknown: it must not run twice", async () => {
  const all = browser();
  const first = all.open();
  const receipt = first.store.send("todos", { type: "x" });
  await first.until(() => expect(receipt.stage).toBe("saved"));
  first.store.close();
  const { store, socket, connect, until } = all.open();
  const told = vi.fn();
  store.onRejected(told);
  // The object has settled what counts as never sent here.
  await connect(welcome(1), page([]));
  await until(() => expect(told).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: "client_forgotten" }), { type: "x" }, "todos"));
  await settled(async () => expect(await outbox(all)).toEqual([]));
  expect(socket.sent.filter(({ type }) => type === "actions")).toEqual([]);
});

test("an action counts as taken back once the cache has let go of it: until then, the next page could send it", async () => {
  const cache = memoryCache();
  const all = browser(cache);
  const { store, until } = all.open();
  const abort = new AbortController();
  const receipt = store.send("todos", { type: "x" }, { signal: abort.signal });
  await until(() => expect(receipt.stage).toBe("saved"));
  const { write } = cache;
  const opened = Promise.withResolvers<void>();
  const onWrite = vi.fn();
  cache.write = async (...args) => (onWrite(), await opened.promise, write(...args));
  abort.abort();
  expect(replayed(store)).toEqual([]);
  await until(() => expect(onWrite).toHaveBeenCalledOnce());
  expect(receipt.stage).toBe("saved");
  opened.resolve();
  await expect(receipt).rejects.toMatchObject({ code: "aborted" });
  expect(await outbox(all)).toEqual([]);
});

test("an action that is taken back while the page still reads what an earlier one has left does not take that one's with it", async () => {
  const all = browser();
  const first = all.open();
  const kept = first.store.send("todos", { type: "kept" });
  await first.until(() => expect(kept.stage).toBe("saved"));
  first.store.close();
  const { store, until } = all.open();
  const abort = new AbortController();
  const receipt = store.send("todos", { type: "taken back" }, { signal: abort.signal });
  abort.abort();
  await expect(receipt).rejects.toMatchObject({ code: "aborted" });
  await until(() => expect(replayed(store)).toEqual(["kept"]));
  expect(await outbox(all)).toMatchObject([{ type: "kept" }]);
});

test("an action is not kept as tried before the welcome that may change its number", async () => {
  const all = browser();
  const first = all.open();
  await first.connect({ ...welcome(), now: 1 }, page([]));
  void first.store.send("todos", { type: "old" });
  await first.sent("actions");
  first.socket.receive(patch([change(10, 11)], [committed(1)]));
  await settled(async () => expect(await outbox(all)).toEqual([]));
  first.store.close();
  const { store, socket, connect, until, sent } = all.open();
  await connect();
  const receipt = store.send("todos", { type: "new" });
  await until(() => expect(receipt.stage).toBe("saved"));
  expect(await outbox(all)).toMatchObject([{ number: 2, tried: false }]);
  // The object knows of one more than the cache.
  socket.receive(welcome(2));
  expect(numbers(await sent("actions"))).toEqual([3]);
  expect(await outbox(all)).toMatchObject([{ number: 3, tried: true }]);
});
