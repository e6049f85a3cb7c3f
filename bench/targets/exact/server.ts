// SPDX-License-Identifier: MIT
// The limit of whoever promises what durasync does: the bare object, and as little as SQLite can be asked for each action to be carried out exactly once and as a whole, and for everybody to
// be told what came of it, triggers and defaults included. A savepoint an action, a row a client, a log that triggers fill, and the rows read back. It still checks and compares nothing.
import { Bare } from "../bare/server.ts";
import { seedTodos } from "../schema.ts";

const tables = [
  "CREATE TABLE IF NOT EXISTS client (client TEXT PRIMARY KEY, settled INTEGER NOT NULL) STRICT, WITHOUT ROWID",
  "CREATE TABLE IF NOT EXISTS change (version INTEGER PRIMARY KEY, id TEXT NOT NULL) STRICT",
  "CREATE TRIGGER IF NOT EXISTS inserted AFTER INSERT ON todos BEGIN INSERT INTO change (id) VALUES (NEW.id); END",
  "CREATE TRIGGER IF NOT EXISTS updated AFTER UPDATE ON todos BEGIN INSERT INTO change (id) VALUES (NEW.id); END",
];

const settle = "INSERT INTO client VALUES (?, ?) ON CONFLICT DO UPDATE SET settled = excluded.settled";
const changed = `SELECT max(version), json_group_array(json_array(todos.id, text, completed, created_at, updated_at, deleted_at))
  FROM change CROSS JOIN todos ON todos.id = change.id WHERE version > ?`;

type Message = [client: string, number: number, ...rest: unknown[]];

export class Todos extends Bare {
  protected override readonly rowsToBeginWith = seedTodos;
  #version: number;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    for (const table of tables) ctx.storage.sql.exec(table);
    this.#version = this.#lastVersion();
  }

  #lastVersion(): number {
    return Number(this.exec("SELECT max(version) FROM change").next().value?.[0]);
  }

  override seed(from: number, count: number, size: number): void {
    super.seed(from, count, size);
    this.#version = this.#lastVersion(); // nobody is told of these
  }

  protected override store(query: string, news: string): void {
    const { storage } = this.ctx;
    storage.transactionSync(() => {
      const settled = new Map<string, number>();
      for (const message of JSON.parse(news) as Message[]) {
        storage.transactionSync(() => super.store(query, JSON.stringify([message])));
        settled.set(message[0], message[1]);
      }
      for (const [client, number] of settled) this.exec(settle, client, number);
      this.#version = Number(this.exec(changed, this.#version).next().value?.[0]);
    });
  }
}

export { Wide } from "../bare/server.ts";
