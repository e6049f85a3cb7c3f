// SPDX-License-Identifier: MIT
import type { Cache, CacheWrite, StoredAction, StoredChannel, StoredClient, StoredOutboxes } from "./cache.ts";
import { Tabs, type Release } from "./tabs.ts";

/** Milliseconds that a cache may take to answer before the page goes on without it. */
export const CACHE_PATIENCE = 5000;

/** What to write, and what to do once it is written. */
export type Batch = { write: CacheWrite; done: () => void };

export type KeeperEvents = {
  /** What is to be written now; null if nothing is. */
  collect(): Batch | null;
  /** The other tabs' actions, and how far the cache was at that moment. */
  neighbours(outboxes: StoredOutboxes): void;
  /** A tab has left actions behind, and this one owns its client now. */
  orphan(client: string, release: Release): void;
  cleared(): void;
  /** The cache is of no use any more. */
  failed(error: unknown): void;
};

/** A store's side of the cache: it reads once, then writes what changes, one transaction after another, and listens to the other tabs. */
export class Keeper {
  readonly #cache: Cache;
  readonly #scope: string;
  readonly #events: KeeperEvents;
  readonly #tabs: Tabs;
  #client = "";
  #release: Release | null = null;
  #writing = false;
  #asked = false;
  #closed = false;

  constructor(cache: Cache, scope: string, events: KeeperEvents) {
    this.#cache = cache;
    this.#scope = scope;
    this.#events = events;
    this.#tabs = new Tabs(scope, (news) => (news === "cleared" ? events.cleared() : void this.look()));
  }

  /** A client that an earlier page left behind, one with actions if possible, and that is this tab's now; null if `fresh` is. */
  async open(fresh: string): Promise<{ client: StoredClient; actions: StoredAction[] } | null> {
    const { clients, actions } = await this.#patiently(this.#cache.readOutboxes(this.#scope));
    const busy = new Set(actions.map(({ client }) => client));
    for (const { client } of clients.toSorted((a, b) => Number(busy.has(b.client)) - Number(busy.has(a.client)))) {
      const release = await this.#tabs.claim(client);
      if (!release) continue;
      // Read again: it may have been another's until just now.
      const inherited = await this.read(client);
      if (inherited) {
        this.own(client, release);
        return inherited;
      }
      release();
    }
    this.own(fresh, await this.#tabs.claim(fresh));
    return null;
  }

  /** What a client, whose lock this tab holds, has left behind; null if it is not there any more. */
  async read(client: string): Promise<{ client: StoredClient; actions: StoredAction[] } | null> {
    const { clients, actions } = await this.#patiently(this.#cache.readOutboxes(this.#scope));
    const stored = clients.find((other) => other.client === client);
    return stored ? { client: stored, actions: actions.filter((action) => action.client === client) } : null;
  }

  /** The tab's client is another from now on. */
  own(client: string, release: Release | null): void {
    this.#release?.();
    this.#client = client;
    this.#release = release;
  }

  /** Takes a fresh client id for the tab; nobody else can know it yet. */
  async renew(client: string): Promise<void> {
    this.own(client, null);
    const release = await this.#tabs.claim(client);
    if (this.#client === client) this.#release = release;
    else release?.();
  }

  readChannel(channel: string): Promise<StoredChannel | null> {
    return this.#patiently(this.#cache.readChannel(this.#scope, channel));
  }

  /** Looks at what the other tabs have in their outboxes, and waits for those of them that end. */
  async look(): Promise<void> {
    if (this.#closed) return;
    try {
      const outboxes = await this.#cache.readOutboxes(this.#scope);
      if (this.#closed) return;
      const others = outboxes.actions.filter(({ client }) => client !== this.#client);
      for (const client of new Set(others.map((action) => action.client))) {
        this.#tabs.inherit(client, (release) => this.#events.orphan(client, release));
      }
      this.#events.neighbours({ ...outboxes, actions: others });
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Writes what there is to write, after what is being written already. */
  save(): void {
    this.#asked = true;
    if (!this.#writing) void this.#writeAll();
  }

  async clear(): Promise<void> {
    await this.#cache.clear(this.#scope);
    this.#tabs.announce("cleared");
  }

  close(): void {
    this.#closed = true;
    this.#tabs.close();
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    try {
      while (this.#asked && !this.#closed) {
        this.#asked = false;
        const batch = this.#events.collect();
        if (!batch) continue;
        await this.#cache.write(this.#scope, batch.write);
        if (this.#closed) return;
        batch.done();
        if (batch.write.client || batch.write.drop !== null) this.#tabs.announce("outbox");
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#writing = false;
    }
  }

  #fail(error: unknown): void {
    if (this.#closed) return;
    this.close();
    this.#events.failed(error);
  }

  async #patiently<T>(reading: Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("The cache does not answer.")), CACHE_PATIENCE);
    });
    try {
      return await Promise.race([reading, tooLate]);
    } finally {
      clearTimeout(timer);
    }
  }
}
