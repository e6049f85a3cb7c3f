// SPDX-License-Identifier: MIT
// An app whose code redefines tables without a migration, wherever it runs.
import { SyncServer, type ActionArguments } from "../../js-shim/index.ts";

type Run = { type: "run"; payload: string };
type Shared = { notes: [[id: string], Run]; others: [[id: string], never] };

export class Redefined extends SyncServer<unknown, Shared> {
  override readonly channels = { notes: {}, others: {} };
  override readonly migrations = ["CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL)", "CREATE TABLE others (id TEXT PRIMARY KEY NOT NULL)"];

  override onStart(): void {
    if (this.ctx.id.name === "at every start") this.ctx.storage.sql.exec("DROP TABLE notes; CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL); INSERT INTO notes VALUES ('made by onStart')");
  }

  override onAction(...[, { payload }]: ActionArguments<Shared>): void {
    this.ctx.storage.sql.exec(payload);
  }

  /** Runs the statements in the address, and waits for a moment after each. */
  override async onRequest(request: Request): Promise<Response> {
    const { searchParams } = new URL(request.url);
    if (searchParams.has("empty")) await this.ctx.storage.deleteAll();
    const run = async () => {
      for (const query of searchParams.getAll("sql")) {
        this.ctx.storage.sql.exec(query);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      if (searchParams.has("undone")) throw new Error("undone");
    };
    if (searchParams.has("transaction")) await this.ctx.storage.transaction(run).catch(() => undefined);
    else await run();
    return new Response("done");
  }
}
