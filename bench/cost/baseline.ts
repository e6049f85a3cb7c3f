// SPDX-License-Identifier: MIT
// The todo object as a competent engineer writes it without a library: the table is sent whole, changed rows are sent whole to every socket, and
// who was away gets everything again. The table is the todo fixture's own, so that what differs is the way of syncing alone.
import { DurableObject } from "cloudflare:workers";
import { addCost, noCost, type Cost } from "../../js-shim/cost.ts";

type Row = Record<string, SqlStorageValue>;

interface Message {
  readonly type: string;
  readonly id: number;
  readonly payload: { readonly id: string; readonly text?: string; readonly completed?: number };
}

export class Baseline extends DurableObject {
  readonly #total = noCost();

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env as Cloudflare.Env);
    this.rows(`CREATE TABLE IF NOT EXISTS todos (
      id TEXT PRIMARY KEY NOT NULL,
      text TEXT NOT NULL,
      completed INTEGER NOT NULL DEFAULT 0 CHECK (completed IN (0, 1)),
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      deleted_at INTEGER
    ) STRICT, WITHOUT ROWID`);
  }

  override async fetch(): Promise<Response> {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(socket: WebSocket, message: string): void {
    addCost(this.#total, { ...noCost(), turns: 1, framesIn: 1, unitsIn: message.length });
    const received = JSON.parse(message) as Message;
    if (received.type === "sync") this.#send(socket, { type: "rows", rows: this.rows("SELECT * FROM todos") });
    else this.#act(socket, received);
  }

  stats(): Cost {
    return { ...this.#total };
  }

  /** Sends rows that have changed to everybody. */
  broadcast(rows: readonly Row[]): void {
    if (rows.length > 0) this.#sendAll({ type: "put", rows });
  }

  /** Runs a statement and counts its rows. */
  protected rows(query: string, ...bindings: SqlStorageValue[]): Row[] {
    const cursor = this.ctx.storage.sql.exec(query, ...bindings);
    const rows = cursor.toArray();
    addCost(this.#total, { ...noCost(), rowsRead: cursor.rowsRead, rowsWritten: cursor.rowsWritten });
    return rows;
  }

  #act(socket: WebSocket, { type, id, payload }: Message): void {
    try {
      this.ctx.storage.transactionSync(() => this.#run(type, payload));
      this.#send(socket, { type: "done", id });
    } catch (error) {
      this.#send(socket, { type: "failed", id, error: error instanceof Error ? error.message : String(error) });
    }
  }

  #run(type: string, { id, text = null, completed = null }: { id: string; text?: string | null; completed?: number | null }): void {
    const now = Date.now();
    switch (type) {
      case "create":
        return this.broadcast(this.rows("INSERT INTO todos (id, text, created_at, updated_at) VALUES (?1, ?2, ?3, ?3) RETURNING *", id, text, now));
      case "update": {
        const query = "UPDATE todos SET text = ifnull(?2, text), completed = ifnull(?3, completed), updated_at = ?4 WHERE id = ?1 RETURNING *";
        return this.broadcast(this.rows(query, id, text, completed, now));
      }
      case "delete":
        return this.#forget(this.rows("DELETE FROM todos WHERE id = ? RETURNING id", id));
      case "toggle-all":
        return this.broadcast(this.rows("UPDATE todos SET completed = ?1, updated_at = ?2 WHERE completed <> ?1 RETURNING *", completed, now));
      case "clear-completed":
        return this.#forget(this.rows("DELETE FROM todos WHERE completed = 1 RETURNING id"));
      default:
        throw new Error(`There is no action ${type}.`);
    }
  }

  #forget(rows: readonly Row[]): void {
    if (rows.length > 0) this.#sendAll({ type: "delete", ids: rows.map(({ id }) => id) });
  }

  #sendAll(message: unknown): void {
    const text = JSON.stringify(message);
    for (const socket of this.ctx.getWebSockets()) this.#sendText(socket, text);
  }

  #send(socket: WebSocket, message: unknown): void {
    this.#sendText(socket, JSON.stringify(message));
  }

  #sendText(socket: WebSocket, text: string): void {
    socket.send(text);
    addCost(this.#total, { ...noCost(), framesOut: 1, unitsOut: text.length });
  }
}
