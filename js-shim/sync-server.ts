// SPDX-License-Identifier: MIT
import core from "../wasm/build/scripted.wasm";
import type { Identity } from "./connection.ts";
import { asHandler, guardStorage } from "./handling.ts";
import { Script, type Act, type App, type Description } from "./script.ts";
import type { Issue, PayloadSchema, Verdict } from "./standard-schema.ts";
import { SyncError } from "./sync-error.ts";
import { admission, SyncObject } from "./sync-object.ts";

/** What is synced: for each channel, its record as a tuple in column order and its actions. One such type is shared by the server and the page. */
export type Channels<Names extends PropertyKey = string> = { [Channel in Names]: [record: object, action: { type: string; payload?: unknown }] };

/** A channel as it is declared: a table, or a part of one, that clients may subscribe to. */
export interface ChannelDeclaration {
  /** The table; the one that is called like the channel if left out. It must have a primary key. */
  readonly table?: string;
  /** The columns that clients see, in their order; those of the primary key must be among them. All if left out. */
  readonly columns?: readonly string[];
  /**
   * An SQL expression over the table's columns, without subqueries: only rows for which it is true are records. `$name` is the member `name` of the reader's identity:
   * `owner = $user OR shared = 1` shows everyone rows of their own.
   */
  readonly where?: string;
}

/** One step from an older schema to a newer one: SQL, one or more statements, or a function that runs some. It must not be async. */
export type Migration = string | ((sql: SqlStorage) => void);

/** What a handler knows beside the action. */
export interface ActionContext<Who = Identity | undefined> {
  /** Who acts: what `onConnect` returned. */
  readonly identity: Who;
  /** The client's id, and the action's number: together they name the action for ever. */
  readonly client: string;
  readonly number: number;
  /** The time of the turn in milliseconds since 1970. */
  readonly now: number;
}

// What promises and functions have, and results do not. The second form is for literals, whose members must be known.
interface NoPromise {
  readonly then?: never;
  readonly bind?: never;
}
type ObjectResult = (object & NoPromise) | ({ readonly [member: string]: unknown } & NoPromise);

/** An action's result: JSON, at most 64 KiB. Neither a promise nor a function is one. */
export type Result = string | number | boolean | null | undefined | void | ObjectResult;

/**
 * What a handler may return: the action's result, a function that is run as the transaction and returns it, or a promise of such a function. A promise of anything else would be
 * that of a handler which writes after it has awaited, in no transaction: it is refused.
 */
export type Handled = Result | (() => Result) | Promise<() => Result>;

type ActionOf<C extends Channels<keyof C>, Channel extends keyof C> = C[Channel][1];

/**
 * The arguments of `onAction`: in a handler of several channels, the channel tells which actions there can be.
 *
 *     override onAction(...[channel, action, context]: ActionArguments<Shared>) {
 *       if (channel === "todos") action.type; // one of the todos' actions
 *     }
 */
export type ActionArguments<C extends Channels<keyof C>, Who = Identity | undefined> = {
  [Channel in keyof C & string]: [channel: Channel, action: ActionOf<C, Channel>, context: ActionContext<Who>];
}[keyof C & string];

type PayloadOf<Action, Type> = Action extends { type: infer Types; payload?: infer Payload } ? (Type extends Types ? Payload : never) : never;

// For each channel, for each type of action, a validator of its payload. What it lets through is what the handler is promised.
type PayloadSchemas<C extends Channels<keyof C>> = {
  readonly [Channel in keyof C]?: { readonly [Type in ActionOf<C, Channel>["type"]]?: PayloadSchema<PayloadOf<ActionOf<C, Channel>, Type>> };
};

/**
 * A Durable Object whose app is written in TypeScript:
 *
 *     export class Todos extends SyncServer<Env, { todos: [Todo, TodoAction] }> {
 *       override channels = { todos: {} };
 *       override migrations = ["CREATE TABLE todos (id TEXT PRIMARY KEY NOT NULL, text TEXT NOT NULL) STRICT"];
 *       override onAction(_channel: "todos", { payload }: TodoAction) {
 *         this.ctx.storage.sql.exec("INSERT INTO todos VALUES (?, ?)", payload.id, payload.text);
 *       }
 *     }
 *
 * A handler runs as a transaction: if it throws, nothing of it remains. It need not say what it changed, and neither need `alarm`, `fetch`, an RPC method or `onStart`: whatever changes
 * a channel's rows reaches its subscribers.
 */
