// SPDX-License-Identifier: MIT
import * as limits from "../wasm/build/limits.ts";
import { actionOf, ENVELOPE_SIZE, newPending, type Pending, type SyncAction } from "./action.ts";
import type { StoredAction, StoredClient } from "./cache.ts";
import { SyncError } from "./errors.ts";
import { hexOfBytes, type Outcome } from "./frames.ts";
import type { SendOptions } from "./receipt.ts";

/** Unsettled actions held at most; beyond it, one that nobody can send yet is refused rather than kept at the cost of the page's memory. */
export const MAX_UNSETTLED = 10_000;

/** The actions of one client that are not settled: numbered, and handed out again until their outcome is known. */
export class Outbox {
  /** The object's clock when it last welcomed this client; before that, this page's own when it first sent an action. */
  seen: number | null = null;
  #cached: boolean;
  #client = newClientId();
  #last = 0;
  #added = 0;
  #told = 0;
  /** Up to this number, actions come from an earlier page. */
  #restored = 0;
  /** Up to this order, a cache that has failed may hold actions still, for another page to send under the client that they were kept under. */
  #stranded = 0;
  #unsettled = new Map<number, Pending>();
  /** Settled, but the cache does not know it yet: if the page ended now, the next one would send them again and needs their outcomes. */
  #unforgotten = new Set<number>();

  /** `cached`: a cache keeps the actions, and has to have them before they may be sent. */
  constructor(cached = false) {
    this.#cached = cached;
  }

  /** The id under which the object counts these actions. */
  get client(): string {
    return this.#client;
  }

  /** The last number given away. */
  get last(): number {
    return this.#last;
  }

  /** True if nothing is waited for, neither from the object nor from the cache. */
  get empty(): boolean {
    return this.#unsettled.size === 0 && this.#unforgotten.size === 0;
  }

