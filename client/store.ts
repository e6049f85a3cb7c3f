// SPDX-License-Identifier: MIT
import { Channel, type Reply } from "./channel.ts";
import { Connection, type SyncSocket } from "./connection.ts";
import { SyncError } from "./errors.ts";
import { PROTOCOL, type DownFrame, type ErrorFrame, type Outcome, type Patch, type SyncRecord, type Welcome } from "./frames.ts";
import { Outbox, type Pending, type Receipt, type Settled, type SyncAction } from "./outbox.ts";

/**
 * How a channel stands: "connecting" before the first connection, "syncing" while records are still to come, "live" in step, "offline" with
 * the line down, "failed" if the object refuses (see `error`).
 */
export type SyncState = "connecting" | "syncing" | "live" | "offline" | "failed";

/** `pending` counts the actions sent to the channel whose effects are not among its records yet. */
export type SyncStatus = { readonly state: SyncState; readonly pending: number; readonly error?: SyncError };

/** A channel at one moment. Each part, and the whole, is the same object until it changes. */
export type ChannelState = {
  /** What the object has told, in key order. */
  readonly records: readonly SyncRecord[];
  /** The actions whose effects are not in `records`, oldest first. */
  readonly pending: readonly Pending[];
  readonly status: SyncStatus;
};

/** Told of every action that was refused, by the object or before it was sent. */
export type RejectionListener = (error: SyncError, action: SyncAction, channel: string) => void;

/** Close code "policy violation": the object, or what stands before it, does not want this client. */
const REFUSED = 1008;

type Entry = {
  readonly channel: Channel;
  readonly listeners: Set<() => void>;
  /** Null if something may have changed since it was last computed. */
  state: ChannelState | null;
  last: ChannelState;
};

const stores = new WeakMap<SyncSocket, Store>();

/** The store of a socket: the same one however often it is asked for. It does nothing until somebody subscribes or sends. */
export function storeOf(socket: SyncSocket): Store {
  let store = stores.get(socket);
  if (!store) stores.set(socket, (store = new Store(socket)));
  return store;
}

/** The channels of one object, over one socket, for any number of watchers. */
export class Store {
  readonly #connection: Connection;
  readonly #outbox = new Outbox();
  readonly #entries = new Map<string, Entry>();
  readonly #rejectionListeners = new Set<RejectionListener>();
  /** Committed, but with effects that are not among the records yet: their channel is not in step. */
  readonly #held = new Map<Pending, Settled>();
  /** What is to be told once the frame at hand is wholly applied. */
  #later: (() => void)[] = [];
  #dialled = false;
  /** Why nothing works at present; over as soon as the object says anything but an error. */
  #failure: SyncError | null = null;
  #flushing = false;

