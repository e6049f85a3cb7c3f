// SPDX-License-Identifier: MIT
import { PartySocket } from "partysocket";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Connection, HEARTBEAT, PROBE } from "../../client/connection.ts";
import { ScriptedSocket, welcome } from "./scripted-object.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function connected() {
  const socket = new ScriptedSocket();
  const events = { open: vi.fn(), close: vi.fn(), head: vi.fn(), frame: vi.fn(), isWatched: vi.fn(() => true) };
  const connection = new Connection(socket, events);
  connection.attach();
  socket.open();
  return { socket, events, connection };
}

test("nothing is listened to before it is attached, and everything once after", () => {
  const socket = new ScriptedSocket();
  const open = vi.fn();
  const connection = new Connection(socket, { open, close: () => {}, head: () => {}, frame: () => {}, isWatched: () => true });
  socket.open();
  expect(open).not.toHaveBeenCalled();
  connection.attach();
  connection.attach();
  expect(open).toHaveBeenCalledOnce();
});

test("an open line is pinged, and any message is a sign of life", () => {
  const { socket } = connected();
  for (let i = 0; i < 6; i++) {
    vi.advanceTimersByTime(HEARTBEAT);
    expect(socket.takeSent()).toEqual([{ type: "ping" }]);
    socket.receive(i % 2 ? "pong" : welcome());
  }
  expect(socket.reconnects).toBe(0);
});

test("a line that answers no ping is dropped and dialled again", () => {
  const { socket, events } = connected();
  vi.advanceTimersByTime(3 * HEARTBEAT);
  expect(socket.reconnects).toBe(1);
  expect(events.close).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(10 * HEARTBEAT);
  expect(socket.reconnects).toBe(1);
});

test("a closed line has no heartbeat", () => {
  const { socket } = connected();
  socket.close();
  expect(vi.getTimerCount()).toBe(0);
  expect(socket.takeSent()).toEqual([]);
});

test("a hidden page does not ping, and does not take its own silence for a dead line", () => {
  const { socket } = connected();
  const document = { visibilityState: "hidden" };
  vi.stubGlobal("document", document);
  vi.advanceTimersByTime(10 * HEARTBEAT);
  expect(socket.takeSent()).toEqual([]);
  document.visibilityState = "visible";
  vi.advanceTimersByTime(HEARTBEAT);
  expect(socket.takeSent()).toEqual([{ type: "ping" }]);
  expect(socket.reconnects).toBe(0);
});

test("nothing is left with a socket that is not open", () => {
  const { socket, connection } = connected();
  socket.readyState = 2;
  connection.send({ type: "unsubscribe", channel: "todos" });
  expect(socket.sent).toEqual([]);
});

/** A page with a network and a face. */
function stubPage() {
  const page = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
  const navigator = { onLine: true };
  vi.stubGlobal("document", document);
  vi.stubGlobal("navigator", navigator);
  const setOnline = (onLine: boolean) => {
    navigator.onLine = onLine;
    page.dispatchEvent(new Event(onLine ? "online" : "offline"));
  };
  return {
    online: () => setOnline(true),
    offline: () => setOnline(false),
    show: () => document.dispatchEvent(new Event("visibilitychange")),
  };
}

test("back online, or shown again, a socket between two tries dials at once; one that is open or dialling is left alone", () => {
  const { online, show } = stubPage();
  const { socket } = connected();
  online();
  expect(socket.reconnects).toBe(0);
  socket.close(1006);
  online();
  show();
  expect(socket.reconnects).toBe(2);
  socket.readyState = 0;
  online();
  expect(socket.reconnects).toBe(2);
});

test("a socket that the page has closed is not dialled", () => {
  const { online } = stubPage();
  const { socket } = connected();
  Object.assign(socket, { shouldReconnect: false });
  socket.close();
  online();
  expect(socket.reconnects).toBe(0);
});

test("the line counts as lost as soon as the browser is offline, and is dialled anew as soon as it is not", () => {
  const { online, offline } = stubPage();
  const { socket, events, connection } = connected();
  offline();
  expect([events.close.mock.calls.length, connection.open, socket.gaveUp]).toEqual([1, false, false]);
  connection.send({ type: "unsubscribe", channel: "todos" });
  expect(socket.takeSent()).toEqual([{ type: "ping" }]);
  online();
  expect(socket.reconnects).toBe(1);
});

test("a line that answers although the browser is offline stands, and what it brings is asked for again", () => {
  const { offline } = stubPage();
  const { socket, events, connection } = connected();
  offline();
  socket.receive("pong");
  expect([events.open.mock.calls.length, connection.open, socket.reconnects]).toEqual([2, true, 0]);
});

