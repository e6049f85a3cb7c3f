// SPDX-License-Identifier: MIT
// The optimistic overlay: what a watcher sees while actions are on their way.
import { expect, test, vi } from "vitest";
import { isPending, View, type Reducer } from "../../client/view.ts";
import { change, committed, live, patch, recordsOf, rejected, welcome } from "./scripted-object.ts";

type Todo = [id: string, text: string];
type Action = { type: "create"; payload: Todo } | { type: "update"; payload: Todo } | { type: "throw" };

const reducer: Reducer<Todo, Action> = (todos, action) => {
  if (action.type === "throw") throw new Error("mine");
  if (action.type === "create") return [...todos, action.payload];
  return todos.map((todo) => (todo[0] === action.payload[0] ? action.payload : todo));
};

function viewed(rows: Todo[] = [["a", "one"]], reduce: Reducer<Todo, Action> = reducer) {
  const all = live(rows);
  const view = new View<Todo, Action>(all.store, "todos", reduce);
  const send = (action: Action) => all.store.send("todos", action);
  return { ...all, view, send, shown: () => view.getSnapshot().records };
}

const create = (id: string, text = id): Action => ({ type: "create", payload: [id, text] });
const update = (id: string, text: string): Action => ({ type: "update", payload: [id, text] });

test("pending actions show over the records, and their records as pending", () => {
  const { send, shown } = viewed([["a", "one"], ["b", "two"]]);
  void send(update("a", "ONE"));
  void send(create("c"));
  expect(shown()).toEqual([["a", "ONE"], ["b", "two"], ["c", "c"]]);
  expect(shown().map(isPending)).toEqual([true, false, true]);
});

test("pending actions replay in order over each new base", () => {
  const { socket, send, shown } = viewed();
  void send(update("b", "B"));
  void send(create("c"));
  expect(shown()).toEqual([["a", "one"], ["c", "c"]]);
  socket.receive(patch([change(10, 11, { put: [["b", "two"]] })]));
  expect(shown()).toEqual([["a", "one"], ["b", "B"], ["c", "c"]]);
});

test("no snapshot lacks both the optimistic and the real record, or shows both", () => {
  const { socket, store, view, send, shown } = viewed([]);
  const seen: unknown[] = [];
  view.subscribe(() => seen.push(shown().map(([id]) => id)));
  void send(create("x"));
  socket.close();
  socket.open();
  socket.receive(welcome());
  socket.receive(patch([change(10, 11, { put: [["x", "x"]] })]));
  socket.receive(patch([], [committed(1)]));
  expect(seen.length).toBeGreaterThan(3);
  for (const ids of seen) expect(ids).toEqual(["x"]);
  expect(shown()).toBe(recordsOf(store));
  expect(shown().map(isPending)).toEqual([false]);
});

test("a rejection takes back its own step and leaves the others", () => {
  const { socket, send, shown } = viewed();
  void send(update("a", "ONE"));
  void send(create("c"));
  socket.receive(patch([], [rejected(1)]));
  expect(shown()).toEqual([["a", "one"], ["c", "c"]]);
  expect(shown().map(isPending)).toEqual([false, true]);
});

test("the same array and records come back while nothing changes, and untouched records always", () => {
  const { socket, view, send, shown } = viewed([["a", "one"], ["b", "two"]]);
  const [, b] = shown();
  void send(update("a", "ONE"));
  const snapshot = view.getSnapshot();
  expect(view.getSnapshot()).toBe(snapshot);
  expect(snapshot.records[1]).toBe(b);
  view.reducer = (todos) => todos;
  expect(view.getSnapshot()).toBe(snapshot);
  const [optimistic] = snapshot.records;
  void send(create("c"));
  expect(shown()[0]).toBe(optimistic);
  socket.receive(patch([], []));
  expect(shown()[1]).toBe(b);
});

test("a reducer that throws is reported once and skipped for that action", () => {
  const report = vi.spyOn(console, "error").mockImplementation(() => {});
  const { socket, send, shown } = viewed();
  void send({ type: "throw" });
  void send(create("c"));
  expect(shown()).toEqual([["a", "one"], ["c", "c"]]);
  socket.receive(patch([change(10, 11, { del: [["a"]] })]));
  expect(shown()).toEqual([["c", "c"]]);
  expect(report).toHaveBeenCalledOnce();
  report.mockRestore();
});

test("a reducer that changes the array it is given harms nothing", () => {
  const { socket, send, shown } = viewed([["a", "one"]], (todos, action) => {
    if (action.type === "create") todos.push(action.payload);
    return todos;
  });
  void send(create("b"));
  const first = shown();
  void send(create("c"));
  expect(first).toHaveLength(2);
  expect(shown()).toHaveLength(3);
  socket.receive(patch([], [rejected(1), rejected(2)]));
  expect(shown()).toEqual([["a", "one"]]);
});

test("without a reducer the records are the object's own, and the status counts what is pending", () => {
  const { store, view, shown } = viewed();
  view.reducer = undefined;
  void store.send("todos", create("b"));
  expect(shown()).toBe(recordsOf(store));
  expect(view.getSnapshot().status.pending).toBe(1);
});
