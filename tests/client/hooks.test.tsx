// SPDX-License-Identifier: MIT
// @vitest-environment jsdom
// What stands beside useSync: records as objects, single records, selections, the provider, Suspense, rendering on a server.
import { act, cleanup, render, renderHook, screen } from "@testing-library/react";
import { locks } from "node:worker_threads";
import { StrictMode, Suspense, type ReactNode } from "react";
import { hydrateRoot } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { isPending, memoryCache, storeOf, type Dehydrated } from "../../client/index.ts";
import { SyncProvider, useRecord, useSelect, useStore, useSync, useSyncStatus, useSyncSuspense, type Send } from "../../client/react.ts";
import { change, committed, page, patch, rejected, ScriptedSocket, welcome } from "./scripted-object.ts";

type Todo = [id: string, text: string];
type TodoObject = { id: string; text: string };
type Action = { type: "rename"; payload: TodoObject };

const rename = (id: string, text: string): Action => ({ type: "rename", payload: { id, text } });
const reduce = (todos: Todo[], { payload }: Action): Todo[] => todos.map((todo) => (todo[0] === payload.id ? [payload.id, payload.text] : todo));
const reduceObjects = (todos: TodoObject[], { payload }: Action) => todos.map((todo) => (todo.id === payload.id ? payload : todo));
const rows: Todo[] = [["a", "one"], ["b", "two"]];
const wrapper = ({ children }: { children: ReactNode }) => <StrictMode>{children}</StrictMode>;

class RoomSocket extends ScriptedSocket {
  readonly roomUrl: string;
  constructor(room = "default") {
    super();
    this.roomUrl = `wss://example.test/parties/todos/${room}`;
  }
}

// What browsers have and jsdom lacks.
beforeEach(() => void Object.defineProperty(navigator, "locks", { value: locks, configurable: true }));
afterEach(cleanup);

const open = (socket: ScriptedSocket, records: Todo[] = rows) => act(() => {
  socket.open();
  socket.receive(welcome());
  socket.receive(page(records));
});
const soon = (check: () => void) => act(() => vi.waitFor(check));

test("records as objects have the columns' names, keep their identity, and go through the reducer as objects", () => {
  const socket = new ScriptedSocket();
  const { result } = renderHook(() => useSync<TodoObject, Action>("todos", socket, reduceObjects, { as: "objects" }), { wrapper });
  open(socket);
  const [before] = result.current;
  expect(before).toEqual([{ id: "a", text: "one" }, { id: "b", text: "two" }]);
  act(() => void result.current[1](rename("a", "ONE")));
  expect(result.current[0]).toEqual([{ id: "a", text: "ONE" }, { id: "b", text: "two" }]);
  expect(result.current[0].map(isPending)).toEqual([true, false]);
  expect(result.current[0][1]).toBe(before[1]);
  act(() => socket.receive(patch([change(10, 11, { put: [["a", "ONE"]] })], [committed(1)])));
  expect(result.current[0].map(isPending)).toEqual([false, false]);
  expect(result.current[0][1]).toBe(before[1]);
});

test("a component with one record renders again only if that record changes, optimistically, too", () => {
  const socket = new ScriptedSocket();
  const renders = { a: 0, b: 0 };
  const Row = ({ id }: { id: "a" | "b" }) => {
    renders[id]++;
    return <i data-testid={id}>{useRecord<Todo, Action>("todos", socket, id, reduce)?.[1]}</i>;
  };
  render(<><Row id="a" /><Row id="b" /></>);
  open(socket);
  const before = { ...renders };
  act(() => socket.receive(patch([change(10, 11, { put: [["b", "TWO"]] })])));
  expect([renders.a - before.a, renders.b - before.b]).toEqual([0, 1]);
  act(() => void storeOf(socket).send("todos", rename("a", "ONE")));
  expect([renders.a - before.a, renders.b - before.b]).toEqual([1, 1]);
  expect([screen.getByTestId("a").textContent, screen.getByTestId("b").textContent]).toEqual(["ONE", "TWO"]);
  act(() => socket.receive(patch([], [rejected(1)])));
  expect(screen.getByTestId("a").textContent).toBe("one");
});

