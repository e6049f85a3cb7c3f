// SPDX-License-Identifier: MIT
// Apps whose actions end the transaction that they run in.
import { SyncObject, SyncServer, type ActionArguments } from "../../js-shim/index.ts";
import ending from "../../wasm/build/ending.wasm";

type Shared = { todos: [[id: string, n: number], { type: "run" | "step"; payload: string | string[] }]; children: [[id: string, parent: string], never] };

const schema = [
  "CREATE TABLE todos (id TEXT PRIMARY KEY NOT NULL, n INTEGER NOT NULL DEFAULT 0); INSERT INTO todos (id) VALUES ('n'), ('m')",
  "CREATE TABLE parents (id TEXT PRIMARY KEY); CREATE TABLE children (id TEXT PRIMARY KEY NOT NULL, parent TEXT REFERENCES parents)",
];

export class EndingC extends SyncObject {
  static override readonly core = ending;
}

/** An action runs its payload as SQL, or makes a step. */
export class Ending extends SyncServer<unknown, Shared> {
  override readonly channels = { todos: {}, children: {} };
  override readonly migrations = schema;

  override onAction(...[, { type, payload }]: ActionArguments<Shared>): string | void {
    if (type === "step") return this.#steps[String(payload)]?.();
    for (const sql of [payload].flat()) this.ctx.storage.sql.exec(sql);
  }

  readonly #steps: Record<string, () => string | void> = {
    "catch it and go on": () => {
      this.broadcast("todos", "by the one that ends it");
      try {
        this.ctx.storage.sql.exec("INSERT OR ROLLBACK INTO todos (id) VALUES ('n')");
      } catch {
        // As if nothing had happened.
      }
      this.ctx.storage.sql.exec("UPDATE todos SET n = 1000");
      return "done";
    },
    "end it in a transaction within": () => {
      try {
        this.ctx.storage.transactionSync(() => this.ctx.storage.sql.exec("UPDATE OR ROLLBACK todos SET id = 'n'"));
      } catch {
        this.ctx.storage.sql.exec("UPDATE todos SET n = 1000");
      }
    },
    broadcast: () => {
      this.broadcast("todos", "by another");
      this.ctx.storage.sql.exec("UPDATE todos SET n = n + 1 WHERE id = 'n'");
    },
  };

  protected override async onRequest(request: Request): Promise<Response> {
    const { searchParams } = new URL(request.url);
    return Response.json(this.ctx.storage.sql.exec(searchParams.get("sql") ?? "").toArray());
  }
}
