// SPDX-License-Identifier: MIT
// An app in TypeScript that lets in whoever the test says, as whatever the test says, and says whatever the test has it say.
import { SyncError, SyncServer, type ActionContext } from "../../js-shim/index.ts";

type Note = [id: string, author: string | null];
type Action = { type: string; payload: Record<string, unknown> };
type Shared = { notes: [Note, Action]; mine: [Note, Action] };
type Who = { user?: string; role?: string };

const cycle: { self?: unknown } = {};
cycle.self = cycle;
const deep = (levels: number): unknown => JSON.parse("[".repeat(levels) + "]".repeat(levels));

/** Identities that an app may make by mistake, by the user's name. */
const identities: Record<string, unknown> = {
  "half an emoji": { user: "mallory", name: "\ud83d" },
  "too deep": { user: "mallory", deep: deep(63) },
  "too large": { user: "mallory", wide: "\u8a9e".repeat(1400) },
  "a cycle": { user: "mallory", cycle },
  "a bigint": { user: "mallory", id: 1n },
  null: null,
  "a text": "mallory",
  "a number": 7,
  "a list": ["mallory"],
  "a date": new Date(0),
  "a symbol": Symbol("mallory"),
  "a function": () => "mallory",
  "nothing as JSON": { toJSON: () => undefined },
  "a text as JSON": { toJSON: () => "mallory" },
  "throws as JSON": {
    toJSON: () => {
      throw new Error("no");
    },
  },
  "as large as can be": { user: "ann", wide: "\u8a9e".repeat(1355) },
  nobody: undefined,
};

/** What an app may attach to any socket of the object. */
const attachments: Record<string, unknown> = {
  "a broken text": "{",
  "an empty text": "",
  "a text": "mallory",
  "text of a number": "7",
  "text of null": "null",
  "another object as text": JSON.stringify({ room: "x" }),
  "another object": { identity: { user: "root" }, protocol: 2 },
  "a number": 7,
  null: null,
  undefined,
  "a list": [1],
  "broken bytes": new Uint8Array([0x7b, 0x22, 0xff, 0x22]),
  "no bytes": new Uint8Array(),
  "half an emoji": JSON.stringify({ identity: { user: "\ud83d" } }),
  "no identity": JSON.stringify({ identity: "root", protocol: 2, client: "m", channels: ["notes"] }),
};

/** What handlers say. */
const sayings: Record<string, () => unknown> = {
  "a result that is deep": () => deep(61),
  "a result that is too deep": () => deep(62),
  "a result with half an emoji": () => "\ud83d",
  "data that is too deep": () => {
    throw new SyncError("conflict", "m", deep(62));
  },
  "data that is a cycle": () => {
    throw new SyncError("conflict", "m", cycle);
  },
  "a message with half an emoji": () => {
    throw new SyncError("conflict", "No: \ud83d");
  },
  "a message with a zero": () => {
    throw new SyncError("conflict", "a\0b");
  },
  "a message that is too long": () => {
    throw new SyncError("conflict", "x".repeat(3_000_000));
  },
  "no code": () => {
    throw new SyncError(undefined as never, "m", 1);
  },
};

const quotes = {
  "~standard": { version: 1 as const, vendor: "test", validate: (value: unknown) => ({ issues: [{ message: `Not ${JSON.stringify(value)}`, path: ["key".repeat(400_000)] }] }) },
};

/** A statement that is run when it is awaited, as those of query builders are. */
class Query {
  readonly #run: () => unknown;

  constructor(run: () => unknown) {
    this.#run = run;
  }

  then(done: (value: unknown) => void, failed: (error: unknown) => void): void {
    try {
      done(this.#run());
    } catch (error) {
      failed(error);
    }
  }
}

const pause = async (): Promise<void> => await new Promise((resolve) => setTimeout(resolve, 5));

/** Ways of writing. */
const writes: Record<string, (storage: DurableObjectStorage) => unknown> = {
  "a statement": ({ sql }) => sql.exec("INSERT INTO notes VALUES ('late', NULL)"),
  "a statement that returns rows": ({ sql }) => sql.exec("INSERT INTO notes VALUES ('late', NULL) RETURNING id").toArray(),
  "a statement behind a comment": ({ sql }) => sql.exec("/* SELECT */ WITH one AS (SELECT 'late' AS id) INSERT INTO notes SELECT id, NULL FROM one"),
  "several statements": ({ sql }) => sql.exec("INSERT INTO notes VALUES ('late', NULL); SELECT 1").toArray(),
  "a table": ({ sql }) => sql.exec("CREATE TABLE late (id)"),
  "a transaction": (storage) => {
    storage.transactionSync(() => void storage.sql.exec("INSERT INTO notes VALUES ('late', NULL)"));
  },
  "a transaction that waits": async (storage) => {
    await storage.transaction(async () => void storage.sql.exec("INSERT INTO notes VALUES ('late', NULL)"));
  },
  "a value": async (storage) => await storage.put("late", 1),
  "several values": async (storage) => await storage.put({ late: 1 }),
  "a value at once": ({ kv }) => kv.put("late", 1),
  "the end of a value": async (storage) => await storage.delete("early"),
  "an alarm": async (storage) => await storage.setAlarm(Date.now() + 1e6),
  "the end of everything": async (storage) => await storage.deleteAll(),
};

/** Handlers that write outside of their transaction, or seem to. */
const handlers: Record<string, (write: () => unknown, storage: DurableObjectStorage) => unknown> = {
  "after an await": async (write) => {
    await null;
    await write();
  },
  "after a pause": async (write) => {
    await pause();
    await write();
    return () => {};
  },
  "by awaiting it": async (write) => {
    await new Query(write);
  },
  "by awaiting it after a request": async (write, storage) => {
    await storage.sync();
    await new Query(write);
  },
  "in a callback": (write) => pause().then(write),
  "in spite of a refusal": async (write) => {
    await pause();
    await Promise.resolve().then(write).catch(() => {});
    return () => {};
  },
  "before and after": async (write, storage) => {
    storage.sql.exec("INSERT INTO notes VALUES ('early', NULL)");
    await pause();
    await write();
  },
  "in a function that waits": (write) => async () => {
    await pause();
    await write();
  },
  "in a late function that waits": async (write) => {
    await pause();
    return async () => {
      await pause();
      await write();
    };
  },
};

const textOf = (socket: WebSocket): string => new TextDecoder().decode(socket.deserializeAttachment() as Uint8Array);

export class Guarded extends SyncServer<unknown, Shared, Who | undefined> {
  override readonly channels = { notes: {}, mine: { table: "notes", where: "author = $user" } };
  override readonly migrations = ["CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, author TEXT) STRICT"];
  override readonly payloads = { notes: { quoted: quotes } } as never;