  constructor(socket: SyncSocket) {
    this.#connection = new Connection(socket, {
      open: () => this.#step(() => this.#onOpen()),
      close: (code) => this.#step(() => this.#onClose(code)),
      frame: (frame) => this.#step(() => this.#onFrame(frame)),
    });
  }

  /** Watches a channel: `listener` is called after each step that changed its state. Returns the end of the watch. */
  subscribe(channel: string, listener: () => void): () => void {
    const entry = this.#entry(channel);
    // A listener of its own for each call, so that the same function may watch twice.
    const own = () => listener();
    entry.listeners.add(own);
    this.#connection.attach();
    if (this.#connection.open && entry.channel.phase === "idle") this.#step(() => this.#connection.send(entry.channel.subscribe()));
    return () => {
      // Later, since React's StrictMode ends every watch once to begin it again.
      if (entry.listeners.delete(own)) setTimeout(() => this.#unsubscribe(entry));
    };
  }

  /** The channel as it stands. */
  getState(channel: string): ChannelState {
    const entry = this.#entry(channel);
    entry.state ??= entry.last = this.#stateOf(entry);
    return entry.state;
  }

  /** Sends an action to a channel, now or on the next connection. Actions sent together travel together. */
  send(channel: string, action: SyncAction): Receipt {
    this.#connection.attach();
    try {
      const pending = this.#outbox.add(channel, action);
      this.#step(() => this.#flushSoon());
      return pending.receipt;
    } catch (error) {
      return this.#refuse(channel, action, error);
    }
  }

  /** Tells `listener` of refused actions until the function that it returns is called. */
  onRejected(listener: RejectionListener): () => void {
    const own: RejectionListener = (...rejection) => listener(...rejection);
    this.#rejectionListeners.add(own);
    return () => void this.#rejectionListeners.delete(own);
  }

  /** The key of a record of the channel as a text; null while the channel's columns are not known. */
  keyOf(channel: string, record: SyncRecord): string | null {
    return this.#entry(channel).channel.keyOf(record);
  }

  /** Everything that changes the state runs in here: watchers hear of it once, when all of it is done. */
  #step(change: () => void): void {
    change();
    this.#release();
    for (const entry of this.#entries.values()) entry.state = null;
    const later = this.#later;
    this.#later = [];
    for (const entry of [...this.#entries.values()]) {
      const before = entry.last;
      if (this.getState(entry.channel.name) !== before) for (const listener of [...entry.listeners]) attempt(listener);
    }
    for (const tell of later) attempt(tell);
  }

  #onOpen(): void {
    this.#dialled = true;
    this.#outbox.unsend();
    this.#hello();
    for (const { channel, listeners } of this.#entries.values()) {
      channel.rest();
      if (listeners.size > 0) this.#connection.send(channel.subscribe());
    }
    this.#flush();
  }

  #hello(): void {
    this.#connection.send({ type: "hello", protocol: PROTOCOL, client: this.#outbox.client });
  }

  #onClose(code: number | undefined): void {
    this.#dialled = true;
    if (code === REFUSED) this.#failure ??= new SyncError("forbidden", "The object closed the connection.");
    for (const { channel } of this.#entries.values()) channel.rest();
  }

  #onFrame(frame: DownFrame): void {
    if (frame.type === "error") return this.#onError(frame);
    this.#failure = null;
    if (frame.type === "welcome") this.#onWelcome(frame);
    else if (frame.type === "page") this.#reply(this.#entries.get(frame.channel)?.channel.applyPage(frame));
    else this.#onPatch(frame);
  }

  #onWelcome(welcome: Welcome): void {
    if (welcome.settled < this.#outbox.acknowledged) this.#renew();
    else this.#outbox.overtake(welcome.settled);
  }

  #onPatch(patch: Patch): void {
    for (const change of patch.changes) this.#reply(this.#entries.get(change.channel)?.channel.applyChange(patch.epoch, change));
    for (const outcome of patch.outcomes) this.#settle(outcome);
    this.#flush();
  }

  #onError(frame: ErrorFrame): void {
    if (frame.code === "out_of_order" && frame.expected !== undefined) return this.#resendFrom(frame.expected);
    if (frame.code === "outbox_full") return this.#resendAcknowledged();
    const error = new SyncError(frame.code, frame.message);
    // The first error tells why; those that it brings about ("hello_expected" after a refused hello) do not.
    if (frame.channel === undefined) this.#failure ??= error;
    else this.#entries.get(frame.channel)?.channel.fail(error);
  }

  #resendFrom(expected: number): void {
    if (expected <= this.#outbox.acknowledged) return this.#renew();
    this.#outbox.resendFrom(expected);
    this.#flush();
  }

  /** The object keeps no more outcomes until it hears of those that have arrived here; if there are none yet, their patch goes on. */
  #resendAcknowledged(): void {
    this.#outbox.unsend();
    if (this.#outbox.hasNews) this.#flush();
  }

  /** The object has forgotten this client; the outbox starts over under a new id, on a new socket if the present one can be replaced. */
  #renew(): void {
    this.#outbox.renew();
    if (this.#connection.reconnect()) return;
    this.#hello();
    this.#flush();
  }

  #settle(outcome: Outcome): void {
    const pending = this.#outbox.settle(outcome);
    if (!pending) return;
    if (outcome.status === "committed") this.#held.set(pending, { result: outcome.result });
    else this.#reject(pending, new SyncError(outcome.code, outcome.message, outcome.data));
  }

  #reject(pending: Pending, error: SyncError): void {
    this.#later.push(() => pending.reject(error), ...this.#rejections(error, pending.action, pending.channel));
  }

  /** An action that cannot even be sent. Its rejection is told later, as every other. */
  #refuse(channel: string, action: SyncAction, error: unknown): Receipt {
    const rejection = error instanceof SyncError ? error : new SyncError("internal", String(error));
    const receipt: Receipt = Promise.reject(rejection);
    receipt.catch(() => this.#rejections(rejection, action, channel).forEach(attempt));
    return receipt;
  }

  #rejections(error: SyncError, action: SyncAction, channel: string): (() => void)[] {
    return [...this.#rejectionListeners].map((listener) => () => listener(error, action, channel));
  }

  /** Lets go of the committed actions whose effects are among the records, or whose channel nobody watches. */
  #release(): void {
    for (const [pending, settled] of this.#held) {
      const entry = this.#entries.get(pending.channel);
      if (entry && entry.listeners.size > 0 && entry.channel.phase !== "live" && entry.channel.phase !== "failed") continue;
      this.#held.delete(pending);
      this.#later.push(() => pending.resolve(settled));
    }
  }

  #unsubscribe(entry: Entry): void {
    if (entry.listeners.size > 0 || entry.channel.phase === "idle") return;
    this.#step(() => {
      entry.channel.rest();
      this.#connection.send({ type: "unsubscribe", channel: entry.channel.name });
    });
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (!this.#connection.open) return;
    for (let frame = this.#outbox.take(); frame !== null; frame = this.#outbox.take()) this.#connection.sendText(frame);
  }

  #reply(reply: Reply | undefined): void {
    if (reply) this.#connection.send(reply);
  }

  #entry(channel: string): Entry {
    let entry = this.#entries.get(channel);
    if (!entry) this.#entries.set(channel, (entry = newEntry(channel)));
    return entry;
  }

  #stateOf(entry: Entry): ChannelState {
    const { channel, last } = entry;
    const mine = [...this.#held.keys(), ...this.#outbox.unsettled()].filter((pending) => pending.channel === channel.name);
    const inStep = channel.phase === "live";
    const records = channel.records;
    const pending = same(last.pending, mine.filter(({ overtaken }) => !(overtaken && inStep)).sort(bySending));
    const status = sameStatus(last.status, this.#statusOf(channel, mine.length));
    return records === last.records && pending === last.pending && status === last.status ? last : { records, pending, status };
  }

  #statusOf(channel: Channel, pending: number): SyncStatus {
    const error = this.#failure ?? channel.error;
    if (error) return { state: "failed", pending, error };
    if (!this.#connection.open) return { state: this.#dialled ? "offline" : "connecting", pending };
    return { state: channel.phase === "live" ? "live" : "syncing", pending };
  }
}

function newEntry(name: string): Entry {
  const channel = new Channel(name);
  const last: ChannelState = { records: channel.records, pending: [], status: { state: "connecting", pending: 0 } };
  return { channel, listeners: new Set(), state: null, last };
}

function bySending(a: Pending, b: Pending): number {
  return a.order - b.order;
}

function same<T>(old: readonly T[], now: readonly T[]): readonly T[] {
  return old.length === now.length && old.every((item, i) => item === now[i]) ? old : now;
}

function sameStatus(old: SyncStatus, now: SyncStatus): SyncStatus {
  return old.state === now.state && old.pending === now.pending && old.error === now.error ? old : now;
}

/** Runs a stranger's function: what it throws is reported and must not keep the others from being told. */
function attempt(tell: () => void): void {
  try {
    tell();
  } catch (error) {
    console.error(error);
  }
}
