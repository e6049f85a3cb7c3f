// SPDX-License-Identifier: MIT
// @vitest-environment jsdom
// What becomes of actions whose page, component or socket leaves right after they were sent.
import { act, cleanup, renderHook } from "@testing-library/react";
import { locks } from "node:worker_threads";
import { StrictMode, type ReactNode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { memoryCache, outboxes, storeOf, type Cache } from "../../client/index.ts";
import { LINGER } from "../../client/linger.ts";
import { useSync } from "../../client/react.ts";
import { committed, page, patch, ScriptedSocket, settle, welcome } from "./scripted-object.ts";

/** A socket that its owner closes, as PartySocket says it. */
class OwnedSocket extends ScriptedSocket {
  shouldReconnect = true;
  roomUrl: string;
  constructor(room: string) {
    super();
    this.roomUrl = `wss://example.test/parties/todos/${room}`;
  }
  override close(code?: number, reason = ""): void {
    if (code === undefined) this.shouldReconnect = false;
    super.close(code, reason);
  }
  override reconnect(): void {
    super.reconnect();
    this.shouldReconnect = true;
    this.readyState = 0;
  }
}

let rooms = 0;

beforeEach(() => {
  Object.defineProperty(navigator, "locks", { value: locks, configurable: true });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

const pass = async (milliseconds: number) => {
  await act(async () => void (await vi.advanceTimersByTimeAsync(milliseconds)));
  for (let i = 0; i < 5; i++) await act(async () => void (await new Promise((resolve) => setImmediate(resolve))));
};
const actionsOf = (socket: ScriptedSocket) => socket.takeSent("actions").flatMap(({ actions }) => actions);

/** A room whose only watcher is live. */
async function visited(cache: Cache | null = null, user?: string) {
  const socket = new OwnedSocket(`room ${rooms++}`);
  const store = storeOf(socket, { cache, user });
  const end = store.subscribe("todos", () => {});
  await pass(0);
  socket.open();
  socket.receive(welcome());
  socket.receive(page([]));
  await pass(0);
  socket.takeSent();
  const leave = () => {
    end();
    socket.close();
  };
  return { socket, store, leave, end };
}

test.each([["in memory", () => null], ["with a cache", memoryCache]])("what is sent right before leaving arrives, %s, and the socket is closed then", async (_, cache) => {
  const { socket, store, leave } = await visited(cache());
  const receipt = store.send("todos", { type: "create" });
  leave();
  await pass(1);
  expect([socket.reconnects, socket.readyState]).toEqual([1, 0]);
  socket.open();
  socket.receive(welcome());
  await pass(0);
  expect(actionsOf(socket)).toMatchObject([{ number: 1, type: "create" }]);
  socket.receive(patch([], [committed(1, "done")]));
  await expect(receipt).resolves.toEqual({ result: "done" });
  expect([socket.readyState, socket.shouldReconnect]).toEqual([3, false]);
  await pass(10 * LINGER);
  expect(socket.reconnects).toBe(1);
});

test("after half a minute without success the receipt says so, the dialling ends, and outboxes() tells what waits", async () => {
  const cache = memoryCache();
  const { socket, store, leave } = await visited(cache, "ann");
  const receipt = store.send("todos", { type: "create" });
  const told = expect(receipt).rejects.toMatchObject({ code: "left_behind" });
  leave();
  await pass(LINGER - 1000);
  expect(await outboxes(cache)).toMatchObject([{ object: socket.roomUrl, user: "ann", channel: "todos", count: 1 }]);
  await pass(1001);
  await told;
  expect([receipt.stage, socket.shouldReconnect]).toEqual(["left_behind", false]);
  const [waiting] = await outboxes(cache);
  expect(waiting).toEqual({ object: socket.roomUrl, user: "ann", channel: "todos", count: 1, stages: { left_behind: 1 } });
  const { reconnects } = socket;
  await pass(10 * LINGER);
  expect(socket.reconnects).toBe(reconnects);
  // Whoever comes back finds it again, and it is sent.
  const again = new OwnedSocket("");
  again.roomUrl = socket.roomUrl;
  expect(storeOf(again, { cache, user: "ann" })).toBe(store);
  store.use(again);
  store.subscribe("todos", () => {});
  expect(receipt.stage).toBe("saved");
  again.open();
  again.receive(welcome());
  await pass(0);
  expect(actionsOf(again)).toMatchObject([{ number: 1 }]);
});

test("who comes back with a new socket takes the store again, and the old socket, dialled here, is closed", async () => {
  const { socket, store, leave } = await visited(memoryCache());
  void store.send("todos", { type: "create" });
  leave();
  await pass(1);
  const again = new OwnedSocket("again");
  again.roomUrl = socket.roomUrl;
  store.use(again);
  store.subscribe("todos", () => {});
  expect([socket.shouldReconnect, socket.readyState]).toEqual([false, 3]);
  again.open();
  again.receive(welcome());
  await pass(0);
  expect(actionsOf(again)).toMatchObject([{ number: 1, type: "create" }]);
});

test("who comes back with the same socket has it: it is not closed once everything is settled", async () => {
  const { socket, store, leave } = await visited();
  void store.send("todos", { type: "create" });
  leave();
  await pass(1);
  socket.open();
  store.use(socket);
  store.subscribe("todos", () => {});
  socket.receive(welcome());
  await pass(0);
  socket.receive(patch([], [committed(1)]));
  expect([socket.readyState, socket.shouldReconnect, socket.reconnects]).toEqual([1, true, 1]);
});

test("nothing is dialled after the object has turned the client away, and the receipt says at once that it is left behind", async () => {
  for (const code of [1008, 4401, 4499]) {
    const { socket, store, leave } = await visited();
    const receipt = store.send("todos", { type: "create" });
    const told = expect(receipt).rejects.toMatchObject({ code: "left_behind" });
    socket.close(code);
    leave();
    await pass(1);
    await told;
    expect(socket.reconnects).toBe(0);
  }
});

test("what one user has left is not sent while another is at the page", async () => {
  const cache = memoryCache();
  const ann = await visited(cache, "ann");
  const receipt = ann.store.send("todos", { type: "create" });
  const told = expect(receipt).rejects.toMatchObject({ code: "left_behind" });
  await pass(0);
  ann.socket.takeSent();
  ann.leave();
  await visited(cache, "bob");
  await pass(1);
  await told;
  expect([ann.socket.reconnects, ann.socket.shouldReconnect]).toEqual([0, false]);
});

test("the dialling for one user ends when another comes", async () => {
  const ann = await visited(memoryCache(), "ann");
  void ann.store.send("todos", { type: "create" });
  await pass(0);
  ann.leave();
  await pass(1);
  expect([ann.socket.reconnects, ann.socket.shouldReconnect]).toEqual([1, true]);
  await visited(memoryCache(), "bob");
  await pass(1);
  expect([ann.socket.reconnects, ann.socket.shouldReconnect]).toEqual([1, false]);
});

test("an open socket that another user takes over is dialled again, and speaks for that one alone", async () => {
  const cache = memoryCache();
  const { socket, store } = await visited(cache, "ann");
  const other = storeOf(socket, { cache, user: "bob" });
  other.use(socket);
  other.subscribe("todos", () => {});
  await pass(0);
  expect(socket.reconnects).toBe(1);
  void store.send("todos", { type: "ann's" });
  socket.open();
  socket.receive(welcome());
  await pass(0);
  const sent = socket.takeSent();
  expect(sent.filter(({ type }) => type === "hello")).toHaveLength(1);
  expect(sent.filter(({ type }) => type === "actions")).toEqual([]);
});

test.each([
  ["clear", "cleared"],
  ["close", "left_behind"],
] as const)("%s is for good: nothing is dialled afterwards, and the receipt is told", async (end, code) => {
  const { socket, store, leave } = await visited();
  const told = expect(store.send("todos", { type: "create" })).rejects.toMatchObject({ code });
  leave();
  await pass(1);
  expect(socket.reconnects).toBe(1);
  await store[end]();
  await told;
  await pass(10 * LINGER);
  expect([socket.reconnects, socket.shouldReconnect]).toEqual([1, false]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a closed store refuses what is sent, and the object's next store is another", async () => {
  const { socket, store } = await visited();
  store.close();
  await expect(store.send("todos", { type: "create" })).rejects.toMatchObject({ code: "aborted" });
  expect(storeOf(socket)).not.toBe(store);
});

test("who leaves with nothing to send leaves nothing: no timer, no listener, no dialling", async () => {
  const heard = new Set<unknown>();
  const adding = vi.spyOn(globalThis, "addEventListener").mockImplementation((_, listener) => void heard.add(listener));
  const removing = vi.spyOn(globalThis, "removeEventListener").mockImplementation((_, listener) => void heard.delete(listener));
  const { socket, leave } = await visited();
  expect(heard.size).toBeGreaterThan(0);
  leave();
  await pass(10 * LINGER);
  expect([socket.reconnects, vi.getTimerCount(), heard.size]).toEqual([0, 0, 0]);
  adding.mockRestore();
  removing.mockRestore();
});

test("a socket that its component opens and closes under StrictMode is not dialled here", async () => {
  const { socket, store, end } = await visited();
  void store.send("todos", { type: "create" });
  end();
  socket.close();
  socket.reconnect();
  const wrapper = ({ children }: { children: ReactNode }) => <StrictMode>{children}</StrictMode>;
  renderHook(() => useSync("todos", socket), { wrapper });
  await pass(1000);
  expect(socket.reconnects).toBe(1);
});

test("a module that is replaced while developing finds the stores there were", async () => {
  const { socket, store } = await visited();
  vi.resetModules();
  const replaced = await import("../../client/stores.ts");
  expect(replaced.storeOf).not.toBe(storeOf);
  expect(replaced.storeOf(socket)).toBe(store);
  await settle();
});

test("a committed action whose channel was still loading is told when its component leaves", async () => {
  const { socket, store, end } = await visited();
  socket.close(1006);
  socket.open();
  const receipt = store.send("todos", { type: "create" });
  await pass(0);
  socket.receive(welcome());
  socket.receive(patch([], [committed(1, "done")]));
  socket.close();
  end();
  await pass(1);
  await expect(receipt).resolves.toEqual({ result: "done" });
});
