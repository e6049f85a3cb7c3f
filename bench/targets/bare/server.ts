// SPDX-License-Identifier: MIT
// The limit: an object written by hand for these cases alone, with no more guarantees than they need. It knows no reconnecting author, no deletion, no
// second table, no bad input. A message is a JSON array that is never parsed: SQLite takes the messages of a turn apart together, and their text is the news.
import { DurableObject } from "cloudflare:workers";
import type { Measured } from "../../harness/measured.ts";
import { seedTodos, seedWide, todosTable, wideTable } from "../schema.ts";

const FIRST_PAGE = 200;
const PAGE = 1000;

// The dump reads a copy with rowids, by range, column by column: neither subquery nor LIMIT, and no array a row.
const dumped = `CREATE TABLE IF NOT EXISTS dumped (n INTEGER PRIMARY KEY, id TEXT, text TEXT, completed INTEGER, created_at INTEGER, updated_at INTEGER, deleted_at INTEGER) STRICT`;
const page = `SELECT ${["id", "text", "completed", "created_at", "updated_at", "deleted_at"].map((column) => `json_group_array(${column})`).join()} FROM dumped WHERE n BETWEEN ? AND ?`;
const copySeeded = `INSERT INTO dumped (id, text, completed, created_at, updated_at, deleted_at) SELECT * FROM todos WHERE id BETWEEN format('%08d', ?) AND format('%08d', ?)`;

const create = `INSERT INTO todos (id, text, created_at, updated_at) SELECT value ->> 2, value ->> 3, ?2, ?2 FROM json_each(?1)`;
const update = `UPDATE todos SET completed = changed.value ->> 3, updated_at = ?2 FROM json_each(?1) AS changed WHERE todos.id = changed.value ->> 2`;
const set = `UPDATE wide SET c5 = changed.value ->> 3 FROM json_each(?1) AS changed WHERE wide.id = changed.value ->> 2 AND ?2`;
const note = `INSERT INTO log (id) SELECT value ->> 2 FROM json_each(?)`;
const since = `SELECT json_group_array(json_array(id, text, completed, created_at, updated_at, deleted_at)) FROM todos WHERE id IN (SELECT id FROM log WHERE version > ?)`;

export abstract class Bare extends DurableObject implements Measured {
  protected abstract readonly rowsToBeginWith: string;
  #create: string[] = [];
  #update: string[] = [];
  #set: string[] = [];
  #waiting = false;
  #rows = { read: 0, written: 0 };

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    for (const table of [todosTable, wideTable, dumped, "CREATE TABLE IF NOT EXISTS log (version INTEGER PRIMARY KEY, id TEXT NOT NULL) STRICT"]) ctx.storage.sql.exec(table);
  }

  override fetch(): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  // The second character says what it is: a client's name begins with c, u or s for what it does.
  override webSocketMessage(socket: WebSocket, text: string): void {
    const kind = text[2];
    if (kind === "c") this.#create.push(text);
    else if (kind === "u") this.#update.push(text);
    else if (kind === "s") this.#set.push(text);
    else return this.#answer(socket, JSON.parse(text) as [string, string | number]);
    if (this.#waiting) return;
    this.#waiting = true;
    setTimeout(() => this.#turn(), 0);
  }

  #turn(): void {
    this.#waiting = false;
    for (const [query, messages] of [[create, this.#create], [update, this.#update], [set, this.#set]] as const) {
      if (messages.length === 0) continue;
      const news = `[${messages.join(",")}]`;
      messages.length = 0;
      this.store(query, news);
      for (const socket of this.ctx.getWebSockets()) socket.send(news);
    }
  }

  /** Carries out a turn's messages of one kind. */
  protected store(query: string, news: string): void {
    this.exec(query, news, Date.now());
    if (query === update) this.exec(note, news);
  }

  #answer(socket: WebSocket, [what, argument]: [string, string | number]): void {
    if (what === "resume") socket.send(String(this.exec(since, argument).next().value?.[0]));
    else if (argument === "wide") socket.send(String(this.exec(`SELECT json_group_array(json_array(id)) FROM wide`).next().value?.[0]));
    else this.#sendPage(socket, 1, FIRST_PAGE);
  }

  // A page a macrotask: others' actions come in between.
  #sendPage(socket: WebSocket, from: number, rows: number): void {
    const columns = this.exec(page, from, from + rows - 1).next().value ?? [];
    socket.send(`[${columns.join()}]`);
    if (columns[0] !== "[]") setTimeout(() => this.#sendPage(socket, from + rows, PAGE), 0);
  }

  protected exec(query: string, ...bindings: SqlStorageValue[]): IterableIterator<SqlStorageValue[]> {
    const cursor = this.ctx.storage.sql.exec(query, ...bindings);
    const rows = [...cursor.raw()];
    this.#rows.read += cursor.rowsRead;
    this.#rows.written += cursor.rowsWritten;
    return rows.values();
  }

  seed(from: number, count: number, size: number): void {
    this.ctx.storage.sql.exec(this.rowsToBeginWith, from, count, size);
    this.ctx.storage.sql.exec(copySeeded, from, from + count - 1);
  }

  rows(): { read: number; written: number } {
    const rows = this.#rows;
    this.#rows = { read: 0, written: 0 };
    return rows;
  }
}

export class Todos extends Bare {
  protected override readonly rowsToBeginWith = seedTodos;
}

export class Wide extends Bare {
  protected override readonly rowsToBeginWith = seedWide;
}
