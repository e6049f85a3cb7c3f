// SPDX-License-Identifier: MIT
// An action is one copy: the JSON made of it when it is sent. It is what goes to the object, what shows, what is kept, and what another page sends.
import { expect, test, vi } from "vitest";
import type { SyncAction } from "../../client/action.ts";
import { View } from "../../client/view.ts";
import * as limits from "../../wasm/build/limits.ts";
import { browser, outbox } from "./pages.ts";
import { live, page, patch, rejected, settle, statusOf, welcome } from "./scripted-object.ts";

const cyclic: Record<string, unknown> = {};
cyclic["self"] = cyclic;

class Point {
  x = 1;
  #secret = 2;
  toString = () => `${this.x} ${this.#secret}`;
}

const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };
const nested = (levels: number): unknown => JSON.parse(`${"[".repeat(levels)}${"]".repeat(levels)}`);

const odd: [what: string, payload: () => unknown, json: unknown][] = [
  ["a proxy: a draft of Immer, an observable of MobX", () => new Proxy({ id: "a" }, {}), { id: "a" }],
  ["a function among its members", () => ({ id: "a", onDone: () => undefined }), { id: "a" }],
  ["an object that says by toJSON what it is", () => ({ toJSON: () => ({ id: "a" }) }), { id: "a" }],
  ["a date", () => ({ at: new Date(0) }), { at: "1970-01-01T00:00:00.000Z" }],
  ["members without a value", () => ({ id: "a", text: undefined, list: [undefined] }), { id: "a", list: [null] }],
  ["numbers that JSON does not have", () => [-0, NaN, Infinity], [0, null, null]],
  ["an instance of a class", () => new Point(), { x: 1 }],
  ["a map and bytes", () => [new Map([["a", 1]]), new Uint8Array([1])], [{}, { 0: 1 }]],
  ["half of a pair of surrogates", () => ({ "\ud800": "\udc00" }), { "\ufffd": "\ufffd" }],
  ["a member called __proto__", () => JSON.parse('{"__proto__": {"id": "a"}}'), JSON.parse('{"__proto__": {"id": "a"}}')],
  ["as many levels as an object reads", () => nested(limits.maxDepth - 3), nested(limits.maxDepth - 3)],
];

test.each(odd)("%s in a payload: the object, the screen, the cache and the next page have the same", async (_what, payload, json) => {
  const all = browser();
  const first = all.open();
  await first.connect(welcome(), page([["a", "one"]]));
  void first.store.send("todos", { type: "x", payload: payload() });
  void first.store.send("todos", { type: "y" });
  const [frame] = await first.sent("actions");
  expect(frame?.["actions"]).toEqual([
    { number: 1, channel: "todos", type: "x", payload: json },
    { number: 2, channel: "todos", type: "y" },
  ]);
  expect(first.store.getState("todos").pending[0]?.action.payload).toEqual(json);
  expect(statusOf(first.store).storage).toBe("persistent");
  expect((await outbox(all)).map((action) => [action.type, action.payload])).toEqual([["x", json], ["y", undefined]]);
  first.store.close();

  const next = all.open();
  await next.connect(welcome());
  expect(await next.sent("actions")).toEqual([frame]);
  expect(next.store.getState("todos").pending[0]?.action.payload).toEqual(json);
});

