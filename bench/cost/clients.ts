// SPDX-License-Identifier: MIT
// The two objects' clients, as far as a measurement needs them: they speak, and keep nothing.
import type { TestSocket } from "../../tests/workerd/server.ts";
import type { Subject } from "./server.ts";

export interface BenchClient {
  /** What comes first on a socket. */
  hello(): Promise<void>;
  /** Fetches the table. Returns the units that came. */
  sync(): Promise<number>;
  /** Brings a copy of the table that is as `other` has it up to date. */
  resume(other: BenchClient): Promise<void>;
  /** Sends an action without waiting for what becomes of it. */
  send(type: string, payload: unknown): void;
  /** Sends actions as an outbox does that has grown while its client was away. */
  sendAll(type: string, payloads: readonly unknown[]): Promise<void>;
  /** Waits until every action that was sent is settled. */
  settled(): Promise<void>;
  /** Waits for `count` changed rows, beyond those that it has waited for. */
  changes(count: number): Promise<void>;
  close(): void;
}

interface Change {
  readonly put?: unknown[];
  readonly del?: unknown[];
  readonly set?: { readonly rows: unknown[] }[];
  readonly to: number;
}

interface SyncFrame {
  readonly type: string;
  readonly epoch: string;
  readonly shape: string;
  readonly version: number;
  readonly next: number;
  readonly end?: unknown;
  readonly changes: Change[];
  readonly outcomes: unknown[];
}

// What a frame may carry at most.
const ACTIONS_A_FRAME = 500;

class SyncClient implements BenchClient {
  readonly #socket: TestSocket;
  readonly #id: string;
  #cursor: { epoch: string; shape: string; version: number } | null = null;
  #sent = 0;
  #settled = 0;
  #changed = 0;

  constructor(socket: TestSocket, id: string) {
    this.#socket = socket;
    this.#id = id;
  }

  async hello(): Promise<void> {
    this.#socket.send({ type: "hello", protocol: 2, client: this.#id });
    await this.#socket.receive();
  }

  async sync(): Promise<number> {
    this.#socket.send({ type: "subscribe", channel: "todos", cursor: null });
    for (let units = 0; ; ) {
      const text = await this.#socket.receive();
      units += text.length;
      const { epoch, shape, version, next, end } = JSON.parse(text) as SyncFrame;
      this.#cursor ??= { epoch, shape, version };
      if (next === 0) return units;
      this.#socket.send({ type: "page", channel: "todos", after: end, rows: next });
    }
  }

  async resume(other: SyncClient): Promise<void> {
    this.#socket.send({ type: "subscribe", channel: "todos", cursor: other.#cursor });
    const { type } = await this.#socket.frame();
    if (type !== "patch") throw new Error(`the resume was answered by a ${type}`);
  }

  send(type: string, payload: unknown): void {
    const number = ++this.#sent;
    this.#socket.send({ type: "actions", acknowledged: this.#settled, actions: [{ number, channel: "todos", type, payload }] });
  }

  async sendAll(type: string, payloads: readonly unknown[]): Promise<void> {
    for (let at = 0; at < payloads.length; at += ACTIONS_A_FRAME) {
      const actions = payloads.slice(at, at + ACTIONS_A_FRAME).map((payload) => ({ number: ++this.#sent, channel: "todos", type, payload }));
      this.#socket.send({ type: "actions", acknowledged: this.#settled, actions });
      await this.settled();
    }
  }

  async settled(): Promise<void> {
    while (this.#settled < this.#sent) await this.#read();
  }

  async changes(count: number): Promise<void> {
    while (this.#changed < count) await this.#read();
    this.#changed -= count;
  }

  async #read(): Promise<void> {
    const { changes, outcomes } = (await this.#socket.frame()) as unknown as SyncFrame;
    this.#settled += outcomes.length;
    for (const { put = [], del = [], set = [] } of changes) {
      this.#changed += put.length + del.length + set.reduce((sum, { rows }) => sum + rows.length, 0);
    }
  }

  close(): void {
    this.#socket.close();
  }
}

interface PlainFrame {
  readonly type: "rows" | "put" | "delete" | "done" | "failed";
  readonly rows?: unknown[];
  readonly ids?: unknown[];
}

class PlainClient implements BenchClient {
  readonly #socket: TestSocket;
  #sent = 0;
  #settled = 0;
  #changed = 0;

  constructor(socket: TestSocket) {
    this.#socket = socket;
  }

  async hello(): Promise<void> {}

  async sync(): Promise<number> {
    this.#socket.send({ type: "sync" });
    const text = await this.#socket.receive();
    JSON.parse(text);
    return text.length;
  }

  async resume(): Promise<void> {
    await this.sync();
  }

  send(type: string, payload: unknown): void {
    this.#socket.send({ type, id: ++this.#sent, payload });
  }

  async sendAll(type: string, payloads: readonly unknown[]): Promise<void> {
    for (const payload of payloads) this.send(type, payload);
    await this.settled();
  }

  async settled(): Promise<void> {
    while (this.#settled < this.#sent) await this.#read();
  }

  async changes(count: number): Promise<void> {
    while (this.#changed < count) await this.#read();
    this.#changed -= count;
  }

  async #read(): Promise<void> {
    const { type, rows = [], ids = [] } = (await this.#socket.frame()) as unknown as PlainFrame;
    if (type === "done" || type === "failed") this.#settled++;
    this.#changed += rows.length + ids.length;
  }

  close(): void {
    this.#socket.close();
  }
}

/** Connects a client called `id` to the object. It has not said hello. */
export async function connectClient(subject: Subject, id: string): Promise<BenchClient> {
  const socket = await subject.connect();
  return subject.objectClass === "Todos" ? new SyncClient(socket, id) : new PlainClient(socket);
}

/** Connects clients one after another, each with a copy of the table. */
export async function connectListeners(subject: Subject, count: number): Promise<BenchClient[]> {
  const listeners: BenchClient[] = [];
  for (let i = 0; i < count; i++) {
    const listener = await connectClient(subject, `listener-${i}`);
    await listener.hello();
    await listener.sync();
    listeners.push(listener);
  }
  return listeners;
}
