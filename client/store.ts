// SPDX-License-Identifier: MIT
import type { Cache, ChannelMeta, StoredAction, StoredChannel } from "./cache.ts";
import type { Channel, Reply } from "./channel.ts";
import { Connection, type SyncSocket } from "./connection.ts";
import { isReady, newEntry, stateOf, type ChannelState, type Entry } from "./entry.ts";
import { SyncError } from "./errors.ts";
import { encodeCell, PROTOCOL } from "./frames.ts";
import type { DownFrame, ErrorFrame, Outcome, Page, Patch, SyncRecord, Welcome } from "./frames.ts";
import { Keeper } from "./keeper.ts";
import { Neighbours } from "./neighbours.ts";
import { Outbox, type Pending, type SyncAction } from "./outbox.ts";
import { Progression, type Receipt, type SendOptions, type Settled } from "./receipt.ts";
import { errorOfClose, isTerminal, statusOf } from "./status.ts";
import type { Release } from "./tabs.ts";
import { Unsaved } from "./unsaved.ts";

/** A channel's records as they travel: a complete page. `dehydrate` makes one; so does an object that is asked for a page. */
export type Dehydrated = Pick<Page, "epoch" | "shape" | "version" | "columns" | "key" | "rows">;

/** Told of every action that was refused, by the object or before it was sent. */
export type RejectionListener = (error: SyncError, action: SyncAction, channel: string) => void;

/** Milliseconds until a frame that the object had no time for is sent again. */
export const RATE_PAUSE = 1000;

/** Milliseconds for which a channel stays subscribed after `ready`, for whoever has waited to subscribe in turn. */
const READY_GRACE = 5000;

/** The channels of one object, over one socket at a time, for any number of watchers. */
export class Store {
  #socket: SyncSocket;
  #connection: Connection;
  #keeper: Keeper | null = null;
  readonly #outbox: Outbox;
  readonly #neighbours = new Neighbours();
  readonly #entries = new Map<string, Entry>();
  readonly #sockets = new Map<SyncSocket, number>();
  readonly #rejectionListeners = new Set<RejectionListener>();
  /** Committed, but with effects that are not among the records yet: their channel is not in step. */
  readonly #held = new Map<Pending, Settled>();
  /** What is to be told once the frame at hand is wholly applied. */
  #later: (() => void)[] = [];
  #life: "new" | "opening" | "open" | "closed" = "new";
  #dialled = false;
  /** Why nothing works at present; over as soon as the object says anything but an error. */
  #failure: SyncError | null = null;
  #flushing = false;
  /** The actions come from another page, and whether they fit what the object knows is told by its welcome. */
  #unwelcome = false;
  #pause: ReturnType<typeof setTimeout> | undefined;
  readonly #unsaved: Unsaved;
  /** Clients that other tabs have left behind, and which this one owns. */
  #orphans: { client: string; release: Release }[] = [];
  #inheriting = false;

  /** Without a place in a cache, records and actions live as long as the store. */
  constructor(socket: SyncSocket, place?: { cache: Cache; scope: string }) {
    this.#socket = socket;
    this.#connection = this.#connect(socket);
    this.#outbox = new Outbox(place !== undefined);
    this.#unsaved = new Unsaved(this.#outbox);
    if (place) this.#keeper = this.#newKeeper(place.cache, place.scope);
  }

  /** Uses this socket from now on; another one was there before if a token was refreshed, say. Returns the end of the use. */
  use(socket: SyncSocket): () => void {
    this.#sockets.set(socket, (this.#sockets.get(socket) ?? 0) + 1);
    this.#switchTo(socket);
    let used = true;
    return () => {
      if (!used) return;
      used = false;
      this.#unuse(socket);
    };
  }

