// SPDX-License-Identifier: MIT
import type { Actions } from "./actions.ts";
import type { Cache, StoredAction, StoredClient, StoredOutboxes } from "./cache.ts";
import type { Entry } from "./entry.ts";
import { Neighbours } from "./neighbours.ts";
import type { Session, Step } from "./session.ts";
import { Tabs, type Release } from "./tabs.ts";
import type { Unsaved } from "./unsaved.ts";
import { isAction, isClient } from "./wire.ts";

/** Milliseconds that a cache may take to answer before the page goes on without it; a write of many records may take one for each. */
export const CACHE_PATIENCE = 5000;

/** Milliseconds until a cache that has failed is tried again. Each failure more doubles them, up to a minute. */
export const CACHE_PAUSE = 2000;
const LONGEST_PAUSE = 60_000;

/** A place in a cache. */
export type Place = { cache: Cache; scope: string };

/** A client that another tab has left behind, and which this one owns. */
type Orphan = { client: string; release: Release };

/** What the cache has of a client. */
type Found = { client: StoredClient; actions: StoredAction[] };

/** What a keeper whose cache has failed leaves to the next: its client, which no other tab may take over meanwhile, and the pause. */
export type Rest = { client: string; release: Release | null; pause: number };

/** The store around a keeper. */
export type Surroundings = {
  readonly entries: ReadonlyMap<string, Entry>;
  readonly actions: Actions;
  readonly session: Session;
  readonly step: Step;
  /** Another tab has wiped everything. */
  cleared(): void;
  /** The cache is of no use at present; the keeper is closed, and the client goes on in memory. */
  failed(error: unknown, rest: Rest): void;
};

/**
 * A store's side of the cache: it reads once, then writes what changes, one transaction after another. It listens to the other tabs, too,
 * and takes over what they leave behind.
 */
export class Keeper {
  /** What the other tabs are doing. */
  readonly neighbours = new Neighbours();
  /** False from a failure on until the cache has everything again. */
  persistent = true;
  #pause = CACHE_PAUSE;
  #timer: ReturnType<typeof setTimeout> | undefined;
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
      if (this.#looks) void this.#look();
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

  /**
   * Goes on where a keeper's cache has failed. Whoever else has the client's lock could become that client, so this tab has kept it: what
   * the cache has of the client is whole, if old, and is replaced in one write by what is here.
   */
  async comeBack({ client, release, pause }: Rest): Promise<void> {
    [this.#client, this.#release, this.#pause] = [client, release, Math.min(2 * pause, LONGEST_PAUSE)];
    this.persistent = false;
    try {
      await new Promise((resolve) => (this.#timer = setTimeout(resolve, pause)));
      // Nothing is written, only to see whether it works: meanwhile actions are sent.
      await this.#patiently(this.#cache.write(this.#scope, { channels: new Map(), client: null, put: [], del: [], drop: [] }));
      if (this.#life !== "opening") return;
      this.#life = "open";
      const { entries, actions, step } = this.#around;
      step(() => {
        for (const { channel } of entries.values()) channel.tellAgain();
        actions.goOnCached(this.#unsaved);
      });
      await this.#look();
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

  /** False while it waits for a cache that has failed. */
  get #looks(): boolean {
    return this.persistent || this.#life === "open";
  }

  /** Rejects if the cache does not do it: somebody may want to be sure that nothing is left. */
  async clear(): Promise<void> {
    try {
      await this.#patiently(this.#cache.clear(this.#scope));
    } catch (error) {
      this.#fail(error);
      throw error;
    }
    if (this.#life === "closed") return;
    this.#tabs.announce("cleared");
    // A look that began before has seen what is gone now.
    if (this.#looks) await this.#look();
  }

  close(): void {
    this.#end(null);
    this.#release?.();
  }

  #end(kept: Release | null): void {
    this.#life = "closed";
    clearTimeout(this.#timer);
    this.#tabs.close(kept);
  }

  #fail(error: unknown): void {
    if (this.#life === "closed") return;
    this.#end(this.#release);
    const client = this.#release ? this.#client : "";
    this.#around.failed(error, { client, release: this.#release, pause: this.#pause });
  }

  // --- writing

  async #writeAll(): Promise<void> {
    this.#writing = true;
    try {
      while (this.#asked && this.#release && this.#life === "open") {
        this.#asked = false;
        const channels = this.#dirtyChannels();
        const batch = this.#unsaved.take(channels, this.#around.session.sending);
        if (!batch) continue;
        const rows = channels.reduce((sum, { size }) => sum + size, 0);
        await this.#patiently(this.#cache.write(this.#scope, batch.write), Math.max(CACHE_PATIENCE, rows));
        // The cache may have failed meanwhile: the actions are kept in memory then.
        if (this.#life !== "open") return;
        this.#around.step(() => {
          [this.persistent, this.#pause] = [true, CACHE_PAUSE];
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
      // Nobody would let go of the locks that it would wait for.
      if (this.#life === "closed") return;
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
      // A clear may have failed meanwhile.
      if (found && this.#life === "opening") {
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
    if (!release) throw new Error("The client is another tab's.");
    this.#release = release;
    this.save();
  }

  /** What a client, whose lock this tab holds, has left behind; null if it is not there any more. */
  async #read(client: string): Promise<Found | null> {
    const { clients, actions } = await this.#readOutboxes();
    const stored = clients.find((other) => other.client === client);
    return stored ? { client: stored, actions: actions.filter((action) => action.client === client) } : null;
  }

  /** A client with anything that cannot be read is left alone: its other actions must not run without those before them. */
  async #readOutboxes(): Promise<StoredOutboxes> {
    const { clients, actions, cursors } = await this.#patiently(this.#cache.readOutboxes(this.#scope));
    const torn = new Set(actions.filter((action) => !isAction(action)).map((action) => Object(action).client));
    const isWhole = (kept: StoredClient | StoredAction) => !torn.has(Object(kept).client);
    return { clients: clients.filter((client) => isClient(client) && isWhole(client)), actions: actions.filter(isWhole), cursors };
  }

  async #patiently<T>(answer: Promise<T>, patience = CACHE_PATIENCE): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("The cache does not answer.")), patience);
    });
    try {
      return await Promise.race([answer, tooLate]);
    } finally {
      clearTimeout(timer);
    }
  }
}