test.each<[what: string, code: string, channel: unknown, action: unknown]>([
  ["a bigint", "invalid_payload", "todos", { type: "x", payload: 1n }],
  ["a circle", "invalid_payload", "todos", { type: "x", payload: cyclic }],
  ["a getter that throws", "invalid_payload", "todos", { type: "x", payload: { get id() { throw new Error("mine"); } } }],
  ["a payload that throws when it is asked for", "invalid_payload", "todos", { type: "x", get payload() { throw new Error("mine"); } }],
  ["one level too many", "invalid_payload", "todos", { type: "x", payload: nested(limits.maxDepth - 2) }],
  ["more than a frame holds", "frame_too_large", "todos", { type: "x", payload: "x".repeat(limits.maxFrame) }],
  ["a number that a copy would round", "invalid_payload", "todos", { type: "x", payload: [rawJSON("9007199254740993")] }],
  ["a number beyond all numbers", "invalid_payload", "todos", { type: "x", payload: rawJSON("1e400") }],
  ["a type that is no text", "invalid_payload", "todos", { type: 5 }],
  ["no type", "invalid_payload", "todos", {}],
  ["no action", "invalid_payload", "todos", null],
  ["a channel that is no text", "invalid_payload", undefined, { type: "x" }],
])("%s is refused when it is sent, as %s, and nothing of it is kept or in the way", async (_what, code, channel, action) => {
  const all = browser();
  const { store, sent, connect } = all.open();
  await connect(welcome(), page([]));
  const told = vi.fn();
  store.onRejected(told);
  await expect(store.send(channel as string, action as SyncAction)).rejects.toMatchObject({ code });
  expect(told).toHaveBeenCalledOnce();
  void store.send("todos", { type: "next" });
  expect(await sent("actions")).toMatchObject([{ actions: [{ number: 1, type: "next" }] }]);
  expect((await outbox(all)).map(({ type }) => type)).toEqual(["next"]);
  expect(statusOf(store)).toMatchObject({ state: "live", storage: "persistent", pending: 1 });
});

test("whoever has sent an action may go on with their object: it is no more the action", async () => {
  const { socket, store } = live();
  const payload = { id: "a", list: [1] };
  void store.send("todos", { type: "x", payload });
  payload.id = "b";
  payload.list.push(2);
  await settle();
  expect(socket.takeSent("actions")).toMatchObject([{ actions: [{ payload: { id: "a", list: [1] } }] }]);
  expect(store.getState("todos").pending[0]?.action.payload).toEqual({ id: "a", list: [1] });
});

test.each(["test", "production"])("a reducer that changes the action changes no copy but its own (%s)", async (mode) => {
  vi.stubEnv("NODE_ENV", mode);
  const report = vi.spyOn(console, "error").mockImplementation(() => {});
  const all = browser();
  const { store, socket, sent, connect } = all.open();
  await connect(welcome(), page([]));
  const view = new View<[string], { type: string; payload: { id: string } }>(store, "todos", (todos, { payload }) => {
    payload.id = "mine";
    return [...todos, [payload.id]];
  });
  const told = vi.fn();
  store.onRejected(told);
  void store.send("todos", { type: "x", payload: { id: "a" } });
  const shown = view.getSnapshot().records;
  // While developing, the reducer hears of it.
  expect(report).toHaveBeenCalledTimes(mode === "test" ? 1 : 0);
  expect(shown).toHaveLength(mode === "test" ? 0 : 1);
  expect(await sent("actions")).toMatchObject([{ actions: [{ payload: { id: "a" } }] }]);
  expect(await outbox(all)).toMatchObject([{ payload: { id: "a" } }]);
  socket.receive(patch([], [rejected(1)]));
  expect(told).toHaveBeenCalledExactlyOnceWith(expect.anything(), { type: "x", payload: { id: "a" } }, "todos");
  report.mockRestore();
  vi.unstubAllEnvs();
});

test("what an earlier release has kept, as structured clones have it, is sent", async () => {
  const all = browser();
  const payload = { at: new Date(0), none: undefined };
  const put = [{ client: "old", order: 1, number: 1, channel: "todos", type: "x", payload, tried: true }];
  await all.cache.write(all.scope, { channels: new Map(), client: { client: "old", last: 1, seen: 5 }, put, del: [], drop: [] });
  const { connect, sent } = all.open();
  await connect(welcome(), page([]));
  expect(await sent("actions")).toMatchObject([{ actions: [{ number: 1, payload: { at: "1970-01-01T00:00:00.000Z" } }] }]);
});
