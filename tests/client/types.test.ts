// SPDX-License-Identifier: MIT
// What the compiler says of the client's API: the types tier checks this file, running it is a formality.
import { PartySocket } from "partysocket";
import ReconnectingWebSocket from "partysocket/ws";
import { expectTypeOf, test } from "vitest";
import type { Cache, Cell, Receipt, Reducer, SyncError, SyncSocket, SyncState, SyncStatus } from "../../client/index.ts";
import { indexedDbCache, memoryCache, storeOf, View } from "../../client/index.ts";
import { syncHook, useRecord, useSelect, useSync, type Send, type Synced } from "../../client/react.ts";

type Todo = [id: string, text: string, completed: 0 | 1];
type TodoObject = { id: string; text: string; completed: 0 | 1 };
type Action = { type: "create"; payload: { id: string } } | { type: "clear" };

const never = (): boolean => false;
declare const socket: SyncSocket;

test("a PartySocket is a socket, and so is the smaller one below it", () => {
  expectTypeOf<PartySocket>().toExtend<SyncSocket>();
  expectTypeOf<ReconnectingWebSocket & { roomUrl: string }>().toExtend<SyncSocket>();
});

test("useSync gives typed records, actions and status, as tuples or as objects", () => {
  if (!never()) return;
  const tuples = useSync<Todo, Action>("todos", socket, (todos) => todos);
  expectTypeOf(tuples).toEqualTypeOf<Synced<Todo, Action>>();
  expectTypeOf(tuples[0]).toEqualTypeOf<readonly Todo[]>();
  expectTypeOf(tuples[1]).toEqualTypeOf<Send<Action>>();
  expectTypeOf(tuples[1]({ type: "clear" })).toEqualTypeOf<Receipt>();
  expectTypeOf(tuples[2]).toEqualTypeOf<SyncStatus>();
  expectTypeOf(useSync<TodoObject, Action>("todos", null, undefined, { as: "objects" })[0]).toEqualTypeOf<readonly TodoObject[]>();
  // @ts-expect-error An object is no tuple: it takes { as: "objects" }.
  useSync<TodoObject, Action>("todos", socket);
  // @ts-expect-error No such action.
  void tuples[1]({ type: "destroy" });
  // @ts-expect-error The payload of that action is another.
  void tuples[1]({ type: "create", payload: { text: "x" } });
});

test("one shared type says what a channel's hook takes and gives", () => {
  if (!never()) return;
  interface Shared {
    todos: [record: Todo, action: Action];
    people: [record: { name: string }, action: { type: "greet"; payload: { name: string } }];
  }
  const useShared = syncHook<Shared>();
  expectTypeOf(useShared("todos", socket, (todos, action) => (action.type === "create" ? todos : []))).toEqualTypeOf<Synced<Todo, Action>>();
  expectTypeOf(useShared("people", socket, undefined, { as: "objects" })[0]).toEqualTypeOf<readonly { name: string }[]>();
  // @ts-expect-error Records that are objects have to be asked for.
  useShared("people", socket);
  // @ts-expect-error There is no such channel.
  useShared("todo", socket);
  // @ts-expect-error An action of another channel.
  void useShared("todos", socket)[1]({ type: "greet", payload: { name: "x" } });
});

test("records and selections are what they are asked for", () => {
  if (!never()) return;
  expectTypeOf(useRecord<Todo, Action>("todos", socket, "id")).toEqualTypeOf<Todo | undefined>();
  expectTypeOf(useSelect("todos", socket, (todos: readonly Todo[]) => todos.length)).toEqualTypeOf<number>();
});

test("records are everybody's: what would change them in place does not compile", () => {
  if (!never()) return;
  const [todos] = useSync<Todo, Action>("todos", socket);
  const view = new View<Todo, Action>(storeOf(socket), "todos");
  // @ts-expect-error A copy is sorted, not what others see.
  todos.sort();
  // @ts-expect-error Nothing is put beside the object's records.
  todos.push(["a", "one", 0]);
  // @ts-expect-error Nor into a view's.
  view.getSnapshot().records.reverse();
  // @ts-expect-error Nor by who selects from them.
  useSelect("todos", socket, (all: readonly Todo[]) => all.sort());
  // @ts-expect-error An array that may be changed is not what is selected from.
  useSelect("todos", socket, (all: Todo[]) => all.length);
  expectTypeOf(todos.toSorted()).toEqualTypeOf<Todo[]>();
});

test("a reducer gets an array of its own and the action, and may say that it changes nothing", () => {
  expectTypeOf<Reducer<Todo, Action>>().parameters.toEqualTypeOf<[records: Todo[], action: Action]>();
  expectTypeOf<(todos: readonly Todo[], action: Action) => readonly Todo[]>().toExtend<Reducer<Todo, Action>>();
});

test("states and codes are closed lists to complete from, caches are interchangeable", () => {
  expectTypeOf<SyncStatus["state"]>().toEqualTypeOf<SyncState>();
  expectTypeOf<"conflict" | "aborted">().toExtend<SyncError["code"]>();
  expectTypeOf<bigint | Uint8Array | null>().toExtend<Cell>();
  expectTypeOf(memoryCache).returns.toEqualTypeOf<Cache>();
  expectTypeOf(indexedDbCache).returns.toEqualTypeOf<Cache>();
});