  /** The highest number whose outcome, and those of all before it, are known and will not be asked for again. */
  get acknowledged(): number {
    const [oldest = this.#last + 1] = this.#unsettled.keys();
    return Math.min(oldest, ...this.#unforgotten) - 1;
  }

  /** True if more is acknowledged than the last frame said. */
  get hasNews(): boolean {
    return this.acknowledged > this.#told;
  }

  /** Actions without an outcome. */
  get size(): number {
    return this.#unsettled.size;
  }

  /** Actions without an outcome, oldest first. */
  unsettled(): IterableIterator<Pending> {
    return this.#unsettled.values();
  }

  /** Takes an action in, or throws a SyncError: it can never be sent (too large, too deep, no JSON), or the outbox is full. */
  add(channel: string, action: SyncAction, onStage?: SendOptions["onStage"]): Pending {
    const pending = newPending(channel, action, onStage);
    if (this.#unsettled.size >= MAX_UNSETTLED) throw new SyncError("outbox_full", `${MAX_UNSETTLED} actions wait for the object.`);
    pending.order = ++this.#added;
    this.#append(pending);
    if (!this.#cached) pending.kept = "memory";
    return pending;
  }

  /** Takes over what another page left behind, as that client; what is here already comes after it. Only while nothing has been sent. */
  restore({ client, last, seen }: StoredClient, stored: readonly StoredAction[]): void {
    const own = [...this.#unsettled.values()];
    this.#unsettled.clear();
    this.#client = client;
    this.#last = this.#restored = last;
    this.#told = 0;
    this.seen = seen;
    for (const action of stored) {
      const { order, number, tried } = action;
      const pending = newPending(action.channel, actionOf(action));
      Object.assign(pending, { order, number, tried, kept: tried ? "tried" : "saved" });
      pending.progression.reach("saved");
      this.#unsettled.set(number, pending);
      this.#added = Math.max(this.#added, order);
    }
    for (const pending of own) {
      pending.order = ++this.#added;
      this.#append(pending);
    }
  }

  /** The action that this outcome settles; null if it was settled before (an outcome may be repeated). */
  settle(outcome: Outcome): Pending | null {
    const pending = this.#unsettled.get(outcome.number);
    if (!pending) return null;
    this.#unsettled.delete(outcome.number);
    if (this.#cached) this.#unforgotten.add(outcome.number);
    return pending;
  }

  /** The cache has let go of these settled actions. */
  forget(gone: readonly Pending[]): void {
    for (const { number } of gone) this.#unforgotten.delete(number);
  }

  /** There is no cache any more. */
  goOnInMemory(): void {
    this.#cached = false;
    this.#stranded = this.#added;
    this.#unforgotten.clear();
    for (const pending of this.#unsettled.values()) pending.kept = "memory";
  }

  /** There is a cache again, which is told of everything that is here. What has not been tried waits for that. */
  goOnCached(): void {
    this.#cached = true;
    this.#stranded = 0;
    for (const pending of this.#unsettled.values()) if (!pending.tried) pending.kept = "not";
  }

  /** Takes back an action that was never sent. Those after it close the gap; they are returned, for the cache. Null if it was sent. */
  remove(pending: Pending): Pending[] | null {
    if (pending.tried || this.#unsettled.get(pending.number) !== pending) return null;
    const after = [...this.#unsettled.values()].filter(({ number }) => number > pending.number);
    this.#last = pending.number - 1;
    this.#unsettled.delete(pending.number);
    this.#renumber(after);
    return after;
  }

  /** Everything is to be sent again: on a new socket, or since the object would not have it. */
  unsend(): void {
    this.resendFrom(1);
  }

  /** Actions from this number on are to be sent again. */
  resendFrom(number: number): void {
    for (const pending of this.#unsettled.values()) {
      if (pending.number < number || !pending.sent) continue;
      pending.sent = false;
      pending.progression.reach(pending.kept === "memory" ? "new" : "saved");
    }
  }

  /**
   * The object has settled everything up to this number, in part before this socket. An action with such a number that counts as never sent
   * shows that the cache has lost what an earlier page wrote last. If this page has made it, it gets a number of its own; those with new
   * numbers are returned, for the cache. If the earlier page has, nobody knows whether that one had sent it: such `doubtful` actions leave
   * the outbox, since they must not run twice.
   */
  overtake(settled: number): { renumbered: Pending[]; doubtful: Pending[] } {
    const [tried, untried] = divide(this.unsettled(), (pending) => pending.tried);
    for (const pending of tried) if (pending.number <= settled) pending.overtaken = true;
    const [doubtful, renumbered] = divide(untried, ({ number }) => number <= Math.min(settled, this.#restored));
    this.#drop(doubtful);
    const [first] = renumbered;
    if (settled <= this.#last && (!first || first.number > settled)) return { renumbered: [], doubtful };
    this.#last = Math.max(settled, tried.at(-1)?.number ?? 0);
    this.#renumber(renumbered);
    return { renumbered, doubtful };
  }

  /**
   * Starts over as a new client, for an object that has forgotten this one, and so perhaps what became of its actions: those that were sent are
   * returned, with those that a failed cache may hold under the old id, which are left to whoever finds them there.
   */
  renew(): Pending[] {
    const [left, all] = divide(this.unsettled(), ({ tried, order }) => tried || order <= this.#stranded);
    this.#unsettled.clear();
    this.#unforgotten.clear();
    this.#client = newClientId();
    this.#last = this.#restored = 0;
    this.#told = 0;
    this.seen = null;
    const kept = this.#cached ? "not" : "memory";
    for (const pending of all) pending.kept = kept;
    this.#renumber(all);
    return left;
  }

  /** Starts over as a new client with nothing to send. */
  reset(): void {
    this.#unsettled.clear();
    this.renew();
  }

  /** The next actions frame, null if there is nothing to send now; the actions in it count as sent. */
  take(): string | null {
    const actions: string[] = [];
    let size = ENVELOPE_SIZE;
    let flying = this.#unforgotten.size;
    for (const pending of this.#unsettled.values()) {
      flying++;
      if (pending.sent) continue;
      // More than maxOutcomes in flight could make the object refuse to remember more outcomes.
      const isFull = flying > limits.maxOutcomes || actions.length === limits.maxActions || size + pending.size > limits.maxFrame;
      if (isFull || pending.kept === "not" || pending.kept === "saved") break;
      size += pending.size;
      pending.sent = pending.tried = true;
      pending.progression.reach("sent");
      actions.push(`{"number":${pending.number},${pending.body}`);
    }
    if (actions.length === 0) return null;
    this.seen ??= Date.now();
    this.#told = this.acknowledged;
    return `{"type":"actions","acknowledged":${this.#told},"actions":[${actions.join(",")}]}`;
  }

  #append(pending: Pending): void {
    pending.number = ++this.#last;
    this.#unsettled.set(pending.number, pending);
  }

  #drop(some: readonly Pending[]): void {
    for (const { number } of some) this.#unsettled.delete(number);
  }

  #renumber(some: readonly Pending[]): void {
    this.#drop(some);
    for (const pending of some) this.#append(pending);
  }
}

/** Those of which `isFirst` is true, and the others, each in order. */
function divide(some: Iterable<Pending>, isFirst: (pending: Pending) => boolean): [first: Pending[], others: Pending[]] {
  const parts: [Pending[], Pending[]] = [[], []];
  for (const pending of some) parts[isFirst(pending) ? 0 : 1].push(pending);
  return parts;
}

/** Not crypto.randomUUID, which a page served without TLS (a phone on the local network) does not have. */
function newClientId(): string {
  return hexOfBytes(crypto.getRandomValues(new Uint8Array(16)));
}