export abstract class SyncServer<Env = unknown, C extends Channels<keyof C> = Channels, Who extends object | undefined = Identity | undefined> extends SyncObject<Env, Who, keyof C & string> {
  static override readonly core = core;

  /** The channels that clients may subscribe to. */
  abstract readonly channels: { readonly [Channel in keyof C]: ChannelDeclaration };
  /** Run once each, in order, before the object answers anybody; append only. In one transaction, but for what docs/MIGRATIONS.md says of foreign keys. */
  readonly migrations: readonly Migration[] = [];
  /** What payloads must look like; an action without a schema is not checked. Any Standard Schema validator will do. */
  readonly payloads: PayloadSchemas<C> = {};
  /** The web origins whose pages may connect, "*" for any. Those of the host that the object is reached under, if left out. */
  declare readonly origins: readonly string[] | undefined;
  /** The version of the app, and the lowest that a page may have: others are told to reload, or to wait. */
  declare readonly version: number | undefined;
  declare readonly minVersion: number | undefined;
  /** Changed rows per channel, and milliseconds, that a client can have missed and still resume without fetching anew. */
  declare readonly logWindow: number | undefined;
  declare readonly logAge: number | undefined;

  readonly #script = this.#guarded();

  /** Called whenever the object wakes, after its migrations and before it answers anybody. */
  onStart(): void | Promise<void> {}

  /**
   * Handles an action, as a transaction. Throw a SyncError to reject it; what a constraint refuses is rejected by name, anything else that is thrown is `internal` to the
   * client and logged here. Throw a SyncError("unknown_action") for a type that you do not know: clients can say anything. A handler that has to wait awaits first and returns a function: that one runs as the transaction.
   */
  onAction(..._action: ActionArguments<C, Who>): Handled {
    throw new SyncError("unknown_action");
  }

  /** Says who connects, as a JSON object of at most 4 KiB that every handler and `where` then knows; throw a SyncError("forbidden") to turn them away. */
  onConnect(_request: Request): Who | undefined | Promise<Who | undefined> {
    return undefined;
  }

  /** Whether `identity` may subscribe to the channel. Asked at each subscription; `disconnect` ends those that are there. */
  canRead(_channel: keyof C & string, _identity: Who): boolean {
    return true;
  }

  /** Whether `identity` may do that: asked before the payload is checked. */
  canDo(_channel: keyof C & string, _action: ActionOf<C, keyof C>, _identity: Who): boolean {
    return true;
  }

  protected override get script(): (request: string) => string {
    return (request) => this.writes.within(() => this.#script.answer(request));
  }

  protected override async start(): Promise<void> {
    try {
      this.#describe();
      const whole = this.#startsAlone;
      const ready = await this.bringUp(() => (whole ? this.startCore() : this.#startAround()), whole);
      if (!ready) throw new Error("A migration failed, or a channel and its table do not fit: the log says why.");
      if (whole) return;
    } catch (error) {
      console.error(`durasync: ${this.constructor.name} could not start: it is unavailable, and its storage as it was`, error);
      return;
    }
    this.flush(); // what onStart has changed
  }

  protected override startAtOnce(): boolean {
    return this.#startsAlone && super.startAtOnce();
  }

  get #startsAlone(): boolean {
    return this.onStart === SyncServer.prototype.onStart;
  }

  // With an onStart between the migrations and the rest, all in one transaction. False if it is undone, and nobody has thrown.
  async #startAround(): Promise<boolean> {
    let undone = false;
    const orUndo = (done: boolean): void => {
      undone = !done;
      if (undone) throw new Error("undone");
    };
    const start = async (): Promise<void> => {
      orUndo(this.core.migrate());
      await this.onStart();
      orUndo(this.startCore());
    };
    await this.ctx.storage.transaction(start).catch((error: unknown) => {
      if (!undone) throw error;
    });
    return !undone;
  }

  protected override async admit(request: Request): Promise<string> {
    const nobody = super.admit(request); // the origin
    const identity = await this.onConnect(request);
    return identity === undefined ? nobody : admission(this.core.admit(jsonOf(identity)));
  }

  protected override settlement(name: string): Promise<void> {
    return this.#script.settled(name);
  }

  #guarded(): Script {
    guardStorage(this.ctx.storage);
    return new Script(this.#app());
  }

  #app(): App {
    return {
      describe: () => this.#describe(),
      migrate: (number, say) => this.#migrate(number, say),
      read: (channel, identity) => {
        if (!permits(this.canRead(channel as keyof C & string, identity as Who))) throw new SyncError("forbidden");
      },
      act: (act) => this.#act(act),
      handle: asHandler,
      changes: () => Number(this.ctx.storage.sql.exec("SELECT total_changes() AS count").one()["count"]),
    };
  }