test("a selection renders again only if it changes, also if the function is written in place and makes a new array", () => {
  const socket = new ScriptedSocket();
  let renders = 0;
  const same = (a: string[], b: string[]) => a.join() === b.join();
  const { result } = renderHook(() => {
    renders++;
    return useSelect<string[], Todo>("todos", socket, (todos) => todos.map(([id]) => id), undefined, { isEqual: same });
  });
  open(socket);
  const [before, selection] = [renders, result.current];
  act(() => socket.receive(patch([change(10, 11, { put: [["b", "TWO"]] })])));
  expect(renders).toBe(before);
  expect(result.current).toBe(selection);
  act(() => socket.receive(patch([change(11, 12, { del: [["b"]] })])));
  expect(result.current).toEqual(["a"]);
});

test("the status alone renders again only if it changes", () => {
  const socket = new ScriptedSocket();
  let renders = 0;
  const { result } = renderHook(() => (renders++, useSyncStatus("todos", socket)));
  act(() => {
    socket.open();
    socket.receive(page([["a", "one"]], { next: 50, total: 3 }));
  });
  expect(result.current).toMatchObject({ state: "syncing", progress: { loaded: 1, total: 3 } });
  act(() => socket.receive(page([["b", "two"], ["c", "three"]], { first: false })));
  expect(result.current).toEqual({ state: "live", pending: 0, storage: "memory", version: 10 });
  const before = renders;
  act(() => socket.receive(patch([change(10, 11)])));
  expect(renders).toBe(before);
});

test("below a provider the components share one store, and one replay of each action", () => {
  const socket = new ScriptedSocket();
  const replays = vi.fn(reduce);
  const Row = ({ id }: { id: string }) => <i data-testid={id}>{useRecord<Todo, Action>("todos", null, id, replays)?.[1]}</i>;
  let send: Send<Action> = () => expect.unreachable();
  const Sender = () => {
    const store = useStore();
    send = (action) => store.send("todos", action);
    return null;
  };
  render(<SyncProvider socket={socket}><Row id="a" /><Row id="b" /><Sender /></SyncProvider>);
  open(socket);
  act(() => void send(rename("a", "ONE")));
  expect(screen.getByTestId("a").textContent).toBe("ONE");
  expect(replays).toHaveBeenCalledOnce();
  expect(socket.sent.filter(({ type }) => type === "subscribe")).toHaveLength(1);
});

test("the socket null without a provider is said to be a mistake", () => {
  const report = vi.spyOn(console, "error").mockImplementation(() => {});
  expect(() => renderHook(() => useSync("todos", null))).toThrow("SyncProvider");
  report.mockRestore();
});

function useTodos(socket: ScriptedSocket) {
  return useSync<Todo, Action>("todos", socket, reduce);
}

test("a token refresh swaps the socket and loses neither records nor pending actions", async () => {
  const cache = memoryCache();
  const [first, second] = [new RoomSocket(), new RoomSocket()];
  const { result, rerender } = renderHook(({ socket }) => (storeOf(socket, { cache }), useTodos(socket)), {
    wrapper,
    initialProps: { socket: first },
  });
  act(() => first.open());
  await soon(() => expect(first.sent.map(({ type }) => type)).toContain("subscribe"));
  act(() => first.receive(page(rows)));
  act(() => first.close(1006));
  let receipt: Promise<unknown> | undefined;
  act(() => void (receipt = result.current[1](rename("a", "ONE"))));
  const [, send] = result.current;
  rerender({ socket: second });
  expect(result.current[0]).toEqual([["a", "ONE"], ["b", "two"]]);
  expect(result.current[1]).toBe(send);
  act(() => second.open());
  act(() => second.receive(welcome()));
  await soon(() => expect(second.sent.find(({ type }) => type === "actions")).toMatchObject({ actions: [{ number: 1 }] }));
  expect(second.sent.find(({ type }) => type === "subscribe")).toMatchObject({ cursor: { version: 10 } });
  act(() => first.receive(patch([], [rejected(1)])));
  act(() => second.receive(patch([change(10, 11, { put: [["a", "ONE"]] })], [committed(1, "done")])));
  await expect(receipt).resolves.toEqual({ result: "done" });
  expect(result.current[0].map(isPending)).toEqual([false, false]);
});

test("a room switch shows nothing of the room before, and its pending actions wait for it", async () => {
  const cache = memoryCache();
  const [one, two, oneAgain] = [new RoomSocket("one"), new RoomSocket("two"), new RoomSocket("one")];
  const { result, rerender } = renderHook(({ socket }) => (storeOf(socket, { cache }), useTodos(socket)), {
    wrapper,
    initialProps: { socket: one },
  });
  act(() => one.open());
  await soon(() => expect(one.sent.map(({ type }) => type)).toContain("subscribe"));
  act(() => one.receive(page(rows)));
  act(() => one.close(1006));
  act(() => void result.current[1](rename("a", "ONE")));
  rerender({ socket: two });
  expect(result.current[0]).toEqual([]);
  expect(result.current[2].pending).toBe(0);
  act(() => two.open());
  await soon(() => expect(two.sent.find(({ type }) => type === "subscribe")).toMatchObject({ cursor: null }));
  expect(two.sent.map(({ type }) => type)).not.toContain("actions");
  rerender({ socket: oneAgain });
  expect(result.current[0]).toEqual([["a", "ONE"], ["b", "two"]]);
  expect(result.current[2].pending).toBe(1);
});

