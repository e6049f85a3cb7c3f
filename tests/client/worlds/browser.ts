// SPDX-License-Identifier: MIT
// A browser around a world's pages: the storage, the locks and the messages that they share, each of which takes effect when the world says so.
// A page that dies takes its locks with it, and whatever of its code would still run finds nothing that answers.
import { AsyncLocalStorage } from "node:async_hooks";
import { memoryCache, type Cache, type CacheWrite, type ChannelWrite } from "../../../client/cache.ts";

/** Whoever owns locks, listens, and reads and writes. */
export interface Resident {
  readonly dead: boolean;
  /** Its reads and writes fail, the next one or all of them, or wait until it is mended. */
  broken: "no" | "once" | "always" | "hangs";
}

/** The page whose code is running. Timers and promises keep it. */
const running = new AsyncLocalStorage<Resident>();

export function asPage<T>(page: Resident, code: () => T): T {
  return running.run(page, code);
}

type Operation = { page: Resident; writes: boolean; run(): Promise<void>; fail(): void };
type Waiting = { name: string; page: Resident; grant(): void };

export class Browser {
  /** What waits: reads and writes, grants of locks, messages; each in order. */
  readonly disk: Operation[] = [];
  readonly #grants: (() => void)[] = [];
  readonly #messages: (() => void)[] = [];
  readonly #holders = new Map<string, { page: Resident; end(): void }>();
  #waiting: Waiting[] = [];
  #buses: { page: Resident; name: string; hear(data: unknown): void }[] = [];
  #memory = memoryCache();
  /** Every write that was done, to begin again without the last ones. */
  #journal: ((cache: Cache) => Promise<void>)[] = [];
  /** How many of them are on the disk for certain. */
  #durable = 0;

  /** Does the next thing of one kind; false if there is none. */
  async run(kind: "disk" | "locks" | "messages"): Promise<boolean> {
    if (kind === "disk") return this.#runDisk();
    const next = (kind === "locks" ? this.#grants : this.#messages).shift();
    next?.();
    return next !== undefined;
  }

  async #runDisk(): Promise<boolean> {
    const next = this.disk.findIndex(({ page }) => page.broken !== "hangs");
    const [operation] = next < 0 ? [] : this.disk.splice(next, 1);
    if (!operation) return false;
    const { page } = operation;
    if (page.broken === "no") await operation.run();
    else operation.fail();
    if (page.broken === "once") page.broken = "no";
    return true;
  }

