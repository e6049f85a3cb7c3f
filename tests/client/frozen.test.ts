// SPDX-License-Identifier: MIT
// Records are everybody's: who would change them in place hears so while developing.
import { afterEach, expect, test, vi } from "vitest";
import { bundleOf } from "../../bench/client-size.mjs";
import { frozen } from "../../client/frozen.ts";
import { View, type RecordForm } from "../../client/view.ts";
import { change, live, page, patch } from "./scripted-object.ts";

afterEach(() => void vi.unstubAllEnvs());

const rows = [["a", "z"], ["b", "y"]];

test.each<RecordForm>(["tuples", "objects"])("what one component does to its %s is nothing to another", (form) => {
  const { store } = live(rows);
  const [one, other] = [new View<unknown[], never>(store, "todos", undefined, form), new View<unknown[], never>(store, "todos", undefined, form)];
  const before = structuredClone(other.getSnapshot().records);
  const mine = one.getSnapshot().records as unknown[][];
  expect(() => mine.sort(() => -1)).toThrow(TypeError);
  expect(() => mine.push(["mine"])).toThrow(TypeError);
  expect(() => Object.assign(mine[0] ?? [], { 1: "mine", text: "mine" })).toThrow(TypeError);
  expect(other.getSnapshot().records).toEqual(before);
  expect(store.dehydrate("todos")?.cells).toEqual([["a", "b"], ["z", "y"]]);
});

test("records after a change are frozen as those before, and bytes are left as they are", () => {
  const { socket, store } = live([["a", { blob: "00FF" }]]);
  socket.receive(patch([change(10, 11, { put: [["b", "y"]], set: [{ columns: [1], rows: [["a", { blob: "01" }]] }] })]));
  const { records } = store.getState("todos");
  expect(records).toEqual([["a", new Uint8Array([1])], ["b", "y"]]);
  expect([records, ...records].every(Object.isFrozen)).toBe(true);
});

test("what a reducer made is frozen, too, and its array is its own", () => {
  const { store } = live(rows);
  const view = new View<unknown[], { type: string; payload: unknown[] }>(store, "todos", (todos, { payload }) => {
    todos.push(payload);
    return todos.sort(() => -1);
  });
  void store.send("todos", { type: "x", payload: ["c", "x"] });
  const { records } = view.getSnapshot();
  expect(records).toHaveLength(3);
  expect([records, ...records].every(Object.isFrozen)).toBe(true);
  expect(store.getState("todos").records).toEqual(rows);
});

test("an array that will not be frozen shows all the same", () => {
  const stubborn = new Proxy([["a"]], { preventExtensions: () => false });
  expect(frozen(stubborn)).toBe(stubborn);
});

test("without a process nothing is frozen, and nothing fails", () => {
  vi.stubGlobal("process", undefined);
  const value = frozen([["a"]]);
  vi.unstubAllGlobals();
  expect(Object.isFrozen(value)).toBe(false);
});

test("in production nothing is frozen, and a page for it does not have what would", async () => {
  vi.stubEnv("NODE_ENV", "production");
  const { socket, store } = live(rows);
  socket.receive(page([]));
  expect(Object.isFrozen(store.getState("todos").records)).toBe(false);
  const code = await bundleOf("useSync, with the cache");
  expect(code).not.toContain("NODE_ENV");
  expect(code).not.toContain("isFrozen");
});
