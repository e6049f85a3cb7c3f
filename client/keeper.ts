// SPDX-License-Identifier: MIT
import type { Actions } from "./actions.ts";
import type { Cache, StoredAction, StoredClient, StoredOutboxes } from "./cache.ts";
import type { Entry } from "./entry.ts";
import { Neighbours } from "./neighbours.ts";
import type { Session, Step } from "./session.ts";
import { Tabs, type Release } from "./tabs.ts";
import type { Unsaved } from "./unsaved.ts";

/** Milliseconds that a cache may take to answer before the page goes on without it. */
export const CACHE_PATIENCE = 5000;

/** A place in a cache. */
export type Place = { cache: Cache; scope: string };

/** A client that another tab has left behind, and which this one owns. */
type Orphan = { client: string; release: Release };

/** What the cache has of a client. */
type Found = { client: StoredClient; actions: StoredAction[] };

/** The store around a keeper. */
export type Surroundings = {
  readonly entries: ReadonlyMap<string, Entry>;
  readonly actions: Actions;
  readonly session: Session;
  readonly step: Step;
  /** Another tab has wiped everything. */
  cleared(): void;
  /** The cache is of no use any more; the keeper is closed. Until `release`, no other tab takes over the client, which goes on in memory. */
  failed(error: unknown, release: Release | null): void;
};

/**
 * A store's side of the cache: it reads once, then writes what changes, one transaction after another. It listens to the other tabs, too,
 * and takes over what they leave behind.
 */
export class Keeper {
  /** What the other tabs are doing. */
  readonly neighbours = new Neighbours();
  readonly #cache: Cache;
  readonly #scope: string;
  readonly #around: Surroundings;
  readonly #unsaved: Unsaved;
  readonly #tabs: Tabs;
  /** The client whose lock this tab holds, or is about to. */
  #client = "";
  #release: Release | null = null;
  /** Locks of the clients that it was before, for as long as another tab would find there what is this one's now. */
  readonly #left = new Map<string, Release>();
  #life: "opening" | "open" | "closed" = "opening";
  #writing = false;
  #asked = false;
  readonly #orphans: Orphan[] = [];
  #inheriting = false;

