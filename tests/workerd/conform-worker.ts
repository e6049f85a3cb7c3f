// SPDX-License-Identifier: MIT
// The apps of the conformance suite in TypeScript, and the objects of those in C: tests/apps/conform, and tests/apps/release-1 to 3.
import * as v from "valibot";
import { SyncError, SyncObject, SyncServer, type ActionArguments, type Handled } from "../../js-shim/index.ts";
import conform from "../../wasm/build/conform.wasm";
import release1 from "../../wasm/build/release-1.wasm";
import release2 from "../../wasm/build/release-2.wasm";
import release3 from "../../wasm/build/release-3.wasm";

type Note = [id: string, text: string, author: string | null];
type Named = { id: string; text: string };
type NoteAction =
  | { type: "create" | "rename" | "conflict" | "refuse" | "fail" | "nothing" | "large" | "large result"; payload: Named }
  | { type: "many"; payload: { count: number } }
  | { type: "wipe" | "count" | "who" | "remind"; payload?: null };
type Shared = { notes: [Note, NoteAction]; secrets: [[id: string], { type: "keep"; payload: { id: string } }]; mine: [Note, never] };
type Who = { user: string; role: "admin" | "guest" };

const sentences = { id: "`id` must be a string of 1 to 64 bytes, and not blank.", text: "`text` must be a string of 0 to 2000 bytes." };
const newNote = v.object(
  {
    id: v.pipe(v.string(sentences.id), v.maxBytes(64, sentences.id), v.regex(/\S/, sentences.id)),
    text: v.pipe(v.string(sentences.text), v.maxBytes(2000, sentences.text)),
  },
  ({ path }) => (path ? sentences[path[0].key as keyof Named] : "The payload must be an object."),
);

export class ConformC extends SyncObject {
  static override readonly core = conform;
}

export class ConformTs extends SyncServer<unknown, Shared, Who | undefined> {
  override readonly channels = { notes: {}, secrets: {}, mine: { table: "notes", where: "author = $user" } };
  override readonly migrations = [
    "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, text TEXT NOT NULL CONSTRAINT short CHECK (length(text) < 100), author TEXT) STRICT",
    (sql: SqlStorage) => void sql.exec("CREATE TABLE secrets (id TEXT PRIMARY KEY NOT NULL) STRICT"),
  ];
  override readonly payloads = { notes: { create: newNote } };
  override readonly version = 3;
  override readonly minVersion = 2;

  #insert(...note: Note): void {
    this.ctx.storage.sql.exec("INSERT INTO notes VALUES (?, ?, ?)", ...note);
  }

  override onStart(): void {
    this.ctx.storage.sql.exec("INSERT INTO notes SELECT '0', 'made at the start', NULL WHERE NOT EXISTS (SELECT 1 FROM notes WHERE id = '0')");
  }

  override onConnect(request: Request): Who | undefined {
    const user = new URL(request.url).searchParams.get("user");
    if (user === "mallory") throw new SyncError("forbidden", "Not you.");
    return user === null ? undefined : { user, role: user === "root" ? "admin" : "guest" };
  }

  override canRead(channel: string, who: Who | undefined): boolean {
    return channel !== "secrets" || who?.role === "admin";
  }

  override canDo(_channel: string, { type }: { type: string }, who: Who | undefined): boolean {
    return type !== "wipe" || who?.role === "admin";
  }

  override onAction(...[channel, action, { identity, now }]: ActionArguments<Shared, Who | undefined>): Handled {
    const { sql } = this.ctx.storage;
    const author = identity?.user ?? null;
    if (channel === "secrets") {
      sql.exec("INSERT INTO secrets VALUES (?)", action.payload.id);
      return this.#insert(action.payload.id, "a secret was kept", null);
    }
    if (channel !== "notes") throw new SyncError("unknown_action");
    switch (action.type) {
      case "create":
        return this.#insert(action.payload.id, action.payload.text, author);
      case "rename":
        if (sql.exec("UPDATE notes SET text = ? WHERE id = ?", action.payload.text, action.payload.id).rowsWritten === 0) throw new SyncError("not_found");
        return;
      case "many":
        for (let i = 1; i <= action.payload.count; i++) this.#insert(String(i).padStart(5, "0"), "one of many", null);
        return;
      case "wipe":
        return void sql.exec("DELETE FROM notes");
      case "count":
        return sql.exec("SELECT count(*) AS count FROM notes").one();
      case "who":
        return { user: identity?.user ?? null, role: identity?.role ?? null };
      case "conflict":
        this.#insert(action.payload.id, action.payload.text, author);
        throw new SyncError("conflict", "Somebody was faster.", { winner: "b" });
      case "refuse":
        this.#insert(action.payload.id, action.payload.text, author);
        throw new SyncError("rejected");
      case "fail":
        this.#insert(action.payload.id, action.payload.text, author);
        return void sql.exec("SELECT secret_column FROM nowhere");
      case "nothing":
        return void sql.exec("INSERT INTO notes (id) VALUES (?)", action.payload.id);
      case "large":
        return this.#insert(action.payload.id, "", "x".repeat(900_000));
      case "large result":
        this.#insert(action.payload.id, action.payload.text, author);
        return "x".repeat(100_000);
      case "remind":
        return void this.ctx.storage.setAlarm(now);
      default:
        throw new SyncError("unknown_action");
    }
  }

  override alarm(): void {
    this.#insert("alarm", "made by the alarm", null);
  }

  protected override onRequest(request: Request): Promise<Response> {
    this.#insert(new URL(request.url).searchParams.get("id") ?? "", "made by a request", null);
    return Promise.resolve(new Response("made", { status: 201 }));
  }
}

/** Which release of the apps below is deployed: objects that wake run this one. */
export const deployed = { release: 1 };

export class ReleaseC extends SyncObject {
  static override get core(): WebAssembly.Module {
    return [release1, release2, release3][deployed.release - 1] ?? release1;
  }
}

type Items = { items: [unknown[], { type: "add"; payload: Named }]; others: [[id: string], never] };

export class ReleaseTs extends SyncServer<unknown, Items> {
  override readonly channels = { items: {}, others: {} };
  override readonly migrations = [
    "CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL); CREATE TABLE others (id TEXT PRIMARY KEY NOT NULL)",
    "ALTER TABLE items RENAME COLUMN name TO title; ALTER TABLE items ADD COLUMN done INTEGER NOT NULL DEFAULT 0",
    "DROP TABLE others; INSERT INTO nowhere VALUES (1)",
  ].slice(0, deployed.release);
  override readonly version = deployed.release;

  override onAction(...[, { payload }]: ActionArguments<Items>): void {
    this.ctx.storage.sql.exec(`INSERT INTO items (id, ${deployed.release === 1 ? "name" : "title"}) VALUES (?, ?)`, payload.id, payload.text);
  }
}
