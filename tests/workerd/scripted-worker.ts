// SPDX-License-Identifier: MIT
// An app in TypeScript whose handlers do everything that a handler can, and go wrong in every way.
import { SyncError, SyncServer, type ActionContext, type Handled } from "../../js-shim/index.ts";

type Note = [id: string, text: string, author: string | null];
type NoteAction = { type: string; payload: { id: string; text?: string } };
type Shared = { notes: [Note, NoteAction]; secrets: [[id: string], { type: "keep"; payload: { id: string } }] };
type Who = { user: string; role?: string };

/** How often the outside world was asked, by the action's id. */
const asked = new Map<string, number>();

/** Answers to what begins with "held" are held back until a test lets them go. */
const held = new Map<string, PromiseWithResolvers<void>>();

function release(id: string): PromiseWithResolvers<void> {
  const known = held.get(id) ?? Promise.withResolvers<void>();
  held.set(id, known);
  return known;
}

/** Something outside of the object that takes its time. */
async function askOutside(id: string): Promise<string> {
  asked.set(id, (asked.get(id) ?? 0) + 1);
  await (id.startsWith("held") ? release(id).promise : new Promise((resolve) => setTimeout(resolve, 50)));
  return `answer to ${id}`;
}

// A validator by hand, as valibot's or zod's would be.
const hasText = {
  "~standard": {
    version: 1 as const,
    vendor: "test",
    validate: (value: unknown) => {
      const payload = value as NoteAction["payload"] | null;
      return typeof payload?.text === "string" ? { value: payload } : { issues: [{ message: "`text` must be a string.", path: ["text"] }] };
    },
  },
};

// One that takes its time, as a schema with a look-up does.
const isKnown = {
  "~standard": {
    version: 1 as const,
    vendor: "test",
    validate: async (value: unknown) => {
      const payload = value as NoteAction["payload"];
      const answer = await askOutside(payload.id);
      return payload.text === "known" ? { value: { ...payload, text: answer } } : { issues: [{ message: "Nobody knows it.", path: [{ key: "texts" }, 2, { key: Symbol("a symbol") }] }] };
    },
  },
};

export class Scripted extends SyncServer<unknown, Shared, Who | undefined> {
  override readonly channels = { notes: {}, secrets: {} };
  override readonly migrations = [
    "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, text TEXT NOT NULL CONSTRAINT short CHECK (length(text) < 100), author TEXT) STRICT",
    (sql: SqlStorage) => void sql.exec("INSERT INTO notes VALUES ('0', 'made by a migration', NULL)"),
  ];
  override readonly payloads = { notes: { checked: hasText, "checked later": isKnown, "not for guests": hasText } };
  override readonly origins = ["https://app.example"];
  override readonly logWindow = 50;
  override readonly version = 3;
  override readonly minVersion = 2;

