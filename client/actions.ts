// SPDX-License-Identifier: MIT
import { copyOf, type Pending, type SyncAction } from "./action.ts";
import { isAwaited, type Entry } from "./entry.ts";
import { SyncError } from "./errors.ts";
import type { Outcome } from "./frames.ts";
import { Outbox } from "./outbox.ts";
import { Progression, type Receipt, type SendOptions, type Settled } from "./receipt.ts";
import { Unsaved } from "./unsaved.ts";

/** Told of every action that was refused, by the object or before it was sent. */
export type RejectionListener = (error: SyncError, action: SyncAction, channel: string) => void;

/** The actions of a store: those in the outbox, those whose effects are still to come, and who is told what became of each. */
export class Actions {
  readonly outbox: Outbox;
  /** What the cache has yet to hear; null without a cache. */
  unsaved: Unsaved | null;
  /** Committed, but with effects that are not among the records yet: their channel is not in step. */
  readonly #held = new Map<Pending, Settled>();
  readonly #listeners = new Set<RejectionListener>();
  /** Actions whose outcome has come. */
  settled = 0;
  /** What is to be told once the step at hand is done. */
  #later: (() => void)[] = [];

  /** `cached`: a cache keeps the actions. */
  constructor(cached: boolean) {
    this.outbox = new Outbox(cached);
    this.unsaved = cached ? new Unsaved(this.outbox) : null;
  }

  /** True if nothing is under way, neither to the object nor to the cache. */
  get idle(): boolean {
    return this.outbox.empty && this.#held.size === 0 && !this.unsaved?.pending;
  }

  /** True if there are receipts to be told of. */
  get wanted(): boolean {
    for (const { left } of this.outbox.unsettled()) if (!left) return true;
    return this.#held.size > 0;
  }

  /** The actions of a channel whose effects are not among its records, oldest first. */
  of(channel: string): Pending[] {
    const all = [...this.#held.keys(), ...this.outbox.unsettled()];
    return all.filter((pending) => pending.channel === channel).sort((a, b) => a.order - b.order);
  }

  /** The receipt of an action that cannot even be sent. Its rejection is told later, as every other. */
  refuse(channel: string, action: SyncAction, error: unknown, onStage: SendOptions["onStage"]): Receipt {
    const rejection = error instanceof SyncError ? error : new SyncError("internal", String(error));
    const progression = new Progression(onStage);
    progression.reject(rejection);
    progression.receipt.catch(() => this.#tellRejection(rejection, action, channel));
    return progression.receipt;
  }

  settle(outcome: Outcome): void {
    const pending = this.outbox.settle(outcome);
    if (!pending) return;
    this.settled++;
    if (outcome.status === "committed") this.#held.set(pending, { result: outcome.result });
    else this.reject(pending, new SyncError(outcome.code, outcome.message, outcome.data));
  }

  /** Rejects an action that has left the outbox. */
  reject(pending: Pending, error: SyncError): void {
    this.unsaved?.remove(pending);
    this.#rejectLater(pending, error);
  }

  /** Rejects an action that was taken back, once no later page can find it in the cache and send it. */
  withdraw(pending: Pending): void {
    const tell = () => this.#rejectLater(pending, new SyncError("aborted"));
    if (this.unsaved) this.unsaved.remove(pending, tell);
    else tell();
  }

  #rejectLater(pending: Pending, error: SyncError): void {
    this.#later.push(
      () => pending.progression.reject(error),
      () => this.#tellRejection(error, copyOf(pending), pending.channel),
    );
  }

  /** Those who wait have done so for one more part of their time, with nobody there; those for whom it was the last are told. */
  wait(most: number): void {
    for (const [pending, settled] of this.#held) if (++pending.waited >= most) this.#commit(pending, settled);
    // What is still being saved is not left anywhere yet.
    for (const pending of this.outbox.unsettled()) if (pending.kept !== "not" && ++pending.waited >= most) this.#leave(pending);
  }

  /** Nothing more is done for the actions that are kept. */
  leave(): void {
    this.wait(0);
  }

  /** The store is closed: nothing more is done for any. */
  leaveAll(): void {
    for (const [pending, settled] of this.#held) this.#commit(pending, settled);
    for (const pending of this.outbox.unsettled()) this.#leave(pending);
  }

  #leave(pending: Pending): void {
    if (pending.left) return;
    pending.left = true;
    this.#later.push(() => pending.progression.leave());
  }

  /** There is somebody again, or some success: those who wait may wait on. */
  resume(): void {
    for (const pending of this.outbox.unsettled()) {
      Object.assign(pending, { waited: 0, left: false });
      pending.progression.resume(pending.kept === "memory" ? "new" : "saved");
    }
  }

  /** Lets go of the committed actions whose effects are among the records, or whose channel nobody watches. */
  release(entries: ReadonlyMap<string, Entry>): void {
    for (const [pending, settled] of this.#held) {
      const entry = entries.get(pending.channel);
      if (!entry || !isAwaited(entry)) this.#commit(pending, settled);
    }
  }

  #commit(pending: Pending, settled: Settled): void {
    this.#held.delete(pending);
    this.unsaved?.remove(pending);
    this.#later.push(() => pending.progression.commit(settled));
  }

  /** Wipes everything, for a client that starts over. */
  forget(): void {
    for (const pending of [...this.outbox.unsettled(), ...this.#held.keys()]) {
      this.#later.push(() => pending.progression.reject(new SyncError("cleared")));
    }
    this.#held.clear();
    this.unsaved?.tellAll();
    this.unsaved?.clear();
    this.outbox.reset();
  }

  /** There is no cache any more. True if it may hold the actions under another client: then the outbox has started over without them. */
  goOnInMemory(): boolean {
    const { unsaved } = this;
    this.unsaved = null;
    unsaved?.tellAll();
    this.outbox.goOnInMemory();
    if (!unsaved?.dropped.length) return false;
    this.startOver();
    return true;
  }

  /** A cache that has failed works again. */
  goOnCached(unsaved: Unsaved): void {
    this.unsaved = unsaved;
    this.outbox.goOnCached();
    unsaved.addAll();
  }

  /** Starts over as a new client. Of the actions that were sent, and of those that a failed cache may hold, nobody knows whether they were, or will be, carried out. */
  startOver(error = new SyncError("client_forgotten")): void {
    const old = this.outbox.client;
    const left = this.outbox.renew();
    this.unsaved?.startOver(old);
    for (const pending of left) this.#rejectLater(pending, error);
  }

  /** Tells `listener` of refused actions until the function that it returns is called. */
  onRejected(listener: RejectionListener): () => void {
    return listen(this.#listeners, listener);
  }

  /** Tells something once the step at hand is done. */
  later(tell: () => void): void {
    this.#later.push(tell);
  }

  /** What is to be told of the step that is done. */
  takeNews(): (() => void)[] {
    const later = this.#later;
    this.#later = [];
    return later;
  }

  #tellRejection(...rejection: Parameters<RejectionListener>): void {
    for (const listener of [...this.#listeners]) attempt(() => listener(...rejection));
  }
}

/** Adds a listener, on its own each time, so that the same function may listen twice. Returns the end of it: true when it is first called. */
export function listen<A extends unknown[]>(listeners: Set<(...told: A) => void>, listener: (...told: A) => void): () => boolean {
  const own = (...told: A) => listener(...told);
  listeners.add(own);
  return () => listeners.delete(own);
}

/** Runs a stranger's function: what it throws is reported and must not keep the others from being told. */
export function attempt(tell: () => void): void {
  try {
    tell();
  } catch (error) {
    console.error(error);
  }
}
