// SPDX-License-Identifier: MIT
// @vitest-environment jsdom
import { act, cleanup, render, renderHook, screen } from "@testing-library/react";
import { StrictMode, startTransition, Suspense, use, useState, type ReactNode } from "react";
import { renderToString } from "react-dom/server";
import { afterEach, expect, test, vi } from "vitest";
import { isPending } from "../../client/index.ts";
import { useSync } from "../../client/react.ts";
import { change, committed, page, patch, rejected, ScriptedSocket } from "./scripted-object.ts";

type Todo = [id: string, text: string];
type Action = { type: "create"; payload: { id: string; text: string } };

const create = (id: string): Action => ({ type: "create", payload: { id, text: id } });
const wrapper = ({ children }: { children: ReactNode }) => <StrictMode>{children}</StrictMode>;

function useTodos(socket: ScriptedSocket, channel = "todos") {
  // Written in place on purpose: a new function with each render.
  return useSync<Todo, Action>(channel, socket, (todos, { payload }) => [...todos, [payload.id, payload.text]]);
}

function openSocket(rows: Todo[] = [["a", "one"]], channel = "todos"): ScriptedSocket {
  const socket = new ScriptedSocket();
  socket.addEventListener("open", () => setTimeout(() => act(() => socket.receive(page(rows, { channel })))));
  return socket;
}

const tick = () => act(() => new Promise((resolve) => setTimeout(resolve, 5)));

async function opened(socket: ScriptedSocket): Promise<void> {
  act(() => socket.open());
  await tick();
}

afterEach(cleanup);

test("under StrictMode the channel is subscribed once, and an action is sent once and settles", async () => {
  const socket = openSocket();
  const { result } = renderHook(() => useTodos(socket), { wrapper });
  await opened(socket);
  expect(result.current[0]).toEqual([["a", "one"]]);
  expect(result.current[2]).toMatchObject({ state: "live", pending: 0 });
  let receipt: Promise<unknown> | undefined;
  act(() => void (receipt = result.current[1](create("b"))));
  expect(result.current[0]).toEqual([["a", "one"], ["b", "b"]]);
  expect(result.current[0].map(isPending)).toEqual([false, true]);
  await tick();
  expect(socket.sent.map(({ type }) => type)).toEqual(["hello", "subscribe", "actions"]);
  act(() => socket.receive(patch([change(10, 11, { put: [["b", "b"]] })], [committed(1)])));
  expect(result.current[0].map(isPending)).toEqual([false, false]);
  await expect(receipt).resolves.toEqual({ result: undefined });
});

test("records, send and status stay the same over renders in which nothing changed", async () => {
  const socket = openSocket();
  const { result, rerender } = renderHook(() => useTodos(socket), { wrapper });
  await opened(socket);
  act(() => void result.current[1](create("b")));
  const before = [...result.current];
  rerender();
  result.current.forEach((part, i) => expect(part).toBe(before[i]));
});

test("one step of the object is one render, with no state between", async () => {
  const socket = openSocket();
  const lengths: number[] = [];
  const { result } = renderHook(() => {
    const all = useTodos(socket);
    lengths.push(all[0].length);
    return all;
  });
  await opened(socket);
  act(() => void result.current[1](create("b")));
  lengths.length = 0;
  act(() => socket.receive(patch([change(10, 11, { put: [["b", "b"]] })], [committed(1)])));
  expect(lengths).toEqual([2]);
});

test("a rejection rolls back and can be caught by the caller", async () => {
  const socket = openSocket();
  const { result } = renderHook(() => useTodos(socket), { wrapper });
  await opened(socket);
  let receipt: Promise<unknown> | undefined;
  act(() => void (receipt = result.current[1](create("b"))));
  act(() => socket.receive(patch([], [rejected(1, "forbidden")])));
  expect(result.current[0]).toEqual([["a", "one"]]);
  await expect(receipt).rejects.toMatchObject({ code: "forbidden" });
});