test("of two sockets to one object the one that is left goes on when the other's component is gone", async () => {
  const cache = memoryCache();
  const [first, second] = [new RoomSocket(), new RoomSocket()];
  const Count = ({ socket }: { socket: RoomSocket }) => (storeOf(socket, { cache }), <i data-testid="count">{useTodos(socket)[0].length}</i>);
  const { rerender } = render(<><Count key="1" socket={first} /><Count key="2" socket={second} /></>);
  act(() => (first.open(), second.open()));
  await soon(() => expect(second.sent.map(({ type }) => type)).toContain("subscribe"));
  act(() => second.receive(page(rows)));
  expect(screen.getAllByTestId("count").map(({ textContent }) => textContent)).toEqual(["2", "2"]);
  rerender(<Count key="1" socket={first} />);
  act(() => second.close());
  act(() => first.receive(patch([change(10, 11, { del: [["a"]] })])));
  expect(screen.getByTestId("count").textContent).toBe("1");
});

test("users of one browser see nothing of each other, and a socket with a query needs a user before anything is kept", () => {
  const cache = memoryCache();
  const room = () => new RoomSocket();
  const withQuery = () => Object.assign(room(), { partySocketOptions: { query: { token: "t" } } });
  expect(storeOf(room(), { cache, user: "ann" })).toBe(storeOf(room(), { cache, user: "ann" }));
  expect(storeOf(room(), { cache, user: "ann" })).not.toBe(storeOf(room(), { cache, user: "bob" }));
  expect(storeOf(withQuery(), { cache })).not.toBe(storeOf(withQuery(), { cache }));
  expect(storeOf(withQuery(), { cache }).getState("todos").status.storage).toBe("memory");
  expect(storeOf(withQuery(), { cache, user: "ann" })).toBe(storeOf(room(), { cache, user: "ann" }));
});

test("the Suspense variant shows its fallback until there are records, or a reason why there are none", async () => {
  for (const [speak, expected] of [
    [(socket: ScriptedSocket) => open(socket), "2 live"],
    [(socket: ScriptedSocket) => act(() => socket.close(1006)), "0 offline"],
  ] as const) {
    const socket = new ScriptedSocket();
    const Todos = () => {
      const [todos, , { state }] = useSyncSuspense<Todo, Action>("todos", socket, reduce);
      return <i>{`${todos.length} ${state}`}</i>;
    };
    await act(async () => render(<Suspense fallback={<b>waiting</b>}><Todos /></Suspense>, { wrapper }));
    screen.getByText("waiting");
    await act(async () => speak(socket));
    screen.getByText(expected);
    expect(socket.sent.filter(({ type }) => type === "subscribe").length).toBeLessThanOrEqual(1);
    cleanup();
  }
});

test("a page rendered on a server is taken over as it is, and resumed from its cursor", async () => {
  const server = new ScriptedSocket();
  storeOf(server).subscribe("todos", () => {});
  open(server);
  const initial = JSON.parse(JSON.stringify(storeOf(server).dehydrate("todos"))) as Dehydrated;
  const socket = new ScriptedSocket();
  const Todos = () => {
    const [todos, , { state }] = useSync<Todo, Action>("todos", socket, reduce, { initial });
    return <p>{todos.map(([, text]) => text).join()} {state}</p>;
  };
  const container = document.createElement("div");
  container.innerHTML = renderToString(<Todos />);
  expect(container.textContent).toBe("one,two connecting");
  const mistakes = vi.fn();
  const root = await act(async () => hydrateRoot(container, <Todos />, { onRecoverableError: mistakes }));
  expect(mistakes).not.toHaveBeenCalled();
  act(() => socket.open());
  expect(socket.sent.find(({ type }) => type === "subscribe")).toMatchObject({ cursor: { epoch: "e1", shape: "s1", version: 10 } });
  act(() => socket.receive(patch([change(10, 11, { del: [["a"]] })])));
  expect(container.textContent).toBe("two live");
  act(() => root.unmount());
});
