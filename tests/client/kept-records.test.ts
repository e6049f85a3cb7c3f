// SPDX-License-Identifier: MIT
// What outlives a page of the records: rows with the cursor that they fit, and nothing that would take the place of newer ones.
import { expect, test, vi } from "vitest";
import { memoryCache } from "../../client/cache.ts";
import { Channel } from "../../client/channel.ts";
import { Store } from "../../client/store.ts";
import { browser, filled, settled, stored, stores } from "./pages.ts";
import { change, failure, page, patch, recordsOf, ScriptedSocket, statusOf, welcome } from "./scripted-object.ts";

test("the first paint comes from the cache, without a connection, and the subscription resumes from its cursor", async () => {
  const all = await filled();
  const { store, socket, until, connect } = all.open();
  await until(() => expect(recordsOf(store)).toEqual([["a", "one"], ["b", "two"]]));
  expect(statusOf(store)).toMatchObject({ state: "connecting", storage: "persistent", version: 10 });
  await connect(welcome());
  expect(socket.takeSent("subscribe")).toEqual([{ type: "subscribe", channel: "todos", cursor: { epoch: "e1", shape: "s1", version: 10 }, pages: 5 }]);
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
  store.hydrate("todos", { epoch: "e1", shape: "s1", version: 20, columns: ["id", "text"], key: [0], cells: [["b"], ["newer"]] });
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
  expect(socket.takeSent("page")).toEqual([{ type: "page", channel: "todos", after: ["b"], rows: 50, pages: 5 }]);
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
  const { id } = channel.subscribe();
  expect(channel.restore(kept, true)).toBe(false);
  channel.applyPage(page([["b", "new"]], { id }));
  channel.rest();
  expect(channel.restore(kept, true)).toBe(false);
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

test("a store that is closed while it waits for its cache does not listen to the socket afterwards", async () => {
  const all = browser();
  const { store, socket } = all.open();
  const listen = vi.spyOn(socket, "addEventListener");
  store.close();
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(listen).not.toHaveBeenCalled();
});
