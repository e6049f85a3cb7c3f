// SPDX-License-Identifier: MIT
// The durasync todo object and the bare one, side by side, each with what a measurement needs: rows to begin with, a write of the object's own,
// and the cost since the last time somebody asked.
import { addCost, noCost, type Cost } from "../../js-shim/cost.ts";
import { SyncObject, routeSyncRequest } from "../../js-shim/index.ts";
import todo from "../../wasm/build/todo.wasm";
import { Baseline } from "./baseline.ts";

/** What the bench calls, by request. */
interface Measured {
  /** Adds `count` rows with keys from `from` on and `size` characters of text. */
  seed(from: number, count: number, size: number): void;
  /** Writes a row's own values over it. */
  touch(id: string): void;
  /** Handles the next `count` frames as if they had arrived at the same moment, whatever the network does with them. */
  gather(count: number): void;
  /** The cost since it was last taken, or since the object woke. */
  take(): Cost;
  /** The bytes that the platform has the object's database down for. */
  size(): number;
}

const seedRows = `
  WITH RECURSIVE numbers (n) AS (VALUES (CAST(?1 AS INTEGER)) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?1 + ?2)
  INSERT INTO todos (id, text, created_at, updated_at)
  SELECT format('%08d', n), substr(hex(randomblob(?3 / 2 + 1)), 1, ?3), 1700000000000, 1700000000000 FROM numbers`;
const touchRow = "UPDATE todos SET text = text WHERE id = ?";

function difference(cost: Cost, before: Cost): Cost {
  const minus = Object.fromEntries(Object.entries(before).map(([key, value]) => [key, -value])) as unknown as Cost;
  addCost(minus, cost);
  return minus;
}

export class Todos extends SyncObject implements Measured {
  static override readonly core = todo;
  #taken = noCost();
  #gathering = 0;
  readonly #gathered: [WebSocket, string | ArrayBuffer][] = [];

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    this.#gathered.push([socket, message]);
    if (this.#gathered.length < this.#gathering) return;
    this.#gathering = 0;
    for (const frame of this.#gathered.splice(0)) super.webSocketMessage(...frame);
  }

  gather(count: number): void {
    this.#gathering = count;
  }

  seed(from: number, count: number, size: number): void {
    this.ctx.storage.sql.exec(seedRows, from, count, size);
    this.flush();
  }

  touch(id: string): void {
    const { rowsRead, rowsWritten } = this.ctx.storage.sql.exec(touchRow, id);
    // stats() knows the core's statements; this one is the object's own.
    addCost(this.#taken, { ...noCost(), rowsRead: -rowsRead, rowsWritten: -rowsWritten });
    this.flush();
  }

  take(): Cost {
    const total = this.stats();
    const cost = difference(total, this.#taken);
    this.#taken = total;
    return cost;
  }

  size(): number {
    return this.ctx.storage.sql.databaseSize;
  }
}

export class Plain extends Baseline implements Measured {
  #taken = noCost();

  // It handles every frame by itself, whenever it arrives.
  gather(): void {}

  seed(from: number, count: number, size: number): void {
    this.rows(seedRows, from, count, size);
  }

  touch(id: string): void {
    this.broadcast(this.rows(`${touchRow} RETURNING *`, id));
  }

  take(): Cost {
    const total = this.stats();
    const cost = difference(total, this.#taken);
    this.#taken = total;
    return cost;
  }

  size(): number {
    return this.ctx.storage.sql.databaseSize;
  }
}

interface Env {
  readonly Todos: DurableObjectNamespace<Todos>;
  readonly Plain: DurableObjectNamespace<Plain>;
}

/** `/call/<Todos or Plain>/<name>/<method>?<argument>&<argument>...` */
async function call(url: URL, env: Env): Promise<unknown> {
  const [, , objectClass, name = "", method] = url.pathname.split("/");
  const object = (objectClass === "Todos" ? env.Todos : env.Plain).getByName(name);
  const [first = "", ...more] = url.search.slice(1).split("&");
  if (method === "seed") return await object.seed(Number(first), Number(more[0]), Number(more[1]));
  if (method === "touch") return await object.touch(first);
  if (method === "gather") return await object.gather(Number(first));
  if (method === "size") return await object.size();
  return await object.take();
}

export default {
  async fetch(request, env): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname.startsWith("/call/")) return Response.json((await call(url, env)) ?? null);
    return (await routeSyncRequest(request, env)) ?? new Response("not found", { status: 404 });
  },
} satisfies ExportedHandler<Env>;
