// SPDX-License-Identifier: MIT
// What one writes first, and what partysync does: a message is an action, its rows go whole to its sender and to everybody else, a newcomer gets
// the table in one message, and one who comes back gets what has a later time-stamp.
import { DurableObject } from "cloudflare:workers";
import type { Measured } from "../../harness/measured.ts";
import { seedTodos, seedWide, todosTable, wideTable } from "../schema.ts";

type Row = SqlStorageValue[];

interface Message {
  readonly channel: string;
  readonly sync?: boolean;
  readonly from?: number;
  readonly id: string;
  readonly action: { readonly type: string; readonly payload: { readonly id: string; readonly text?: string; readonly completed?: number; readonly value?: string } };
}

abstract class Straightforward extends DurableObject implements Measured {
  protected abstract readonly rowsToBeginWith: string;
  #rows = { read: 0, written: 0 };

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    ctx.storage.sql.exec(todosTable);
    ctx.storage.sql.exec(wideTable);
  }

  override fetch(): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(socket: WebSocket, text: string): void {
    const message = JSON.parse(text) as Message;
    const { channel } = message;
    if (message.sync) {
      const since = message.from === undefined ? [] : [message.from];
      const where = channel === "wide" ? "" : ` WHERE deleted_at IS NULL${since.length > 0 ? " AND updated_at > ?" : ""}`;
      socket.send(JSON.stringify({ sync: true, channel, payload: this.#select(`SELECT * FROM ${channel}${where}`, ...since) }));
      return;
    }
    try {
      const result = this.ctx.storage.transactionSync(() => this.#act(message.action));
      socket.send(JSON.stringify({ type: "success", rpc: true, channel, id: message.id, result }));
      const news = JSON.stringify({ broadcast: true, type: "update", channel, payload: result });
      for (const other of this.ctx.getWebSockets()) if (other !== socket) other.send(news);
    } catch (error) {
      socket.send(JSON.stringify({ type: "error", rpc: true, channel, id: message.id, error: [String(error)] }));
    }
  }

  #act({ type, payload }: Message["action"]): Row[] {
    const now = Date.now();
    if (type === "create") return this.#select("INSERT INTO todos (id, text, created_at, updated_at) VALUES (?1, ?2, ?3, ?3) RETURNING *", payload.id, payload.text ?? null, now);
    if (type === "update") return this.#select("UPDATE todos SET completed = ?2, updated_at = ?3 WHERE id = ?1 RETURNING *", payload.id, payload.completed ?? null, now);
    if (type === "set") return this.#select("UPDATE wide SET c5 = ?2 WHERE id = ?1 RETURNING *", payload.id, payload.value ?? null);
    throw new Error(`There is no action ${type}.`);
  }

  #select(query: string, ...bindings: SqlStorageValue[]): Row[] {
    const cursor = this.ctx.storage.sql.exec(query, ...bindings);
    const rows = [...cursor.raw()];
    this.#rows.read += cursor.rowsRead;
    this.#rows.written += cursor.rowsWritten;
    return rows;
  }

  seed(from: number, count: number, size: number): void {
    this.ctx.storage.sql.exec(this.rowsToBeginWith, from, count, size);
  }

  rows(): { read: number; written: number } {
    const rows = this.#rows;
    this.#rows = { read: 0, written: 0 };
    return rows;
  }
}

export class Todos extends Straightforward {
  protected override readonly rowsToBeginWith = seedTodos;
}

export class Wide extends Straightforward {
  protected override readonly rowsToBeginWith = seedWide;
}