test("another socket takes over at once, and the old one is heard no more", async () => {
  const [first, second] = [openSocket([["a", "room one"]]), openSocket([["b", "room two"]])];
  const { result, rerender } = renderHook(({ socket }) => useTodos(socket), { wrapper, initialProps: { socket: first } });
  await opened(first);
  rerender({ socket: second });
  expect(result.current[0]).toEqual([]);
  await opened(second);
  expect(result.current[0]).toEqual([["b", "room two"]]);
  act(() => first.receive(patch([change(10, 11, { put: [["z", "late"]] })])));
  act(() => void result.current[1](create("c")));
  await tick();
  expect(result.current[0]).toEqual([["b", "room two"], ["c", "c"]]);
  expect(second.sent.filter(({ type }) => type === "actions")).toHaveLength(1);
  expect(first.sent.filter(({ type }) => type === "actions")).toHaveLength(0);
  expect(first.sent.at(-1)).toEqual({ type: "unsubscribe", channel: "todos" });
});

test("another channel shows its own records, and none of the one before", async () => {
  const socket = openSocket();
  const { result, rerender } = renderHook(({ channel }) => useTodos(socket, channel), { wrapper, initialProps: { channel: "todos" } });
  await opened(socket);
  rerender({ channel: "notes" });
  expect(result.current[0]).toEqual([]);
  act(() => socket.receive(page([["n", "note"]], { channel: "notes" })));
  expect(result.current[0]).toEqual([["n", "note"]]);
  await tick();
  expect(socket.sent.at(-1)).toEqual({ type: "unsubscribe", channel: "todos" });
});

test("many hooks on one socket share one subscription and one parse of each message", async () => {
  const socket = openSocket();
  const { result } = renderHook(() => [useTodos(socket), useTodos(socket), useTodos(socket)] as const, { wrapper });
  await opened(socket);
  expect(socket.sent.filter(({ type }) => type === "subscribe")).toHaveLength(1);
  const parse = vi.spyOn(JSON, "parse");
  act(() => socket.receive(JSON.stringify(patch([change(10, 11, { put: [["b", "two"]] })]))));
  expect(parse).toHaveBeenCalledOnce();
  parse.mockRestore();
  for (const [todos] of result.current) expect(todos).toHaveLength(2);
});

test("one optimistic value settles while another action is still pending", async () => {
  const socket = openSocket([]);
  const { result } = renderHook(() => useTodos(socket), { wrapper });
  await opened(socket);
  act(() => void result.current[1](create("slow")));
  act(() => void result.current[1](create("quick")));
  act(() => socket.receive(patch([change(10, 11, { put: [["quick", "quick"]] })], [committed(2)])));
  expect(result.current[0].map((todo) => [todo[0], isPending(todo)])).toEqual([["quick", false], ["slow", true]]);
});

test("a change during a suspended transition tears nothing", async () => {
  const socket = openSocket();
  let resume = () => {};
  const blocked = new Promise<void>((resolve) => (resume = resolve));
  let suspend = (_: boolean) => {};
  const Blocked = () => (use(blocked), null);
  const Lengths = () => <i data-testid="lengths">{useTodos(socket)[0].length}</i>;
  function Page() {
    const [suspended, setSuspended] = useState(false);
    suspend = setSuspended;
    return (
      <Suspense>
        <Lengths />
        <Lengths />
        {suspended && <Blocked />}
      </Suspense>
    );
  }
  render(<Page />, { wrapper });
  await opened(socket);
  const lengths = () => screen.getAllByTestId("lengths").map((element) => element.textContent);
  await act(async () => startTransition(() => suspend(true)));
  await act(async () => socket.receive(patch([change(10, 11, { put: [["b", "two"]] })])));
  expect(lengths()).toEqual(["2", "2"]);
  await act(async () => resume());
  expect(lengths()).toEqual(["2", "2"]);
});

test("the last hook that goes ends the subscription", async () => {
  const socket = openSocket();
  const { unmount } = renderHook(() => useTodos(socket), { wrapper });
  await opened(socket);
  unmount();
  await tick();
  expect(socket.sent.at(-1)).toEqual({ type: "unsubscribe", channel: "todos" });
});

test("on a server it renders nothing but the state, and touches no socket", () => {
  const socket = new ScriptedSocket();
  const listen = vi.spyOn(socket, "addEventListener");
  const Page = () => {
    const [todos, , status] = useTodos(socket);
    return `${todos.length} ${status.state}`;
  };
  expect(renderToString(<Page />)).toBe("0 connecting");
  expect(listen).not.toHaveBeenCalled();
});
