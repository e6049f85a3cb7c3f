// SPDX-License-Identifier: MIT
import type { Pending, SyncAction } from "./action.ts";
import { Actions, attempt, listen, type RejectionListener } from "./actions.ts";
import type { ChannelMeta } from "./cache.ts";
import type { Channel } from "./channel.ts";
import type { SyncSocket } from "./connection.ts";
import { isReady, newEntry, stateOf, type ChannelState, type Entry } from "./entry.ts";
import { SyncError } from "./errors.ts";
import { decodeCell, encodeCell, transpose, type Page } from "./frames.ts";
import { getOrMake } from "./get-or-make.ts";
import { Keeper, type Place, type Rest } from "./keeper.ts";
import type { Receipt, SendOptions } from "./receipt.ts";
import { Session, type Home } from "./session.ts";
import { statusOf } from "./status.ts";
import { Unsaved } from "./unsaved.ts";

/** A channel's records as they travel: a complete page. `dehydrate` makes one; so does an object that is asked for a page. */
export type Dehydrated = Pick<Page, "epoch" | "shape" | "version" | "columns" | "key" | "cells">;

/** What is known of a channel's columns and records. */
export type Told = Pick<Channel, "columns" | "key" | "recordOf" | "keyOf">;

/** Milliseconds for which a channel stays subscribed after `ready`, for whoever has waited to subscribe in turn. */
const READY_GRACE = 5000;

/** The channels of one object, over one socket at a time, for any number of watchers. */
export class Store {
  readonly #entries = new Map<string, Entry>();
  readonly #actions: Actions;
  readonly #session: Session;
  #keeper: Keeper | null = null;
  readonly #home: Home | undefined;
  /** Where it is kept; undefined for a store that never had a place in a cache. */
  readonly place: Place | undefined;
  #life: "new" | "started" | "closed" = "new";

