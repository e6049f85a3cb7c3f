// SPDX-License-Identifier: MIT
// An app in JavaScript, spoken for to the core: wasm/scripted/scripted.c says what is asked and answered.
import { CONSTRAINT, messageOf, statusOf } from "./host.ts";
import { SyncError } from "./sync-error.ts";

/** What the core needs to know of an app, once. */
export interface Description {
  readonly channels: readonly {
    readonly name: string;
    readonly table?: string;
    readonly columns?: readonly string[];
    readonly where?: string;
    /** Whether `read` is to be asked. */
    readonly guarded: boolean;
  }[];
  /** The SQL of each; null for a function, which is run by `migrate`. */
  readonly migrations: readonly (string | null)[];
  readonly origins: readonly string[] | undefined;
  readonly version: number | undefined;
  readonly minVersion: number | undefined;
  readonly logWindow: number | undefined;
  readonly logAge: number | undefined;
}

/** An action as the core hands it over. */
export interface Act {
  readonly channel: string;
  readonly type: string;
  readonly payload: unknown;
  readonly identity: unknown;
  readonly client: string;
  readonly number: number;
  readonly now: number;
}

/** A handler that runs, or goes on. */
export interface Handling {
  /** Whether it has returned a promise that has not settled. */
  goesOn: boolean;
  /** Whether it has tried to write then. */
  wrote: boolean;
}

/** What the core asks of an app. Whatever these throw rejects what was asked for: a SyncError by its code, anything else as `internal`. */
export interface App {
  describe(): Description;
  /** Runs one that is a function, and says what SQL it runs. */
  migrate(number: number, say: (query: string) => void): void;
  /** Throws unless the identity may read the channel. */
  read(channel: string, identity: unknown): void;
  /** Handles an action and returns its result, or a promise of it, or of a function that handles it. */
  act(act: Act): unknown;
  /** Runs code of the app's as a handler: once it goes on after an await it is known, and must not write. */
  handle<T>(handling: Handling, handler: () => T): T;
  /** Counts the changes made to the storage so far. */
  changes(): number;
}

type Request =
  | { call: "describe" }
  | { call: "migrate"; number: number }
  | { call: "read"; channel: string; identity: unknown }
  | ({ call: "act" } & Act);

// What an action waited for: the function that handles it, or its result, or what was thrown.
type Prepared = { readonly value: unknown } | { readonly error: unknown };

const wroteOutside =
  "A handler that returns a promise has changed the storage, before or after it waited: that is undone. " +
  "Return a function, or a promise of one, that makes the changes: it runs as the transaction.";

// Prepared actions whose client has not come back for them; the oldest go first.
const MAX_PREPARED = 1000;

/** Answers the core's questions. */
export class Script {
  readonly #app: App;
  readonly #waiting = new Map<string, Promise<void>>();
  readonly #prepared = new Map<string, Prepared>();

  constructor(app: App) {
    this.#app = app;
  }

  /** Resolves when the action called `name`, "<client>:<number>", has what it waits for. */
  async settled(name: string): Promise<void> {
    await this.#waiting.get(name);
  }

  /** Answers a request, JSON for JSON. Does not throw. */
  readonly answer = (text: string): string => {
    try {
      // The core writes its requests itself.
      return JSON.stringify(this.#answer(JSON.parse(text) as Request));
    } catch (error) {
      return said(error);
    }
  };

  #answer(request: Request): unknown {
    switch (request.call) {
      case "describe":
        return this.#app.describe();
      case "migrate":
        return this.#migrate(request.number);
      case "read":
        return answerOf(this.#app.read(request.channel, request.identity));
      case "act":
        return this.#act(request);
    }
  }

  // Foreign keys cannot be switched within a transaction: what a migration says of them is for the core to judge, which runs it again outside of one.
  #migrate(number: number): unknown {
    const keys: string[] = [];
    const say = (query: string): void => void (/foreign_keys/i.test(query) && keys.push(query));
    try {
      return { ...this.#run(() => this.#app.migrate(number, say)), keys };
    } catch (error) {
      return { ...rejection(error), keys };
    }
  }

  #act(act: Act): unknown {
    const name = `${act.client}:${act.number}`;
    const prepared = this.#prepared.get(name);
    if (prepared) return this.#finish(name, prepared);
    if (this.#waiting.has(name)) return { waits: true };
    const before = this.#app.changes();
    const handling = { goesOn: false, wrote: false };
    const result = this.#app.handle(handling, () => this.#app.act(act));
    if (typeof result === "function") return this.#run(result as () => unknown);
    if (!isPromise(result)) return answerOf(result);
    this.#wait(name, result, handling);
    if (this.#app.changes() !== before) throw new Error(wroteOutside);
    return { waits: true };
  }

  // Runs what must not wait. Should it be async all the same, it goes on though it is refused, and is kept from writing.
  #run(step: () => unknown): { result?: unknown } {
    const handling = { goesOn: false, wrote: false };
    const result = this.#app.handle(handling, step);
    handling.goesOn = isPromise(result);
    if (isPromise(result)) void result.then(undefined, () => {}); // its refusal is what is logged
    return answerOf(result);
  }

  // Whoever catches the refusal of a write lacks what it wrote: the action is refused whatever its handler comes to.
  #wait(name: string, result: PromiseLike<unknown>, handling: Handling): void {
    handling.goesOn = true;
    const settle = (settled: Prepared): void => {
      const prepared = handling.wrote ? { error: new Error(wroteOutside) } : settled;
      handling.goesOn = false;
      this.#waiting.delete(name);
      this.#prepared.set(name, prepared);
      const [oldest = name] = this.#prepared.keys();
      if (this.#prepared.size > MAX_PREPARED) this.#prepared.delete(oldest);
    };
    this.#waiting.set(name, Promise.resolve(result).then((value) => settle({ value }), (error: unknown) => settle({ error })));
  }

  // A prepared action is used once: should its turn fail, its client sends it again, and it is prepared anew.
  #finish(name: string, prepared: Prepared): unknown {
    this.#prepared.delete(name);
    if ("error" in prepared) throw prepared.error;
    return typeof prepared.value === "function" ? this.#run(prepared.value as () => unknown) : answerOf(prepared.value);
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

function answerOf(result: unknown): { result?: unknown } {
  if (isPromise(result)) throw new Error("A transaction cannot wait: the function that a handler returns, a migration and canRead must not return a promise.");
  return result === undefined ? {} : { result };
}

// What was thrown, as JSON. Its data may be a cycle or a BigInt, or throw: then that is the failure.
function said(error: unknown): string {
  try {
    return JSON.stringify(rejection(error));
  } catch (unsayable) {
    return JSON.stringify(rejection(new TypeError(`What a handler threw is no JSON: ${messageOf(unsayable)}`, { cause: error })));
  }
}

// What was thrown is the author's to know if it is a SyncError, or a constraint that failed, which the core names; anything else is the operator's.
function rejection(error: unknown): object {
  if (error instanceof SyncError) {
    const { code, message, data } = error;
    return { code: String(code), message: message === code ? undefined : String(message), data };
  }
  const failure = messageOf(error);
  const status = statusOf(failure);
  if (status !== CONSTRAINT) console.error("durasync: a handler failed", error);
  return { failure, status };
}
