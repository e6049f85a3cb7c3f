// SPDX-License-Identifier: MIT
// Clients that write numbered entries to a table which takes every entry it is given, twice if need be: what they were told is compared with what it holds.
import { PartySocket } from "partysocket";
import { expect, vi } from "vitest";
import type { Cache } from "../../client/cache.ts";
import { Store } from "../../client/store.ts";
import { rowsOf } from "../rows.ts";
import type { Ledger } from "./figures.ts";
import { connect, partyOf, type ObjectClass, type TestSocket } from "./server.ts";

/** The object that the writers write to; it runs the schema app. */
export interface Target {
  readonly url: string;
  readonly objectClass: ObjectClass;
  readonly room: string;
}

/** What they write to: a table whose key the database gives. */
const CHANNEL = "kinds";

const actionOf = (entry: string) => ({ type: "run", payload: { sql: `INSERT INTO kinds (value) VALUES ('${entry}')` } });
const entryOf = ({ payload }: { readonly payload: unknown }) => (payload as ReturnType<typeof actionOf>["payload"]).sql.split("'")[1] ?? "";

export interface Writer extends Ledger {
  /** Answers other than "committed", and whatever else must not happen. */
  readonly complaints: string[];
  /** Sends that many more, and waits for nothing. */
  write(count: number): Promise<void>;
  /** Resolves once the server, which has been started anew, has said welcome. */
  welcomed(): Promise<void>;
  /** Resolves once everything is acknowledged. */
  settled(): Promise<void>;
  close(): void;
}

/** How long anything may take before it counts as not happening. */
const PATIENCE = { timeout: 30_000, interval: 5 };

/** A raw socket that sends each action in a frame of its own, without waiting for the one before. After a crash it sends again whatever it has heard nothing of, done or not. */
export class RawWriter implements Writer {
  readonly sent = new Set<string>();
  readonly acknowledged = new Set<string>();
  readonly complaints: string[] = [];
  unheard = 0;
  readonly id: string;
  readonly #target: Target;
  #socket: TestSocket | undefined;
  #deaf: TestSocket | undefined;
  #last = 0;
  #heard = 0;

  constructor(target: Target, id: string) {
    this.#target = target;
    this.id = id;
  }