  /** The page is gone. What it was writing is lost with it, or still done. */
  bury(page: Resident, loses: boolean): void {
    for (const operation of this.disk.splice(0)) if (operation.page !== page || (!loses && operation.writes)) this.disk.push(operation);
    this.#waiting = this.#waiting.filter((other) => other.page !== page);
    this.#buses = this.#buses.filter((other) => other.page !== page);
    for (const holder of [...this.#holders.values()]) if (holder.page === page) holder.end();
  }

  /** The machine stops: the storage forgets its last writes. Every page is to be dead already. */
  async forget(writes: number): Promise<void> {
    this.disk.length = 0;
    this.#journal.splice(Math.max(this.#durable, this.#journal.length - writes));
    this.#memory = memoryCache();
    for (const write of this.#journal) await write(this.#memory);
  }

  // --- the storage

  /** The storage as a page sees it. */
  cacheOf(page: Resident): Cache {
    return {
      readChannel: (scope, channel) => this.#operate(page, false, () => this.#memory.readChannel(scope, channel)),
      readOutboxes: (scope) => this.#operate(page, false, () => this.#memory.readOutboxes(scope)),
      write: (scope, write) => this.#operate(page, true, () => this.#write(scope, write)),
      clear: (scope) => this.#operate(page, true, () => this.#doneNow((cache) => cache.clear(scope))),
    };
  }

  #operate<T>(page: Resident, writes: boolean, work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = async () => {
        const result = structuredClone(await work());
        if (!page.dead) resolve(result);
      };
      // The timers of a page run on when it is dead.
      if (!page.dead) this.disk.push({ page, writes, run, fail: () => reject(new Error("The storage fails.")) });
    });
  }

  async #write(scope: string, write: CacheWrite): Promise<void> {
    const written = new Map<string, ChannelWrite | null>();
    const noting = [...write.channels].map(([name, step]) => {
      const note: typeof step = (stored) => {
        written.set(name, structuredClone(step(stored)));
        return written.get(name) ?? null;
      };
      return [name, note] as const;
    });
    await this.#memory.write(scope, { ...write, channels: new Map(noting) });
    const channels = new Map([...written].map(([name, result]) => [name, () => result] as const));
    this.#journal.push((cache) => cache.write(scope, { ...write, channels }));
    if (write.drop.length > 0) this.#durable = this.#journal.length;
  }

  async #doneNow(write: (cache: Cache) => Promise<void>): Promise<void> {
    await write(this.#memory);
    this.#journal.push(write);
  }

  // --- the locks

  /** What stands for navigator.locks. */
  readonly locks = {
    request: (name: string, options: { ifAvailable?: boolean; signal?: AbortSignal }, use: (lock: object | null) => unknown): Promise<unknown> => {
      const page = running.getStore();
      if (!page) throw new Error("A lock is asked for by nobody.");
      return new Promise((resolve, reject) => {
        const isTaken = this.#holders.has(name) || this.#waiting.some((other) => other.name === name);
        if (options.ifAvailable && isTaken) return void this.#grants.push(() => void (page.dead || resolve(asPage(page, () => use(null)))));
        const waiting: Waiting = { name, page, grant: () => this.#grants.push(() => this.#grant(waiting, () => asPage(page, () => use({ name })), resolve)) };
        options.signal?.addEventListener("abort", () => {
          if (!this.#waiting.includes(waiting)) return;
          this.#waiting = this.#waiting.filter((other) => other !== waiting);
          reject(new DOMException("aborted", "AbortError"));
        });
        this.#waiting.push(waiting);
        this.#offer(name);
      });
    },
  };

  /** Gives the lock to who has waited longest. */
  #offer(name: string): void {
    if (!this.#holders.has(name)) this.#waiting.find((waiting) => waiting.name === name)?.grant();
  }

  #grant(waiting: Waiting, use: () => unknown, resolve: (result: unknown) => void): void {
    // Who was offered it may be gone by now: then it is the next one's.
    if (!this.#waiting.includes(waiting)) return this.#offer(waiting.name);
    if (this.#holders.has(waiting.name)) return;
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
    const holder = {
      page: waiting.page,
      end: () => {
        if (this.#holders.get(waiting.name) !== holder) return;
        this.#holders.delete(waiting.name);
        this.#offer(waiting.name);
      },
    };
    this.#holders.set(waiting.name, holder);
    const result = Promise.resolve(use());
    resolve(result);
    void result.finally(holder.end);
  }

  // --- the messages

  /** What stands for the constructor of BroadcastChannel. */
  newBus(name: string): { onmessage: ((event: { data: unknown }) => void) | null; postMessage(data: unknown): void; close(): void } {
    const page = running.getStore();
    if (!page) throw new Error("A bus is made by nobody.");
    const hear = (data: unknown) => bus.onmessage?.({ data });
    const own = { page, name, hear };
    const postMessage = (data: unknown) => {
      const others = this.#buses.filter((other) => other !== own && other.name === name);
      for (const other of others) this.#messages.push(() => void (this.#buses.includes(other) && asPage(other.page, () => other.hear(data))));
    };
    const close = () => void (this.#buses = this.#buses.filter((other) => other !== own));
    const bus: ReturnType<Browser["newBus"]> = { onmessage: null, postMessage, close };
    this.#buses.push(own);
    return bus;
  }
}