  override onConnect(request: Request): Who | undefined {
    const user = new URL(request.url).searchParams.get("user") ?? "nobody";
    return user in identities ? (identities[user] as Who) : { user, role: user === "guest" ? "nothing" : "author" };
  }

  override canRead(_channel: string, who: Who | undefined): boolean {
    return who?.user === "later" ? (Promise.resolve(false) as never) : true;
  }

  override canDo(_channel: string, _action: unknown, who: Who | undefined): boolean {
    return who?.user === "later" ? (Promise.resolve(false) as never) : who?.role !== "nothing";
  }

  override onAction(_channel: string, { type, payload }: { type: string; payload: Record<string, unknown> }, { identity }: ActionContext<Who | undefined>): object | undefined {
    if (type === "who") return { identity };
    const [how = "", what = ""] = type.split(": ");
    const handler = handlers[how];
    if (handler) return this.#goesOn(handler(() => writes[what]?.(this.ctx.storage), this.ctx.storage)) as never;
    if (type === "half a key") return void this.ctx.storage.sql.exec("INSERT INTO notes VALUES (?, NULL)", "\ud83d");
    if (type === "a broken key") return void this.ctx.storage.sql.exec("INSERT INTO notes VALUES (CAST(X'ff' AS TEXT), NULL)");
    if (type === "a wide key") return void this.ctx.storage.sql.exec("INSERT INTO notes VALUES (?, NULL)", "\u8a9e\0\ud83d\ude00");
    if (type === "reads later") return this.#readsLater(String(payload["id"])) as never;
    if (type === "starts something") return this.#starts();
    this.ctx.storage.sql.exec("INSERT INTO notes VALUES (?, ?)", payload["id"], identity?.user ?? null);
    const said = sayings[type]?.();
    return said === undefined ? undefined : (said as object);
  }

  readonly #underway: Promise<unknown>[] = [];

  // What a handler returns, with an ear on it: the test waits until it has come to its end.
  #goesOn(returned: unknown): unknown {
    if (typeof returned === "function") return () => this.#goesOn((returned as () => unknown)());
    if (!(returned instanceof Promise)) return returned;
    const heard = returned.then((value: unknown) => this.#goesOn(value));
    this.#underway.push(heard.catch(() => {}));
    return heard;
  }

  async #readsLater(id: string): Promise<() => void> {
    await pause();
    const [count] = this.ctx.storage.sql.exec("SELECT count(*) FROM notes").raw();
    await this.ctx.storage.get("early");
    return () => void this.ctx.storage.sql.exec("INSERT INTO notes VALUES (?, ?)", id, `after ${String(count?.[0])}`);
  }

  // Nobody waits for it: that is the app's own code, as an alarm is.
  #starts(): undefined {
    this.#underway.push(pause().then(() => writes["a statement"]?.(this.ctx.storage)));
  }

  // Has the sockets that nobody has said hello on carry something else.
  #attach(attachment: unknown): void {
    const silent = new Set(this.connections().filter(({ client }) => client === "").map(({ identity }) => JSON.stringify(identity)));
    for (const socket of this.ctx.getWebSockets()) {
      const { identity, client } = JSON.parse(textOf(socket)) as { identity?: unknown; client?: string };
      if (client === undefined && silent.has(JSON.stringify(identity))) socket.serializeAttachment(attachment);
    }
  }

  override async onRequest(request: Request): Promise<Response> {
    const [what = "", value = ""] = decodeURIComponent(new URL(request.url).search.slice(1)).split("=", 2);
    if (what === "rest") while (this.#underway.length > 0) await this.#underway.shift();
    if (what === "write") this.ctx.storage.sql.exec("INSERT INTO notes VALUES (?, 'a request')", value);
    if (what === "attach") this.#attach(attachments[value]);
    if (what === "as texts") for (const socket of this.ctx.getWebSockets()) socket.serializeAttachment(textOf(socket));
    if (what === "disconnect") return Response.json(this.disconnect((who) => who?.user === value));
    return Response.json(this.connections().map(({ identity, client, channels }) => ({ user: identity?.user, client, channels })));
  }
}