  async welcomed(): Promise<void> {
    const { socket, settled } = await this.#dial();
    if (settled < this.#heard) this.complaints.push(`${this.id}: ${this.#heard} was acknowledged, and the object knows of ${settled}`);
    this.unheard += settled - this.#heard;
    this.#socket = socket;
    void this.#listen(socket);
    this.#send(this.#heard + 1);
  }

  /** Dials until it is welcome: an object may end a socket at any time. */
  async #dial(): Promise<{ socket: TestSocket; settled: number }> {
    const { url, objectClass, room } = this.#target;
    for (;;) {
      const socket = await connect(url, objectClass, room).catch(() => null);
      const welcome = await Promise.race([socket?.hello(this.id), socket?.end.then(() => null)]);
      if (socket && welcome?.["type"] === "welcome") return { socket, settled: welcome["settled"] as number };
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async write(count: number): Promise<void> {
    const first = this.#last + 1;
    this.#last += count;
    for (let number = first; number <= this.#last; number++) this.sent.add(this.#entry(number));
    this.#send(first);
  }

  async settled(): Promise<void> {
    const end = Date.now() + PATIENCE.timeout;
    while (this.acknowledged.size < this.#last) {
      if (Date.now() > end) throw new Error(`${this.id}: ${this.acknowledged.size} of ${this.#last} are acknowledged`);
      if (this.#socket?.closed) await this.welcomed();
      await new Promise((resolve) => setTimeout(resolve, PATIENCE.interval));
    }
  }

  /** Its line loses every answer from now on, until it dials again. */
  deafen(): void {
    this.#deaf = this.#socket;
  }

  async waiting(): Promise<Set<string>> {
    return new Set([...this.sent].filter((entry) => !this.acknowledged.has(entry)));
  }

  /** Resolves when the object has ended the socket. */
  async dropped(): Promise<void> {
    await this.#socket?.end;
  }

  close(): void {
    this.#socket?.close();
  }

  #entry(number: number): string {
    return `${this.id}-${number}`;
  }

  #send(first: number): void {
    for (let number = first; number <= this.#last; number++)
      this.#socket?.send({ type: "actions", acknowledged: this.#heard, actions: [{ number, channel: CHANNEL, ...actionOf(this.#entry(number)) }] });
  }

  async #listen(socket: TestSocket): Promise<void> {
    for (;;) {
      const frame = await Promise.race([socket.frame(), socket.end.then(() => null)]);
      if (!frame || socket === this.#deaf) return;
      if (frame["type"] !== "patch") this.complaints.push(`${this.id}: ${JSON.stringify(frame)}`);
      for (const { number, status } of (frame["outcomes"] ?? []) as { number: number; status: string }[]) {
        // In order, and each one once.
        if (status !== "committed" || number !== this.#heard + 1) this.complaints.push(`${this.id}: ${number} is ${status} after ${this.#heard}`);
        this.#heard = number;
        this.acknowledged.add(this.#entry(number));
      }
    }
  }
}

/** The store that pages use, over the socket that they use, with its outbox in a cache that outlives it. */
export class StoreWriter implements Writer {
  readonly sent = new Set<string>();
  readonly acknowledged = new Set<string>();
  readonly complaints: string[] = [];
  readonly unheard = null;
  readonly id: string;
  readonly #target: Target;
  readonly #cache: Cache;
  #socket!: PartySocket;
  #store!: Store;
  #last = 0;

  constructor(target: Target, id: string, cache: Cache) {
    this.#target = target;
    this.id = id;
    this.#cache = cache;
    this.#open();
  }

  #open(): void {
    const { url, objectClass, room } = this.#target;
    this.#socket = new PartySocket({ host: new URL(url).host, party: partyOf(objectClass), room, minReconnectionDelay: 5, maxReconnectionDelay: 50 });
    this.#store = new Store(this.#socket, { cache: this.#cache, scope: this.id });
    this.#store.subscribe(CHANNEL, () => {});
    this.#store.onRejected((error, action) => void this.complaints.push(`${this.id}: ${error.code} for ${JSON.stringify(action)}`));
  }

  /** The page ends, with whatever was on its way, and is opened anew on what it has kept. */
  reload(): void {
    this.close();
    this.#open();
  }

  /** Resolves when the entries are kept: from then on they must arrive, whatever becomes of the page. */
  async write(count: number): Promise<void> {
    const kept: Promise<void>[] = [];
    for (const end = this.#last + count; this.#last < end; ) {
      const entry = `${this.id}-${++this.#last}`;
      const saved = Promise.withResolvers<void>();
      const receipt = this.#store.send(CHANNEL, actionOf(entry), { onStage: (stage) => stage === "saved" && saved.resolve() });
      receipt.then(() => this.acknowledged.add(entry), () => {});
      kept.push(saved.promise.then(() => void this.sent.add(entry)));
    }
    await Promise.all(kept);
  }

  async welcomed(): Promise<void> {
    await vi.waitFor(() => expect(this.#store.getState(CHANNEL).status.state).toBe("live"), PATIENCE);
  }

  async settled(): Promise<void> {
    await vi.waitFor(() => expect(this.#store.getState(CHANNEL).status).toMatchObject({ state: "live", pending: 0 }), PATIENCE);
  }

  /** The entries as this client has them, in the order of the table. */
  get entries(): unknown[] {
    return this.#store.getState(CHANNEL).records.map(([, entry]) => entry);
  }

  async waiting(): Promise<Set<string>> {
    const { actions } = await this.#cache.readOutboxes(this.id);
    return new Set(actions.map(entryOf));
  }

  close(): void {
    this.#store.close();
    this.#socket.close();
  }
}

/** Every entry of the table, in its order. */
export async function readTable({ url, objectClass, room }: Target): Promise<string[]> {
  const reader = await connect(url, objectClass, room);
  type Page = { cells: unknown[][]; next: number; end?: unknown };
  let page = (await reader.subscribe("reader", CHANNEL)) as unknown as Page;
  const rows = rowsOf(page);
  while (page.next > 0) {
    reader.send({ type: "page", channel: CHANNEL, after: page.end, rows: page.next });
    page = (await reader.frame()) as unknown as Page;
    rows.push(...rowsOf(page));
  }
  reader.close();
  return rows.map(([, entry]) => String(entry));
}