test("nothing is dialled while the browser is offline, so that no wait is left over when it is online again", () => {
  const { online, offline } = stubPage();
  const { socket } = connected();
  offline();
  socket.close(1006);
  expect([socket.gaveUp, socket.reconnects]).toEqual([true, 0]);
  Object.assign(socket, { shouldReconnect: false });
  online();
  expect(socket.reconnects).toBe(1);
});

test("a browser that is wrong about its network does not keep the line down: it is tried now and then", () => {
  const { offline } = stubPage();
  const { socket } = connected();
  offline();
  socket.close(1006);
  Object.assign(socket, { shouldReconnect: false });
  vi.advanceTimersByTime(HEARTBEAT);
  expect(socket.reconnects).toBe(1);
  vi.advanceTimersByTime(2 * HEARTBEAT);
  expect(socket.reconnects).toBe(3);
  socket.open();
  vi.advanceTimersByTime(HEARTBEAT);
  expect(socket.reconnects).toBe(3);
});

test("a socket that nobody waits for is neither closed nor dialled", () => {
  const { online, offline } = stubPage();
  const { socket, events } = connected();
  events.isWatched.mockReturnValue(false);
  offline();
  socket.close(1006);
  expect([socket.gaveUp, vi.getTimerCount()]).toEqual([false, 0]);
  events.isWatched.mockReturnValue(true);
  offline();
  expect(socket.gaveUp).toBe(true);
  // Its owner, who closed it in the meantime, is not overruled.
  events.isWatched.mockReturnValue(false);
  online();
  vi.advanceTimersByTime(3 * HEARTBEAT);
  expect(socket.reconnects).toBe(0);
});

test("an object that turned the client away is not dialled again because the network came back", () => {
  const { online, offline } = stubPage();
  const { socket, connection, events } = connected();
  events.close.mockImplementation(() => connection.giveUp());
  offline();
  socket.close(1008);
  Object.assign(socket, { shouldReconnect: false });
  online();
  vi.advanceTimersByTime(2 * HEARTBEAT);
  expect(socket.reconnects).toBe(0);
});

test("a page that is shown again pings, and dials if no answer comes", () => {
  const { show } = stubPage();
  const { socket } = connected();
  show();
  expect(socket.takeSent()).toEqual([{ type: "ping" }]);
  socket.receive("pong");
  vi.advanceTimersByTime(PROBE);
  expect(socket.reconnects).toBe(0);
  show();
  vi.advanceTimersByTime(PROBE);
  expect(socket.reconnects).toBe(1);
});

test("a line that is let go of listens to nothing any more", () => {
  const { online } = stubPage();
  const { socket, events, connection } = connected();
  connection.detach();
  socket.receive(welcome());
  socket.close(1006);
  online();
  expect([events.frame, events.close].map((event) => event.mock.calls.length)).toEqual([0, 0]);
  expect([socket.reconnects, vi.getTimerCount()]).toEqual([0, 0]);
});

test("a socket that is sent to another object is not taken for a line to this one", () => {
  const { show } = stubPage();
  const socket = Object.assign(new ScriptedSocket(), { roomUrl: "wss://example.test/parties/todos/one" });
  const events = { open: vi.fn(), close: vi.fn(), head: vi.fn(), frame: vi.fn(), isWatched: vi.fn(() => true) };
  new Connection(socket, events).attach();
  socket.roomUrl = "wss://example.test/parties/todos/two";
  socket.open();
  socket.receive(welcome());
  // Nor does it dial that line anew, which somebody else has in use.
  show();
  expect(socket.reconnects).toBe(0);
  expect([events.open, events.frame].map((event) => event.mock.calls.length)).toEqual([0, 0]);
});

test("a token in the query is asked for anew on each connection", async () => {
  vi.useRealTimers();
  const dialled: string[] = [];
  class Line extends ScriptedSocket {
    constructor(url: string) {
      super();
      dialled.push(new URL(url).searchParams.get("token") ?? "");
    }
  }
  const query = vi.fn(async () => await Promise.resolve({ token: `token ${query.mock.calls.length}` }));
  const socket = new PartySocket({ host: "app.example", party: "todos", room: "groceries", query, WebSocket: Line, minReconnectionDelay: 1, maxReconnectionDelay: 1 });
  const connection = new Connection(socket, { open: () => {}, close: () => {}, head: () => {}, frame: () => {}, isWatched: () => true });
  connection.attach();
  await vi.waitFor(() => expect(dialled).toEqual(["token 1"]));
  connection.reconnect();
  await vi.waitFor(() => expect(dialled).toEqual(["token 1", "token 2"]));
  connection.giveUp();
});