  constructor({ cache, scope }: Place, unsaved: Unsaved, around: Surroundings) {
    this.#cache = cache;
    this.#scope = scope;
    this.#unsaved = unsaved;
    this.#around = around;
    this.#tabs = new Tabs(scope, (news) => {
      if (news === "cleared") around.cleared();
      void this.#look();
    });
  }

  /** Becomes a client that an earlier page left behind, one with actions if possible. Until it resolves, nothing is written. */
  async open(): Promise<void> {
    try {
      const { outbox } = this.#around.actions;
      if (!(await this.#goOnAsAnother())) this.#own(outbox.client, await this.#tabs.claim(outbox.client));
      await this.#look();
      if (this.#life === "opening") this.#life = "open";
      this.save();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Looks for the channel's records. They do not take the place of newer ones: the channel sees to that. */
  load(entry: Entry): void {
    if (entry.loading) return;
    entry.loading = true;
    const onLoaded = (stored: Awaited<ReturnType<Cache["readChannel"]>>) => {
      if (entry.loaded) return;
      entry.loaded = true;
      if (stored) entry.channel.restore(stored, true);
      this.#around.session.bring(entry);
    };
    this.#patiently(this.#cache.readChannel(this.#scope, entry.channel.name)).then(
      (stored) => this.#around.step(() => onLoaded(stored)),
      (error: unknown) => this.#fail(error),
    );
  }

  /** Writes what there is to write, after what is being written already. */
  save(): void {
    if (this.#life !== "open") return;
    const { client } = this.#around.actions.outbox;
    if (client !== this.#client) void this.#rename(client).catch((error: unknown) => this.#fail(error));
    for (const [old, release] of this.#left) {
      if (this.#unsaved.dropped.includes(old)) continue;
      this.#left.delete(old);
      release();
    }
    this.#asked ||= this.#unsaved.pending || this.#dirtyChannels().length > 0;
    // A client comes into the cache once its lock is held: whoever found it there before could become it, too.
    if (!this.#writing && this.#release) void this.#writeAll();
    void this.#inherit();
  }

  async clear(): Promise<void> {
    await this.#cache.clear(this.#scope);
    this.#tabs.announce("cleared");
    // A look that began before has seen what is gone now.
    await this.#look();
  }

  close(): void {
    this.#life = "closed";
    this.#tabs.close();
  }

  #fail(error: unknown): void {
    if (this.#life === "closed") return;
    this.#life = "closed";
    this.#tabs.close(this.#release);
    this.#around.failed(error, this.#release);
  }

  // --- writing

  async #writeAll(): Promise<void> {
    this.#writing = true;
    try {
      while (this.#asked && this.#release && this.#life === "open") {
        this.#asked = false;
        const batch = this.#unsaved.take(this.#dirtyChannels(), this.#around.session.sending);
        if (!batch) continue;
        await this.#cache.write(this.#scope, batch.write);
        // The cache may have failed meanwhile: the actions are kept in memory then.
        if (this.#life !== "open") return;
        this.#around.step(() => {
          batch.done();
          // What was saved while it could not be sent has to be saved as tried before it is.
          if (this.#around.session.sending) this.#around.session.keep(this.#around.actions.outbox.unsettled());
        });
        if (batch.write.client || batch.write.drop.length > 0) this.#tabs.announce("outbox");
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#writing = false;
    }
  }

  #dirtyChannels() {
    return [...this.#around.entries.values()].map(({ channel }) => channel).filter(({ dirty }) => dirty);
  }

  // --- other tabs

  /** Looks at what the other tabs have in their outboxes, and waits for those of them that end. */
  async #look(): Promise<void> {
    try {
      const before = this.#client;
      const { actions, cursors } = await this.#readOutboxes();
      // This tab may have become another client meanwhile: what was its own is no neighbour's.
      const others = actions.filter(({ client }) => client !== before && client !== this.#client);
      for (const client of new Set(others.map((action) => action.client))) {
        this.#tabs.inherit(client, (release) => {
          this.#orphans.push({ client, release });
          void this.#inherit();
        });
      }
      this.#around.step(() => this.neighbours.update({ actions: others, cursors }, this.#client));
    } catch (error) {
      this.#fail(error);
    }
  }

  async #goOnAsAnother(): Promise<boolean> {
    const { clients, actions } = await this.#readOutboxes();
    for (const client of new Set([...actions, ...clients].map((kept) => kept.client))) {
      const release = await this.#tabs.claim(client);
      // Read again: it may have been another's until just now.
      const found = release && (await this.#read(client));
      if (found) {
        this.#own(client, release);
        this.#around.step(() => this.#restore(found));
        return true;
      }
      release?.();
    }
    return false;
  }

  /** Becomes the client that another tab has left behind, as soon as nothing of this tab's own is under way. */
  async #inherit(): Promise<void> {
    const { actions } = this.#around;
    const isIdle = () => actions.idle && this.#life === "open";
    if (this.#inheriting || !isIdle()) return;
    const orphan = this.#orphans.shift();
    if (!orphan) return;
    this.#inheriting = true;
    try {
      const found = await this.#read(orphan.client);
      if (!found) {
        orphan.release();
        // It may have ended before it could say that it had cleared everything.
        await this.#look();
      } else if (!isIdle()) this.#orphans.push(orphan);
      else await this.#takeOver(orphan, found);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#inheriting = false;
    }
    // The next one, if there is nothing to do for this one.
    void this.#inherit();
  }

  async #takeOver({ client, release }: Orphan, found: Found): Promise<void> {
    const { actions, session, step } = this.#around;
    this.#own(client, release);
    step(() => {
      this.#unsaved.startOver(actions.outbox.client);
      this.neighbours.drop(client);
      this.#restore(found);
      session.restart();
    });
    await this.#look();
  }

  #restore({ client, actions }: Found): void {
    this.#unsaved.goOn();
    this.#around.actions.outbox.restore(client, actions);
    this.#around.session.unwelcome = true;
  }

  /** The tab's client is another from now on. */
  #own(client: string, release: Release | null): void {
    this.#release?.();
    this.#client = client;
    this.#release = release;
  }

  /** The tab's client has a fresh id, which nobody else can know yet. */
  async #rename(client: string): Promise<void> {
    if (this.#release) this.#left.set(this.#client, this.#release);
    [this.#client, this.#release] = [client, null];
    const release = await this.#tabs.claim(client);
    if (this.#client !== client) return release?.();
    this.#release = release;
    this.save();
  }

  /** What a client, whose lock this tab holds, has left behind; null if it is not there any more. */
  async #read(client: string): Promise<Found | null> {
    const { clients, actions } = await this.#readOutboxes();
    const stored = clients.find((other) => other.client === client);
    return stored ? { client: stored, actions: actions.filter((action) => action.client === client) } : null;
  }

  #readOutboxes(): Promise<StoredOutboxes> {
    return this.#patiently(this.#cache.readOutboxes(this.#scope));
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