  override async onStart(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 10));
    this.ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS secrets (id TEXT PRIMARY KEY NOT NULL)");
    this.ctx.storage.sql.exec("INSERT INTO notes VALUES ((SELECT 'start ' || count(*) FROM notes WHERE id LIKE 'start%'), 'woken', NULL)");
  }

  override onConnect(request: Request): Who | undefined {
    const [, token] = request.headers.get("sec-websocket-protocol")?.split(", ") ?? [];
    const user = token ?? new URL(request.url).searchParams.get("user");
    if (user === "everybody") return { user: "everybody".repeat(500) };
    if (user === "mallory") throw new SyncError("forbidden", "Not you.");
    return user === null ? undefined : { user, role: user === "root" ? "admin" : "guest" };
  }

  override canRead(channel: string, who: Who | undefined): boolean {
    return channel !== "secrets" || who?.role === "admin";
  }

  override canDo(_channel: string, action: { type: string }, who: Who | undefined): boolean {
    return !["wipe", "not for guests"].includes(action.type) || who?.role === "admin";
  }

  override onAction(_channel: string, { type, payload }: NoteAction, { identity, client, number }: ActionContext<Who | undefined>): Handled {
    const { sql } = this.ctx.storage;
    const insert = (text: string) => sql.exec("INSERT INTO notes VALUES (?, ?, ?) RETURNING *", payload.id, text, identity?.user ?? null).raw();
    switch (type) {
      case "create":
      case "checked":
      case "checked later":
        return [...insert(payload.text ?? "")];
      case "who":
        return { identity, client, number };
      case "create loudly":
        this.broadcast("notes", { creates: payload.id });
        return [...insert(payload.text ?? "")];
      case "wipe":
        sql.exec("DELETE FROM notes");
        return;
      case "conflict":
        insert("gone");
        throw new SyncError("conflict", "Somebody was faster.", { winner: "b" });
      case "throw":
        insert("gone");
        throw new TypeError("a secret of the server's");
      case "throw nothing":
        throw null;
      case "try in vain":
        try {
          this.ctx.storage.transactionSync(() => {
            insert("gone");
            throw new Error("undone");
          });
        } catch {
          return [...insert("second try")];
        }
        return;
      case "no such code":
        insert("gone");
        throw new SyncError("gone" as "rejected");
      case "bad sql":
        insert("gone");
        sql.exec("SELECT secret_column FROM nowhere");
        return;
      case "big":
        return "x".repeat(100_000);
      case "bigint":
        return 1n as never;
      case "later":
        return askOutside(payload.id).then((answer) => () => [...insert(answer)]);
      case "later without a function":
        return askOutside(payload.id) as never;
      case "too early":
        return this.#writesTooEarly(payload.id) as never;
      case "fails later":
        return askOutside(payload.id).then(() => {
          throw new SyncError("not_found", "Nobody is there.");
        });
      case "waits twice":
        return askOutside(payload.id).then(() => (async () => {
          insert("never");
        }) as never);
      default:
        return super.onAction("notes", { type, payload }, { identity, client, number, now: 0 });
    }
  }

  async #writesTooEarly(id: string): Promise<void> {
    this.ctx.storage.sql.exec("INSERT INTO notes VALUES (?, 'too early', NULL)", id);
    await askOutside(id);
  }

  /** RPC methods: none of them says what it changed. */
  write(id: string): void {
    this.ctx.storage.sql.exec("INSERT INTO notes VALUES (?, 'written by a method', NULL)", id);
  }

  async writeLater(id: string): Promise<void> {
    await this.ctx.storage.setAlarm(Date.now());
    this.ctx.storage.kv.put("due", id);
  }

  /** Writes in a transaction that waits, and is undone if `fails`. */
  async writeSlowly(id: string, fails: boolean): Promise<void> {
    const undone = new Error("never mind");
    const step = async () => {
      this.write(id);
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (fails) throw undone;
    };
    await this.ctx.storage.transaction(step).catch((error: unknown) => {
      if (error !== undone) throw error;
    });
  }

  /** Writes in a transaction, and wants it told before that is committed; it is undone if `fails`. */
  writeAndFlush(id: string, fails: boolean): void {
    const undone = new Error("never mind");
    try {
      this.ctx.storage.transactionSync(() => {
        this.write(id);
        this.flush();
        if (fails) throw undone;
      });
    } catch (error) {
      if (error !== undone) throw error;
    }
  }

  override alarm(): void {
    this.write(this.ctx.storage.kv.get<string>("due") ?? "by alarm");
  }

  override onRequest(request: Request): Promise<Response> {
    this.write(new URL(request.url).searchParams.get("id") ?? "");
    return Promise.resolve(new Response("written"));
  }

  letGo(): void {
    for (const { resolve } of held.values()) resolve();
  }

  timesAsked(id: string): number {
    return asked.get(id) ?? 0;
  }

  who(): unknown[] {
    return this.connections().map(({ identity, client, channels }) => ({ identity, client, channels }));
  }

  ban(user: string): number {
    return this.disconnect((identity) => identity?.["user"] === user);
  }

  /** Before the socket has closed, what its action waits for is there. */
  banAndLetGo(user: string): number {
    const count = this.ban(user);
    this.letGo();
    return count;
  }
}

/** The example that partysync's own documentation begins with: only the import is another, and the channel is declared. */
export class Seed extends SyncServer<unknown, { todos: [unknown[], { type: "create"; payload: { id: string; text: string; completed: 0 | 1 } }] }> {
  override readonly channels = { todos: {} };

  override onStart(): void {
    this.ctx.storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS todos (id TEXT PRIMARY KEY NOT NULL UNIQUE, text TEXT NOT NULL, completed INTEGER NOT NULL, " +
        "created_at INTEGER NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at INTEGER NOT NULL DEFAULT CURRENT_TIMESTAMP, deleted_at INTEGER DEFAULT NULL)",
    );
  }

  override onAction(_channel: "todos", action: { type: "create"; payload: { id: string; text: string; completed: 0 | 1 } }): unknown[] {
    const { id, text, completed } = action.payload;
    return [...this.ctx.storage.sql.exec("INSERT INTO todos (id, text, completed) VALUES (?, ?, ?) RETURNING *", id, text, completed).raw()];
  }
}
