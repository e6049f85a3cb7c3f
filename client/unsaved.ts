// SPDX-License-Identifier: MIT
import { storedAction, type Pending } from "./action.ts";
import type { CacheWrite, ChannelMeta } from "./cache.ts";
import type { Channel } from "./channel.ts";
import type { Outbox } from "./outbox.ts";

/** What to write, and what to do once it is written. */
export type Batch = { write: CacheWrite; done: () => void };

/** What the cache has yet to hear of an outbox, and how it is told: effects and the outcomes that they belong to in one write. */
export class Unsaved {
  readonly #outbox: Outbox;
  readonly #changed = new Set<Pending>();
  #gone: Pending[] = [];
  /** What is told once it is written. */
  readonly #later = new Set<() => void>();
  /** Clients that the outbox was before, for as long as the cache may hold its actions under them. */
  dropped: readonly string[] = [];
  #clientChanged = false;
  /** What the cache has of the client is from before it failed. */
  #outdated = false;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /** True if there is anything to write. */
  get pending(): boolean {
    return this.#changed.size > 0 || this.#gone.length > 0 || this.#later.size > 0 || this.#clientChanged || this.#outdated;
  }

  /** Actions that may not be sent before the cache has them. */
  add(some: Iterable<Pending>): void {
    for (const pending of some) if (pending.kept !== "tried") this.#changed.add(pending);
  }

  /** Actions that the cache has with another number, or under another client. */
  addAgain(some: readonly Pending[]): void {
    for (const pending of some) pending.kept = "not";
    this.add(some);
  }

  /** A cache that has failed works again: it is to have what is unsettled now, and nothing else of this client. */
  addAll(): void {
    this.#outdated = true;
    for (const pending of this.#outbox.unsettled()) this.#changed.add(pending);
  }

  /** A settled action; `tell` is called once the cache has let go of it. */
  remove(pending: Pending, tell?: () => void): void {
    this.#changed.delete(pending);
    this.#gone.push(pending);
    if (tell) this.#later.add(tell);
  }

  /** Tells what waits for being written, which nothing will be any more. */
  tellAll(): void {
    for (const tell of this.#later) tell();
    this.#later.clear();
  }

  /** The client's own record has changed. */
  touch(): void {
    this.#clientChanged = true;
  }

  /** The outbox goes on as a client that has been in the cache all along; what this page has taken back so far has not. */
  goOn(): void {
    this.#gone = [];
  }

  /** The outbox is another client's now; `old` is no more. */
  startOver(old: string): void {
    this.#empty();
    this.dropped = [...this.dropped, old];
    this.#clientChanged = true;
  }

  /** Nothing of what the cache has yet to hear matters any more. */
  clear(): void {
    this.#empty();
    this.dropped = [];
  }

  #empty(): void {
    this.#changed.clear();
    this.#gone = [];
    this.#clientChanged = false;
  }

  /**
   * Everything that is to be written now, with the channels that have changed; null if there is nothing. `trying`: the actions are about
   * to be sent.
   */
  take(channels: readonly Channel[], trying: boolean): Batch | null {
    if (!this.pending && channels.length === 0) return null;
    if (trying && this.#changed.size > 0) this.#outbox.seen ??= Date.now();
    const { client, last, seen } = this.#outbox;
    const [put, gone, later] = [[...this.#changed], this.#gone, [...this.#later]];
    const isNew = this.#outdated || this.#clientChanged || put.length > 0 || gone.length > 0;
    const write = {
      channels: new Map(channels.map((channel) => [channel.name, (stored: ChannelMeta | null) => channel.takeUnsaved(stored)])),
      client: isNew ? { client, last, seen } : null,
      put: put.map((pending) => storedAction(client, pending, trying || pending.tried)),
      del: gone.map(({ order }) => order),
      drop: this.#outdated ? [...this.dropped, client] : this.dropped,
    };
    this.#empty();
    this.#outdated = false;
    const done = () => {
      this.dropped = this.dropped.filter((old) => !write.drop.includes(old));
      for (const tell of later) if (this.#later.delete(tell)) tell();
      // Of another client's actions it does not matter any more what the cache knew.
      if (client !== this.#outbox.client) return;
      this.#outbox.forget(gone);
      for (const pending of put) this.#onPut(pending, trying);
    };
    return { write, done };
  }

  /** What has changed since is written once more. */
  #onPut(pending: Pending, trying: boolean): void {
    if (this.#changed.has(pending) || pending.progression.stage === "rejected") return;
    pending.kept = trying || pending.tried ? "tried" : "saved";
    if (!pending.sent) pending.progression.reach("saved");
  }
}
