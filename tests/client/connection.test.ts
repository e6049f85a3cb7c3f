// SPDX-License-Identifier: MIT
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Connection, HEARTBEAT } from "../../client/connection.ts";
import { ScriptedSocket, welcome } from "./scripted-object.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function connected() {
  const socket = new ScriptedSocket();
  const events = { open: vi.fn(), close: vi.fn(), frame: vi.fn() };
  const connection = new Connection(socket, events);
  connection.attach();
  socket.open();
  return { socket, events, connection };
}

test("nothing is listened to before it is attached, and everything once after", () => {
  const socket = new ScriptedSocket();
  const open = vi.fn();
  const connection = new Connection(socket, { open, close: () => {}, frame: () => {} });
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