  /** Without a place in a cache, records and actions live as long as the store. `app` is the version of the app that the page runs. */
  constructor(socket: SyncSocket, place?: Place, app?: number, home?: Home) {
    this.#home = home;
    this.place = place;
    const [entries, step] = [this.#entries, this.#step];
    const actions = (this.#actions = new Actions(place !== undefined));
    this.#session = new Session(socket, entries, actions, step, app, home);
    if (place && actions.unsaved) this.#keeper = this.#newKeeper(place, actions.unsaved);
  }

  /** Uses this socket from now on; another one was there before if a token was refreshed, say. Returns the end of the use. */
  use(socket: SyncSocket): () => void {
    return this.#session.use(socket);
  }

  /** Watches a channel: `listener` is called after each step that changed its state. Returns the end of the watch. */
  subscribe(channel: string, listener: () => void): () => void {
    this.#home?.arrive();
    this.#session.arrive();
    return this.#watch(channel, listener);
  }

  #watch(channel: string, listener: () => void): () => void {
    const entry = this.#entry(channel);
    const end = listen(entry.listeners, listener);
    this.#start();
    if (!entry.loaded || entry.channel.phase === "idle") this.#step(() => this.#bring(entry));
    return () => {
      // Later, since React's StrictMode ends every watch once to begin it again.
      if (end()) setTimeout(() => this.#unsubscribe(entry));
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
      const end = this.#watch(channel, () => {
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
      if (this.#life === "closed") throw new SyncError("aborted", "The store is closed.");
      if (signal?.aborted) throw new SyncError("aborted");
      const pending = this.#actions.outbox.add(channel, action, onStage);
      signal?.addEventListener("abort", () => this.#step(() => this.#takeBack(pending)), { once: true });
      this.#step(() => this.#session.keep([pending]));
      return pending.progression.receipt;
    } catch (error) {
      return this.#actions.refuse(channel, action, error, onStage);
    }
  }

  /** Tells `listener` of refused actions until the function that it returns is called. */
  onRejected(listener: RejectionListener): () => void {
    return this.#actions.onRejected(listener);
  }

  /**
   * Tells `listener` of the events that the object sends to whoever follows the channel, as long as it is watched, until the function
   * returned is called. What was sent while the line was down is not heard of: an event is stored nowhere.
   */
  onEvent(channel: string, listener: (event: unknown) => void): () => void {
    return listen(this.#entry(channel).eventListeners, listener);
  }

  /** What the object has told of a channel: the names of its columns, and its records by key. */
  told(channel: string): Told {
    return this.#entry(channel).channel;
  }

  /** Starts a channel from records that were rendered elsewhere, a server say. It does nothing if records are here already. */
  hydrate(channel: string, { epoch, shape, version, columns, key, cells }: Dehydrated): void {
    const meta: ChannelMeta = { cursor: { epoch, shape, version }, columns, key, snapshot: null };
    const entry = this.#entry(channel);
    if (!entry.channel.restore({ meta, rows: transpose(cells, decodeCell) }, false)) return;
    entry.loaded = true;
    entry.state = null;
  }

  /** The channel's records for `hydrate` elsewhere, as JSON; null while they are not exactly those of one version. */
  dehydrate(channel: string): Dehydrated | null {
    const { records, cursor, columns, key, whole } = this.#entry(channel).channel;
    if (!cursor || !whole) return null;
    return { ...cursor, columns: [...columns], key: [...key], cells: transpose(records, encodeCell) };
  }

  /**
   * Wipes the object's records and unsent actions, here, in the cache, and in the other tabs: for logging out. Actions whose outcome is not
   * known are rejected with the code "cleared". A channel that is still watched is fetched anew.
   */
  async clear(): Promise<void> {
    this.#step(() => this.#forget());
    await this.#keeper?.clear();
  }

  /** Ends the store for good: it listens no more, and another tab takes over what is not settled. The socket stays as its owner left it. */
  close(): void {
    if (this.#life === "closed") return;
    this.#life = "closed";
    this.#actions.leaveAll();
    for (const tell of this.#actions.takeNews()) attempt(tell);
    this.#session.detach();
    this.#keeper?.close();
    this.#home?.note(false);
  }

  get closed(): boolean {
    return this.#life === "closed";
  }

  /** Looks again at who is at the page. */
  look(): void {
    this.#step(() => {});
  }

  /** The actions without an outcome, and the clients under whose ids the cache may hold them. */
  waiting(): { actions: Pending[]; clients: string[] } {
    const { outbox, unsaved } = this.#actions;
    return { actions: [...outbox.unsettled()], clients: [outbox.client, ...(unsaved?.dropped ?? [])] };
  }

  /** Everything that changes the state runs in here: watchers hear of it once, when all of it is done. */
  readonly #step = (change: () => void): void => {
    if (this.#life === "closed") return;
    change();
    this.#actions.release(this.#entries);
    this.#session.tend();
    this.#home?.note(this.#actions.outbox.size > 0);
    for (const entry of this.#entries.values()) entry.state = null;
    this.#keeper?.save();
    const news = this.#actions.takeNews();
    for (const entry of [...this.#entries.values()]) {
      const before = entry.last;
      if (this.getState(entry.channel.name) !== before) for (const listener of [...entry.listeners]) attempt(listener);
    }
    for (const tell of news) attempt(tell);
  };

  #start(): void {
    this.#session.listen();
    if (this.#life !== "new") return;
    this.#home?.arrive();
    this.#life = "started";
    const attach = () => this.#life === "started" && this.#step(() => this.#session.attach());
    if (this.#keeper) void this.#keeper.open().then(attach);
    else attach();
  }

  /** Fetches a channel: from the cache first, then from where that ends. */
  #bring(entry: Entry): void {
    if (entry.loaded) this.#session.bring(entry);
    else this.#keeper?.load(entry);
  }

  #unsubscribe(entry: Entry): void {
    if (entry.listeners.size > 0) return;
    this.#step(() => {
      if (entry.channel.phase !== "idle") this.#session.leave(entry);
    });
  }

  #takeBack(pending: Pending): void {
    const after = this.#actions.outbox.remove(pending);
    if (!after) return;
    this.#actions.withdraw(pending);
    this.#session.keepAgain(after);
  }

  #forget(): void {
    this.#actions.forget();
    this.#keeper?.neighbours.clear();
    for (const { channel } of this.#entries.values()) channel.reset();
    if (this.#session.open && !this.#session.restart()) for (const entry of this.#entries.values()) this.#session.bring(entry);
  }

  #newKeeper(place: Place, unsaved: Unsaved): Keeper {
    const cleared = () => this.#step(() => this.#forget());
    const failed = (error: unknown, rest: Rest) => this.#giveUpCache(place, error, rest);
    const [entries, actions, session, step] = [this.#entries, this.#actions, this.#session, this.#step];
    return new Keeper(place, unsaved, { entries, actions, session, step, cleared, failed });
  }

  /** Goes on without a cache for a while: what it holds is whole, if old, and whatever is settled meanwhile will not run again. */
  #giveUpCache(place: Place, error: unknown, rest: Rest): void {
    this.#keeper = this.#newKeeper(place, new Unsaved(this.#actions.outbox));
    void this.#keeper.comeBack(rest);
    // It has failed again before it had anything.
    if (!this.#actions.unsaved) return;
    console.warn("durasync: records and unsent actions are kept in memory for now.", error);
    this.#step(() => {
      if (this.#actions.goOnInMemory() && this.#session.open) this.#session.restart();
      for (const entry of this.#entries.values()) {
        entry.loaded = true;
        this.#session.bring(entry);
      }
      this.#session.keep(this.#actions.outbox.unsettled());
    });
  }

  #entry(channel: string): Entry {
    return getOrMake(this.#entries, channel, () => newEntry(channel, this.#keeper !== null, !this.#keeper?.persistent));
  }

  #stateOf({ channel, last }: Entry): ChannelState {
    const { records, name } = channel;
    const mine = this.#actions.of(name);
    const status = statusOf(last.status, channel, records !== last.records, {
      pending: mine.length,
      storage: this.#keeper?.persistent ? "persistent" : "memory",
      session: this.#session,
    });
    // The effects of an action that was settled before this socket came with the subscription.
    const visible = mine.filter(({ overtaken }) => !(overtaken && channel.phase === "live"));
    return stateOf(last, { records, pending: [...(this.#keeper?.neighbours.of(channel) ?? []), ...visible], status });
  }
}
