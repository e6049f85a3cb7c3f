// SPDX-License-Identifier: MIT
// Several pages of one browser at once.
import { expect, test, vi } from "vitest";
import { memoryCache, type Cache } from "../../client/cache.ts";
import { View } from "../../client/view.ts";
import { browser, filled, outbox, settled, stored } from "./pages.ts";
import { change, committed, failure, page, patch, recordsOf, replayed, statusOf, welcome } from "./scripted-object.ts";

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

test("a client that got a new id is still this tab's: another tab does not take its actions for left behind", async () => {
  const all = browser();
  const one = all.open();
  await one.connect(welcome(), page([]));
  one.socket.close(1006);
  const mine = one.store.send("todos", { type: "mine" });
  await one.until(() => expect(mine.stage).toBe("saved"));
  const [before] = await outbox(all);
  one.socket.sent = [];
  await one.connect(failure("client_forgotten"));
  await settled(async () => expect((await outbox(all)).map(({ client }) => client)).not.toEqual([before?.client]));
  const other = all.open();
  await other.until(() => expect(replayed(other.store)).toEqual(["mine"]));
  expect(statusOf(other.store).pending).toBe(0);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect([one.store, other.store].map((store) => statusOf(store).pending)).toEqual([1, 0]);
});

test("a tab that ends while it starts takes nothing with it", async () => {
  const all = browser();
  const first = all.open();
  const receipt = first.store.send("todos", { type: "left behind" });
  await first.until(() => expect(receipt.stage).toBe("saved"));
  first.store.close();
  const ending = all.open();
  const { promise, resolve } = Promise.withResolvers<void>();
  const { request } = navigator.locks;
  const spy = vi.spyOn(navigator.locks, "request").mockImplementation(async (...args: unknown[]) => {
    await promise;
    return Reflect.apply(request, navigator.locks, args);
  });
  await ending.until(() => expect(spy).toHaveBeenCalled());
  spy.mockRestore();
  ending.store.close();
  resolve();
  await new Promise((done) => setTimeout(done, 30));
  const next = all.open();
  await next.until(() => expect(replayed(next.store)).toEqual(["left behind"]));
  expect(statusOf(next.store).pending).toBe(1);
});

/** Holds up what the cache's looks at the outboxes have found, until their end. */
function holdLooks(cache: Cache) {
  const { readOutboxes } = cache;
  const held = Promise.withResolvers<void>();
  let looks = 0;
  cache.readOutboxes = async (scope) => {
    const found = await readOutboxes(scope);
    looks++;
    await held.promise;
    return found;
  };
  return { begun: async () => await settled(() => expect(looks).toBeGreaterThan(0)), end: held.resolve };
}

test("a look at the other tabs that began before a clear does not bring back what the clear has wiped", async () => {
  const cache = memoryCache();
  const all = browser(cache);
  const [one, other] = [all.open(), all.open()];
  for (const { connect } of [one, other]) await connect(welcome(), page([]));
  void one.store.send("todos", { type: "mine" });
  await one.sent("actions");
  const { readOutboxes } = cache;
  const looks = holdLooks(cache);
  void other.store.send("todos", { type: "theirs" });
  await looks.begun();
  const cleared = one.store.clear();
  await settled(async () => expect((await readOutboxes(all.scope)).actions).toEqual([]));
  looks.end();
  await cleared;
  await settled(() => expect(replayed(one.store)).toEqual([]));
});

test("a tab whose cache fails keeps its client until it ends, though it goes on in memory", async () => {
  const report = vi.spyOn(console, "warn").mockImplementation(() => {});
  const cache = memoryCache();
  const all = browser(cache);
  const [one, other] = [all.open(), all.open()];
  for (const { connect } of [one, other]) await connect(welcome(), page([]));
  void one.store.send("todos", { type: "sent" });
  await one.sent("actions");
  await other.until(() => expect(replayed(other.store)).toEqual(["sent"]));
  const { write } = cache;
  cache.write = () => Promise.reject(new DOMException("full", "QuotaExceededError"));
  void one.store.send("todos", { type: "in memory" });
  await one.until(() => expect(statusOf(one.store).storage).toBe("memory"));
  cache.write = write;
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(other.socket.reconnects).toBe(0);
  one.store.close();
  await other.until(() => expect(other.socket.reconnects).toBe(1));
  report.mockRestore();
});

test("a tab that waits for two others takes over the one although the other has left nothing", async () => {
  const cache = memoryCache();
  const all = browser(cache);
  const [one, other, third] = [all.open(), all.open(null), all.open(null)];
  await one.connect(welcome(), page([]));
  for (const { store, until } of [other, third]) {
    const receipt = store.send("todos", { type: "left" });
    await until(() => expect(receipt.stage).toBe("saved"));
  }
  await one.until(() => expect(replayed(one.store)).toEqual(["left", "left"]));
  const [first] = await outbox(all);
  await cache.write(all.scope, { channels: new Map(), client: null, put: [], del: [], drop: first ? [first.client] : [] });
  other.store.close();
  third.store.close();
  await one.until(() => expect(one.socket.reconnects).toBe(1));
});

/** Two tabs, one of which has an action that it has not sent when its socket opens. */
async function twoTabs(cache: Cache) {
  const all = browser(cache);
  const [one, other] = [all.open(), all.open()];
  for (const { connect } of [one, other]) await connect(welcome(), page([]));
  one.socket.close(1006);
  const mine = one.store.send("todos", { type: "mine" });
  await one.until(() => expect(mine.stage).toBe("saved"));
  await other.until(() => expect(replayed(other.store)).toEqual(["mine"]));
  one.socket.sent = [];
  return [one, other] as const;
}

test("a look at the other tabs during which this one becomes another client does not take its own actions for a neighbour's", async () => {
  const cache = memoryCache();
  const [one, other] = await twoTabs(cache);
  const looks = holdLooks(cache);
  void other.store.send("todos", { type: "theirs" });
  await looks.begun();
  await one.connect(failure("client_forgotten"));
  looks.end();
  await one.until(() => expect(replayed(one.store)).toEqual(["theirs", "mine"]));
});

test("a tab that becomes another client keeps the old one's lock until the cache has its actions under the new one", async () => {
  const cache = memoryCache();
  const [one, other] = await twoTabs(cache);
  const { write } = cache;
  const opened = Promise.withResolvers<void>();
  cache.write = async (...args) => (await opened.promise, write(...args));
  await one.connect(failure("client_forgotten"));
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(other.socket.reconnects).toBe(0);
  opened.resolve();
  one.socket.sent = [];
  await one.connect(welcome(), page([]));
  expect(await one.sent("actions")).toMatchObject([{ actions: [{ number: 1, type: "mine" }] }]);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(other.socket.reconnects).toBe(0);
  await other.until(() => expect(replayed(other.store)).toEqual(["mine"]));
});

test("what a tab had pending is gone from the others once it ends, if it has wiped everything without saying so", async () => {
  const all = browser();
  const [one, other] = [all.open(), all.open(null)];
  await one.connect(welcome(), page([]));
  const receipt = other.store.send("todos", { type: "theirs" });
  await other.until(() => expect(receipt.stage).toBe("saved"));
  await one.until(() => expect(replayed(one.store)).toEqual(["theirs"]));
  await all.cache.clear(all.scope);
  other.store.close();
  await one.until(() => expect(replayed(one.store)).toEqual([]));
});