  #describe(): Description {
    if (typeof this.channels !== "object") throw new TypeError(`${this.constructor.name} declares no channels: channels = { todos: {} }`);
    const guarded = this.canRead !== SyncServer.prototype.canRead;
    return {
      channels: Object.entries<ChannelDeclaration>(this.channels).map(([name, channel]) => ({ ...channel, name, guarded })),
      migrations: this.migrations.map((migration) => (typeof migration === "string" ? migration : null)),
      origins: this.origins,
      version: this.version,
      minVersion: this.minVersion,
      logWindow: this.logWindow,
      logAge: this.logAge,
    };
  }

  // The core runs what is SQL itself.
  #migrate(number: number, say: (query: string) => void): void {
    const migration = this.migrations[number];
    if (typeof migration === "function") return this.writes.heard(say, () => migration(this.ctx.storage.sql));
  }

  #act({ channel: name, type, payload, identity, ...context }: Act): unknown {
    const who = identity as Who;
    // The core takes actions for declared channels only; that payloads are what C says is for `payloads` to hold.
    const channel = name as keyof C & string;
    const actionOf = (value: unknown) => ({ type, payload: value }) as ActionOf<C, typeof channel>;
    if (!permits(this.canDo(channel, actionOf(payload), who))) throw new SyncError("forbidden");
    const handle = (value: unknown): unknown => this.onAction(...([channel, actionOf(value), { ...context, identity: who }] as ActionArguments<C, Who>));
    const schemas: { readonly [type: string]: PayloadSchema | undefined } = this.payloads[channel] ?? {};
    const verdict = schemas[type]?.["~standard"].validate(payload) ?? { value: payload };
    return verdict instanceof Promise ? verdict.then((late) => () => handle(checked(late))) : handle(checked(verdict));
  }
}

// A promise would permit everything.
function permits(answer: unknown): boolean {
  if (typeof answer === "object" && answer !== null) throw new TypeError("canRead and canDo must say true or false at once: neither can be async.");
  return Boolean(answer);
}

// Once, since what has a `toJSON` may say something else the next time. What is no JSON is an empty text, which is no identity.
function jsonOf(identity: unknown): string {
  try {
    return JSON.stringify(identity) ?? "";
  } catch (error) {
    console.error("durasync: an identity is no JSON", error);
    return "";
  }
}

function checked(verdict: Verdict<unknown>): unknown {
  if (verdict.issues === undefined) return verdict.value;
  const [issue] = verdict.issues;
  throw new SyncError("invalid_payload", wordsOf(issue), { path: pathOf(issue) });
}

// Characters of a validator's message, and of a path: they may quote a payload, which has up to a megabyte.
const MAX_QUOTED = 1000;

function wordsOf(issue: Issue | undefined): string | undefined {
  const message = issue?.message;
  if (message === undefined || message.length <= MAX_QUOTED) return message?.toWellFormed();
  return `${message.slice(0, MAX_QUOTED).toWellFormed()}...`;
}

// A path that nobody would read is that of the payload.

function pathOf(issue: Issue | undefined): (string | number)[] {
  const path = (issue?.path ?? []).map((step) => {
    const key = typeof step === "object" ? step.key : step;
    return typeof key === "number" ? key : String(key).toWellFormed();
  });
  return JSON.stringify(path).length <= MAX_QUOTED ? path : [];
}
