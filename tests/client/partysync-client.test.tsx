// SPDX-License-Identifier: MIT
// @vitest-environment jsdom
// A page written for partysync, and partysocket as it is: both must work with this hook. That it compiles is half of the test.
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { usePartySocket } from "partysocket/react";
import { StrictMode, useState, type FormEvent } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { useSync } from "../../client/react.ts";
import { change, committed, page, patch, ScriptedSocket, welcome } from "./scripted-object.ts";

type TodoRecord = [id: string, text: string, completed: 0 | 1, created_at: number, updated_at: number, deleted_at: number | null];
type TodoAction =
  | { type: "create"; payload: { id: string; text: string; completed: 0 | 1 } }
  | { type: "update"; payload: { id: string; text: string; completed: 0 | 1 } }
  | { type: "delete"; payload: { id: string } };

function App() {
  const [text, setText] = useState("");
  const socket = usePartySocket({ host: "example.test", party: "todos", room: "default" });
  const [todos, sendAction] = useSync<TodoRecord, TodoAction>("todos", socket, (todos, action) => {
    switch (action.type) {
      case "create": {
        const { id, text, completed } = action.payload;
        return [...todos, [id, text, completed, Date.now(), Date.now(), null]];
      }
      case "update": {
        const { id, text, completed } = action.payload;
        return todos.map((todo) => (todo[0] === id ? [id, text, completed, todo[3], Date.now(), null] : todo));
      }
      case "delete":
        return todos.filter((todo) => todo[0] !== action.payload.id);
      default:
        console.error("unknown action", action);
        return todos;
    }
  });

  const addTodo = (event: FormEvent) => {
    event.preventDefault();
    sendAction({ type: "create", payload: { id: "new", text, completed: 0 } });
    setText("");
  };

  return (
    <form onSubmit={addTodo}>
      <input value={text} onChange={(event) => setText(event.target.value)} />
      {todos
        .filter((todo) => todo[5] === null)
        .map((todo) => (
          <button key={todo[0]} type="button" onClick={() => sendAction({ type: "delete", payload: { id: todo[0] } })}>
            {todo[1]}
          </button>
        ))}
      <Count />
    </form>
  );
}

function Count() {
  const socket = usePartySocket({ host: "example.test", party: "todos", room: "other" });
  const [todos] = useSync<TodoRecord, TodoAction>("todos", socket);
  return <output>{todos.length}</output>;
}

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
  const creation = { number: 1, type: "create", payload: { id: "new", text: "second" } };
  expect(line.takeSent()).toMatchObject([{ type: "actions", actions: [creation] }]);
  act(() => line.receive(patch([change(10, 11, { put: [["new", "second", 0, 2, 2, null]] })], [committed(1)])));

  await act(async () => void fireEvent.click(screen.getByRole("button", { name: "first" })));
  expect(screen.queryByRole("button", { name: "first" })).toBeNull();
  const deletion = { number: 2, type: "delete", payload: { id: "a" } };
  expect(line.takeSent()).toMatchObject([{ type: "actions", acknowledged: 1, actions: [deletion] }]);
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
