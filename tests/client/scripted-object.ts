// SPDX-License-Identifier: MIT
// The other end of the line, by hand: a socket in memory that logs what the client sends and says what the test tells it to.
import { expect, vi } from "vitest";
import { transpose, type Change, type Outcome, type Page, type WireRecord } from "../../client/frames.ts";
import type { Store } from "../../client/store.ts";
import { storeOf } from "../../client/stores.ts";

type Sent = { type: string; [member: string]: unknown };

export class ScriptedSocket extends EventTarget {
  readyState = 0;
  /** Frames sent since the last `takeSent`, in order, without the number of a subscription; texts that are no JSON as {type: text}. */
  sent: Sent[] = [];
  /** By channel: the number of the last subscription, which a page is taken to answer unless it says otherwise. */
  readonly subscriptions = new Map<unknown, number>();
  /** Sizes in bytes of all messages sent. */
  readonly sizes: number[] = [];
  reconnects = 0;
  gaveUp = false;

  send(data: string): void {
    if (this.readyState !== 1) throw new Error("sent on a socket that is not open");
    this.sizes.push(new TextEncoder().encode(data).length);
    const { id, ...frame }: Sent = data.startsWith("{") ? JSON.parse(data) : { type: data };
    if (id !== undefined) this.subscriptions.set(frame["channel"], Number(id));
    this.sent.push(frame as Sent);
  }

  reconnect(): void {
    this.reconnects++;
    this.close();
  }

  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  /** Without a code, as the page closes it: for good. With one, as the other end or the network does. */
  close(code?: number, reason = ""): void {
    this.gaveUp ||= code === undefined;
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code: code ?? 1000, reason }));
  }

  receive(frame: unknown): void {
    this.dispatchEvent(new MessageEvent("message", { data: typeof frame === "string" ? frame : JSON.stringify(this.#numbered(frame)) }));
  }

  #numbered(frame: unknown): unknown {
    const page = frame as Page;
    return page.type === "page" ? Object.assign({ type: page.type, id: this.subscriptions.get(page.channel) }, page) : frame;
  }

  takeSent(type?: string): Sent[] {
    const taken = this.sent;
    this.sent = [];
    return type ? taken.filter((frame) => frame.type === type) : taken;
  }
}

export const welcome = (settled = 0, epoch = "e1") => ({ type: "welcome", protocol: 2, epoch, settled });

/** A page of a table (id, text, and more if its rows have more) with the key id; the only and first page at version 10 unless told otherwise. */
export function page(rows: WireRecord[], more: Partial<Page> = {}): Page {
  const place = { channel: "todos", epoch: "e1", shape: "s1", version: 10, first: true, next: 0 };
  const [columns, end] = [more.columns ?? ["id", "text", ...(rows[0]?.slice(2).map((_, i) => `column ${i + 2}`) ?? [])], more.next ? rows.at(-1)?.slice(0, 1) : undefined];
  const cells = rows.length > 0 ? transpose(rows, (cell) => cell) : columns.map(() => []);
  return { type: "page", ...place, columns, key: [0], end, after: end, ...more, cells }; // the cells come last: docs/PROTOCOL.md
}

export const patch = (changes: Change[], outcomes: Outcome[] = [], epoch = "e1") => ({ type: "patch", epoch, changes, outcomes });

export const change = (from: number, to: number, more: Partial<Change> = {}): Change => {
  return { channel: "todos", shape: "s1", from, to, ...more };
};

export const committed = (number: number, result?: unknown): Outcome => ({ number, status: "committed", result });

export const rejected = (number: number, code = "rejected", message = "No."): Outcome => ({ number, status: "rejected", code, message });

export const failure = (code: string, more = {}) => ({ type: "error", code, message: "", ...more });

/** Runs the microtasks that wait, in which sends are gathered. */
export const settle = async () => {
  for (let i = 0; i < 5; i++) await Promise.resolve();
};

export type Watched = { socket: ScriptedSocket; store: Store; listener: ReturnType<typeof vi.fn>; end: () => void };

/** A store whose channel "todos" is watched, on a socket that has not opened. */
export function watched(): Watched {
  const socket = new ScriptedSocket();
  const store = storeOf(socket);
  const listener = vi.fn();
  return { socket, store, listener, end: store.subscribe("todos", listener) };
}

/** The same, open and live at version 10 with these rows. */
export function live(rows: WireRecord[] = [["a", "one"]]): Watched {
  const all = watched();
  all.socket.open();
  all.socket.receive(welcome());
  all.socket.receive(page(rows));
  expect(all.store.getState("todos").status.state).toBe("live");
  all.socket.takeSent();
  all.listener.mockClear();
  return all;
}

export const recordsOf = (store: Store) => store.getState("todos").records;
export const statusOf = (store: Store) => store.getState("todos").status;
/** The types of the actions that a view would replay. */
export const replayed = (store: Store) => store.getState("todos").pending.map(({ action }) => action.type);
