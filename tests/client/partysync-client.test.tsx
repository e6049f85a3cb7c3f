// SPDX-License-Identifier: MIT
// @vitest-environment jsdom
// A page written for partysync, and the sockets of partysocket as they are: all must work with this client. That the page compiles is half of it.
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import ReconnectingWebSocket from "partysocket/ws";
import { StrictMode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { storeOf } from "../../client/stores.ts";
import App from "./partysync-todo.tsx";
import { change, committed, page, patch, ScriptedSocket, welcome } from "./scripted-object.ts";

const sockets: Line[] = [];

/** What the browser's WebSocket is to partysocket. */
class Line extends ScriptedSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  readonly url: string;

  constructor(url: string) {
    super();
    this.url = url;
    sockets.push(this);
  }
}

beforeEach(() => vi.stubGlobal("WebSocket", Line));
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  sockets.length = 0;
});

const lineTo = (room: string) =>
  vi.waitFor(() => {
    const line = sockets.findLast(({ url, readyState }) => url.includes(`/parties/todos/${room}?_pk=`) && readyState < 2);
    if (!line) throw new Error(`no line to ${room}`);
    return line;
  });

test("a page written for partysync adds, shows, settles and deletes over a PartySocket under StrictMode", async () => {
  render(<App />, { wrapper: StrictMode });
  const line = await lineTo("default");
  act(() => line.open());
  expect(line.takeSent().map(({ type }) => type)).toEqual(["hello", "subscribe"]);
  act(() => line.receive(welcome()));
  act(() => line.receive(page([["a", "first", 0, 1, 1, null]])));
  screen.getByRole("button", { name: "first" });

  fireEvent.change(screen.getByRole("textbox"), { target: { value: "second" } });
  await act(async () => void fireEvent.submit(screen.getByRole("textbox")));
  screen.getByRole("button", { name: "second" });
  const [frame] = line.takeSent();
  const creation = { number: 1, type: "create", payload: { id: expect.any(String), text: "second" } };
  expect(frame).toMatchObject({ type: "actions", actions: [creation] });
  const { id } = (frame?.actions as { payload: { id: string } }[])[0]?.payload ?? {};
  act(() => line.receive(patch([change(10, 11, { put: [[id ?? "", "second", 0, 2, 2, null]] })], [committed(1)])));

  await act(async () => void fireEvent.click(screen.getByRole("button", { name: "first" })));
  expect(screen.queryByRole("button", { name: "first" })).toBeNull();
  const deletion = { number: 2, type: "delete", payload: { id: "a" } };
  expect(line.takeSent()).toMatchObject([{ type: "actions", acknowledged: 1, actions: [deletion] }]);
  // What is not settled would go on over the same object's socket in the test below.
  act(() => line.receive(patch([change(11, 12, { del: [["a"]] })], [committed(2)])));
  expect(screen.getByRole("status").textContent).toBe("0");
});

test("what was clicked while the line was down goes out after the hello of the next one", async () => {
  render(<App />, { wrapper: StrictMode });
  const first = await lineTo("default");
  act(() => first.open());
  act(() => first.receive(page([["a", "first", 0, 1, 1, null]])));
  act(() => first.close());
  await act(async () => void fireEvent.click(screen.getByRole("button", { name: "first" })));
  const second = await lineTo("default");
  expect(second).not.toBe(first);
  act(() => second.open());
  expect(second.takeSent().map(({ type }) => type)).toEqual(["hello", "subscribe", "actions"]);
});

test("the smaller socket below a PartySocket will do: it dials again, and what waits goes out", async () => {
  const roomUrl = "ws://example.test/parties/todos/small?_pk=";
  const socket = Object.assign(new ReconnectingWebSocket(roomUrl, [], { minReconnectionDelay: 1 }), { roomUrl });
  const store = storeOf(socket, { cache: null });
  const end = store.subscribe("todos", () => {});
  const first = await lineTo("small");
  first.open();
  expect(first.takeSent().map(({ type }) => type)).toEqual(["hello", "subscribe"]);
  first.close(1006);
  void store.send("todos", { type: "create" });
  const second = await lineTo("small");
  second.open();
  expect(second.takeSent().map(({ type }) => type)).toEqual(["hello", "subscribe", "actions"]);
  end();
  store.close();
  socket.close();
});