  /** Watches a channel: `listener` is called after each step that changed its state. Returns the end of the watch. */
  subscribe(channel: string, listener: () => void): () => void {
    const entry = this.#entry(channel);
    // A listener of its own for each call, so that the same function may watch twice.
    const own = () => listener();
    entry.listeners.add(own);
    this.#start();
    if (!entry.loaded || entry.channel.phase === "idle") this.#step(() => this.#bring(entry));
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

  /** Resolves once the channel has something to show: records, or a reason why there are none. Null if it has already. */
  ready(channel: string): Promise<void> | null {
    const entry = this.#entry(channel);
    if (isReady(entry.channel, this.getState(channel).status)) return null;
    entry.ready ??= new Promise((resolve) => {
      const end = this.subscribe(channel, () => {
        if (!entry.ready || !isReady(entry.channel, this.getState(channel).status)) return;
        entry.ready = null;
        setTimeout(() => end(), READY_GRACE);
        resolve();
      });
    });
    return entry.ready;
  }

  /** Sends an action to a channel, now or on the next connection. Actions sent together travel together. */
  send(channel: string, action: SyncAction, options: SendOptions = {}): Receipt {
    const { signal, onStage } = options;
    this.#start();
    try {
      if (signal?.aborted) throw new SyncError("aborted");
      const pending = this.#outbox.add(channel, action, onStage);
      signal?.addEventListener("abort", () => this.#step(() => this.#takeBack(pending)), { once: true });
      this.#step(() => this.#keep([pending]));
      return pending.progression.receipt;
    } catch (error) {
      return this.#refuse(channel, action, error, onStage);
    }
  }

  /** Tells `listener` of refused actions until the function that it returns is called. */
  onRejected(listener: RejectionListener): () => void {
    const own: RejectionListener = (...rejection) => listener(...rejection);
    this.#rejectionListeners.add(own);
    return () => void this.#rejectionListeners.delete(own);
  }

  /** What is known of the channel's columns: their names, and the positions of the key's, in key order. */
  columnsOf(channel: string): { columns: readonly string[]; key: readonly number[] } {
    return this.#entry(channel).channel;
  }

  /** The record with this key as a text, as the object last told it. */
  recordOf(channel: string, key: string): SyncRecord | undefined {
    return this.#entry(channel).channel.recordOf(key);
  }

  /** The key of a record of the channel as a text; null while the channel's columns are not known. */
  keyOf(channel: string, record: SyncRecord): string | null {
    return this.#entry(channel).channel.keyOf(record);
  }

  /** Starts a channel from records that were rendered elsewhere, a server say. It does nothing if records are here already. */
  hydrate(channel: string, { epoch, shape, version, columns, key, rows }: Dehydrated): void {
    const meta: ChannelMeta = { cursor: { epoch, shape, version }, columns, key, snapshot: null };
    const entry = this.#entry(channel);
    if (!entry.channel.hydrate({ meta, rows })) return;
    entry.loaded = true;
    entry.state = null;
  }

  /** The channel's records for `hydrate` elsewhere, as JSON; null before every one of them is here. */
  dehydrate(channel: string): Dehydrated | null {
    const { records, cursor, columns, key, complete } = this.#entry(channel).channel;
    if (!cursor || !complete) return null;
    return { ...cursor, columns: [...columns], key: [...key], rows: records.map((record) => record.map(encodeCell)) };
  }

  /**
   * Wipes the object's records and unsent actions, here, in the cache, and in the other tabs: for logging out. Actions whose outcome is not
   * known are rejected with the code "cleared". A channel that is still watched is fetched anew.
   */
  async clear(): Promise<void> {
    this.#step(() => this.#forget());
    await this.#keeper?.clear();
  }

  /** Ends the store: it listens no more, and another tab takes over what is not settled. The socket stays as it is. */
  close(): void {
    this.#life = "closed";
    clearTimeout(this.#pause);
    this.#connection.detach();
    this.#keeper?.close();
  }

  /** Everything that changes the state runs in here: watchers hear of it once, when all of it is done. */
  #step(change: () => void): void {
    if (this.#life === "closed") return;
    change();
    this.#release();
    for (const entry of this.#entries.values()) {
      entry.state = null;
      this.#neighbours.prune(entry.channel.name, entry.channel.cursor);
    }
    this.#save();
    const later = this.#later;
    this.#later = [];
    for (const entry of [...this.#entries.values()]) {
      const before = entry.last;
      if (this.getState(entry.channel.name) !== before) for (const listener of [...entry.listeners]) attempt(listener);
    }
    for (const tell of later) attempt(tell);
  }

  // --- the socket

  #connect(socket: SyncSocket): Connection {
    const connection: Connection = new Connection(socket, {
      open: () => this.#step(() => this.#onOpen()),
      close: (code, reason) => this.#step(() => this.#onClose(code, reason)),
      frame: (frame) => this.#step(() => this.#onFrame(frame)),
    });
    return connection;
  }

  #switchTo(socket: SyncSocket): void {
    if (socket === this.#socket) return;
    this.#step(() => {
      for (const { channel } of this.#entries.values()) {
        if (channel.phase !== "idle") this.#connection.send({ type: "unsubscribe", channel: channel.name });
        channel.rest();
      }
      this.#connection.detach();
      this.#socket = socket;
      this.#dialled = false;
      this.#failure = null;
      this.#connection = this.#connect(socket);
    });
    if (this.#life === "open") this.#connection.attach();
  }

  #unuse(socket: SyncSocket): void {
    const uses = (this.#sockets.get(socket) ?? 0) - 1;
    if (uses > 0) return void this.#sockets.set(socket, uses);
    this.#sockets.delete(socket);
    const another = [...this.#sockets.keys()].at(-1);
    if (socket === this.#socket && another) this.#switchTo(another);
  }

  #onOpen(): void {
    this.#dialled = true;
    this.#outbox.unsend();
    this.#hello();
    for (const entry of this.#entries.values()) {
      entry.channel.rest();
      this.#bring(entry);
    }
    this.#keep(this.#outbox.unsettled());
    this.#flush();
  }

  #hello(): void {
    const { client, seen } = this.#outbox;
    this.#connection.send({ type: "hello", protocol: PROTOCOL, client, ...(seen !== null && { seen }) });
  }

  #onClose(code: number | undefined, reason: string | undefined): void {
    this.#dialled = true;
    clearTimeout(this.#pause);
    for (const { channel } of this.#entries.values()) channel.rest();
    if (!isTerminal(code)) return;
    this.#failure ??= errorOfClose(code, reason);
    this.#connection.giveUp();
  }

  #onFrame(frame: DownFrame): void {
    if (frame.type === "error") return this.#onError(frame);
    this.#failure = null;
    if (frame.type === "welcome") this.#onWelcome(frame);
    else if (frame.type === "page") this.#reply(this.#entries.get(frame.channel)?.channel.applyPage(frame));
    else this.#onPatch(frame);
  }

  #onWelcome(welcome: Welcome): void {
    if (welcome.settled < this.#outbox.acknowledged) return this.#renew();
    this.#outbox.seen = welcome.now ?? null;
    if (this.#keeper && welcome.now !== undefined && this.#outbox.last > 0) this.#unsaved.touch();
    this.#unwelcome = false;
    this.#keepAgain(this.#outbox.overtake(welcome.settled));
    this.#flush();
  }

  #onPatch(patch: Patch): void {
    for (const change of patch.changes) this.#reply(this.#entries.get(change.channel)?.channel.applyChange(patch.epoch, change));
    for (const outcome of patch.outcomes) this.#settle(outcome);
    this.#flush();
  }

  #onError(frame: ErrorFrame): void {
    if (frame.code === "out_of_order" && frame.expected !== undefined) return this.#resendFrom(frame.expected);
    if (frame.code === "outbox_full") return this.#resendAcknowledged();
    if (frame.code === "rate_limited") return this.#resendLater();
    if (frame.code === "client_forgotten") return this.#abandon();
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

  /** The object was too busy for a frame, and does not say for which: everything without an answer goes again. */
  #resendLater(): void {
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => {
      this.#step(() => {
        for (const { channel, listeners } of this.#entries.values()) {
          if (listeners.size > 0 && channel.phase !== "live" && channel.phase !== "failed") this.#connection.send(channel.subscribe());
        }
        this.#outbox.unsend();
        this.#flush();
      });
    }, RATE_PAUSE);
  }

  /** The object has forgotten this client; the outbox starts over under a new id, on a new socket if the present one can be replaced. */
  #renew(): void {
    const old = this.#outbox.client;
    this.#outbox.renew();
    this.#startOver(old);
  }

  /** The object may have forgotten what became of the actions that were sent: they must not be sent again under another id. */
  #abandon(): void {
    const old = this.#outbox.client;
    for (const pending of this.#outbox.abandon()) this.#reject(pending, new SyncError("client_forgotten"));
    this.#startOver(old);
  }

  #startOver(old: string): void {
    this.#unwelcome = false;
    if (this.#keeper) {
      this.#unsaved.startOver(old);
      void this.#keeper.renew(this.#outbox.client);
    }
    this.#keepAgain([...this.#outbox.unsettled()]);
    if (this.#connection.reconnect()) return;
    this.#hello();
    this.#flush();
  }

  // --- actions

  #settle(outcome: Outcome): void {
    const pending = this.#outbox.settle(outcome);
    if (!pending) return;
    if (outcome.status === "committed") this.#held.set(pending, { result: outcome.result });
    else this.#reject(pending, new SyncError(outcome.code, outcome.message, outcome.data));
  }

  #reject(pending: Pending, error: SyncError): void {
    this.#letGo(pending);
    this.#later.push(() => pending.progression.reject(error), ...this.#rejections(error, pending.action, pending.channel));
  }

  /** An action that cannot even be sent. Its rejection is told later, as every other. */
  #refuse(channel: string, action: SyncAction, error: unknown, onStage: SendOptions["onStage"]): Receipt {
    const rejection = error instanceof SyncError ? error : new SyncError("internal", String(error));
    const progression = new Progression(onStage);
    progression.reject(rejection);
    progression.receipt.catch(() => this.#rejections(rejection, action, channel).forEach(attempt));
    return progression.receipt;
  }

  #takeBack(pending: Pending): void {
    const after = this.#outbox.remove(pending);
    if (!after) return;
    this.#reject(pending, new SyncError("aborted"));
    this.#keepAgain(after);
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
      this.#letGo(pending);
      this.#later.push(() => pending.progression.commit(settled));
    }
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
    if (!this.#connection.open || this.#unwelcome) return;
    for (let frame = this.#outbox.take(); frame !== null; frame = this.#outbox.take()) this.#connection.sendText(frame);
  }

  // --- what is kept

  /** Brings actions to where they may be sent: into the cache, if there is one. */
  #keep(some: Iterable<Pending>): void {
    if (this.#keeper) this.#unsaved.add(some);
    this.#flushSoon();
  }

  /** Their numbers or their client have changed. */
  #keepAgain(some: Pending[]): void {
    if (this.#keeper) for (const pending of some) pending.kept = "not";
    this.#keep(some);
  }

  #letGo(pending: Pending): void {
    if (this.#keeper) this.#unsaved.remove(pending);
  }

  #start(): void {
    if (this.#life !== "new") return;
    this.#life = this.#keeper ? "opening" : "open";
    if (this.#keeper) void this.#open(this.#keeper);
    else this.#connection.attach();
  }

  async #open(keeper: Keeper): Promise<void> {
    try {
      const found = await keeper.open(this.#outbox.client);
      if (this.#life !== "opening") return;
      if (found) this.#step(() => this.#restore(found));
      await keeper.look();
    } catch (error) {
      this.#giveUpCache(error);
    }
    if (this.#life !== "opening") return;
    this.#life = "open";
    this.#step(() => {});
    this.#connection.attach();
  }

  #restore(found: { client: Parameters<Outbox["restore"]>[0]; actions: StoredAction[] }): void {
    this.#outbox.restore(found.client, found.actions);
    this.#unwelcome = true;
  }

  /** Fetches a watched channel: from the cache first, then from where that ends. */
  #bring(entry: Entry): void {
    const { channel, listeners } = entry;
    if (!entry.loaded) return this.#load(entry);
    if (this.#connection.open && listeners.size > 0 && channel.phase === "idle") this.#connection.send(channel.subscribe());
  }

  #load(entry: Entry): void {
    if (entry.loading || !this.#keeper) return;
    entry.loading = true;
    this.#keeper.readChannel(entry.channel.name).then(
      (stored) => this.#onLoaded(entry, stored),
      (error: unknown) => this.#giveUpCache(error),
    );
  }

  /** Records that come out of the cache late do not take the place of newer ones: the channel sees to that. */
  #onLoaded(entry: Entry, stored: StoredChannel | null): void {
    if (entry.loaded) return;
    entry.loading = false;
    entry.loaded = true;
    this.#step(() => {
      if (stored) entry.channel.restore(stored);
      this.#bring(entry);
    });
  }

  #newKeeper(cache: Cache, scope: string): Keeper {
    return new Keeper(cache, scope, {
      collect: () => this.#unsaved.take(this.#dirtyChannels(), this.#connection.open, () => this.#onSaved()),
      neighbours: (outboxes) => this.#step(() => this.#neighbours.update(outboxes, this.#outbox.client)),
      orphan: (client, release) => {
        this.#orphans.push({ client, release });
        void this.#inherit();
      },
      cleared: () => this.#step(() => this.#forget()),
      failed: (error) => this.#giveUpCache(error),
    });
  }

  #save(): void {
    if (this.#life === "open" && (!this.#unsaved.empty || this.#dirtyChannels().length > 0)) this.#keeper?.save();
    if (this.#orphans.length > 0) void this.#inherit();
  }

  #dirtyChannels(): Channel[] {
    return [...this.#entries.values()].map(({ channel }) => channel).filter(({ dirty }) => dirty);
  }

  /** What was saved while the line was down has to be saved as tried before it is sent. */
  #onSaved(): void {
    this.#step(() => {
      if (this.#connection.open) this.#unsaved.add(this.#outbox.unsettled());
      this.#flush();
    });
  }

  /** Goes on without a cache: what it holds is whole, if old, and whatever is settled meanwhile will not run again. */
  #giveUpCache(error: unknown): void {
    if (!this.#keeper) return;
    console.warn("durasync: records and unsent actions are kept in memory only.", error);
    this.#keeper.close();
    this.#keeper = null;
    this.#unsaved.clear();
    this.#outbox.goOnInMemory();
    this.#step(() => {
      for (const entry of this.#entries.values()) {
        entry.loaded = true;
        this.#bring(entry);
      }
      this.#keep(this.#outbox.unsettled());
    });
  }

  /** Becomes the client that another tab has left behind, as soon as nothing of this tab's own is under way. */
  async #inherit(): Promise<void> {
    const keeper = this.#keeper;
    const isIdle = () => this.#outbox.empty && this.#held.size === 0 && this.#unsaved.empty && this.#life === "open";
    if (!keeper || this.#inheriting || !isIdle()) return;
    const orphan = this.#orphans.shift();
    if (!orphan) return;
    this.#inheriting = true;
    try {
      const found = await keeper.read(orphan.client);
      if (!found) return orphan.release();
      if (!isIdle()) return void this.#orphans.push(orphan);
      keeper.own(orphan.client, orphan.release);
      this.#step(() => {
        this.#unsaved.startOver(this.#outbox.client);
        this.#neighbours.drop(orphan.client);
        this.#restore(found);
        if (!this.#connection.reconnect()) this.#hello();
      });
      await keeper.look();
    } catch (error) {
      this.#giveUpCache(error);
    } finally {
      this.#inheriting = false;
    }
  }

  #forget(): void {
    for (const pending of [...this.#outbox.unsettled(), ...this.#held.keys()]) {
      this.#later.push(() => pending.progression.reject(new SyncError("cleared")));
    }
    this.#held.clear();
    this.#neighbours.clear();
    this.#unsaved.clear();
    this.#outbox.reset();
    void this.#keeper?.renew(this.#outbox.client);
    for (const { channel } of this.#entries.values()) channel.reset();
    if (!this.#connection.open) return;
    if (this.#connection.reconnect()) return;
    this.#hello();
    for (const entry of this.#entries.values()) this.#bring(entry);
  }

  // --- watchers

  #unsubscribe(entry: Entry): void {
    if (entry.listeners.size > 0 || entry.channel.phase === "idle") return;
    this.#step(() => {
      entry.channel.rest();
      this.#connection.send({ type: "unsubscribe", channel: entry.channel.name });
    });
  }

  #reply(reply: Reply | undefined): void {
    if (reply) this.#connection.send(reply);
  }

  #entry(channel: string): Entry {
    let entry = this.#entries.get(channel);
    if (!entry) this.#entries.set(channel, (entry = newEntry(channel, this.#keeper !== null)));
    return entry;
  }

  #stateOf({ channel, last }: Entry): ChannelState {
    const mine = [...this.#held.keys(), ...this.#outbox.unsettled()].filter((pending) => pending.channel === channel.name);
    const inStep = channel.phase === "live";
    const records = channel.records;
    const visible = mine.filter(({ overtaken }) => !(overtaken && inStep)).sort(bySending);
    const status = statusOf(last.status, channel, records !== last.records, {
      pending: mine.length,
      storage: this.#keeper ? "persistent" : "memory",
      open: this.#connection.open,
      dialled: this.#dialled,
      failure: this.#failure,
    });
    return stateOf(last, { records, pending: [...this.#neighbours.of(channel.name), ...visible], status });
  }
}

function bySending(a: Pending, b: Pending): number {
  return a.order - b.order;
}

/** Runs a stranger's function: what it throws is reported and must not keep the others from being told. */
function attempt(tell: () => void): void {
  try {
    tell();
  } catch (error) {
    console.error(error);
  }
}
