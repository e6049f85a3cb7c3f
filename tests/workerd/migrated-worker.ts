// SPDX-License-Identifier: MIT
// Apps whose releases migrate tables that others refer to, picked by the part of the object's name before "|".
import { SyncServer, type Migration } from "../../js-shim/index.ts";

/** The release that objects run which start from now on, from 0. */
export const released = { release: 0 };

const family = (action: string) => `CREATE TABLE parents (id TEXT PRIMARY KEY NOT NULL, n TEXT);
  CREATE TABLE children (id TEXT PRIMARY KEY NOT NULL, parent TEXT REFERENCES parents(id) ${action});
  INSERT INTO parents VALUES ('p', '1'); INSERT INTO children VALUES ('c', 'p')`;

/** What docs/MIGRATIONS.md says of a column that is retyped. */
const retype = `CREATE TABLE new (id TEXT PRIMARY KEY NOT NULL, n INTEGER); INSERT INTO new SELECT id, n FROM parents;
  DROP TABLE parents; ALTER TABLE new RENAME TO parents`;

/** As drizzle-kit 0.31 writes it. */
const drizzle = `PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE \`__new_parents\` (
	\`id\` text PRIMARY KEY NOT NULL,
	\`n\` integer
);
--> statement-breakpoint
INSERT INTO \`__new_parents\`("id", "n") SELECT "id", "n" FROM \`parents\`;--> statement-breakpoint
DROP TABLE \`parents\`;--> statement-breakpoint
ALTER TABLE \`__new_parents\` RENAME TO \`parents\`;--> statement-breakpoint
PRAGMA foreign_keys=ON;`;

const orphan = "DELETE FROM parents";
const cascade = family("ON DELETE CASCADE");
const off = (sql: string) => `${sql}; ${retype}`;
const later = "ALTER TABLE children ADD COLUMN note TEXT";
const remade = (migration: Migration): Migration[][] => [[cascade], [cascade, later, migration, "UPDATE children SET note = 'kept'"]];

const apps: Record<string, readonly Migration[][]> = {
  cascade: remade(retype),
  "set null": [[family("ON DELETE SET NULL")], [family("ON DELETE SET NULL"), later, retype, "UPDATE children SET note = 'kept'"]],
  "no action": [[family("")], [family(""), later, retype, "UPDATE children SET note = 'kept'"]],
  restrict: [[family("ON DELETE RESTRICT")], [family("ON DELETE RESTRICT"), later, retype, "UPDATE children SET note = 'kept'"]],
  drizzle: remade(drizzle),
  "drizzle, CRLF": remade(drizzle.replaceAll("\n", "\r\n")),
  "says so": remade(off("PRAGMA foreign_keys = OFF")),
  "says so otherwise": remade(off("\ufeff/* first */ pragma Main . \"foreign_keys\"(0)")),
  "says so in a string": remade(off("PRAGMA foreign_keys='off'")),
  "a function": remade((sql) => void sql.exec(retype)),
  "a function that says so": remade((sql) => {
    sql.exec("PRAGMA foreign_keys = OFF");
    sql.exec("DELETE FROM parents"); // nothing follows them
    sql.exec("INSERT INTO parents VALUES ('p', 1)");
    sql.exec(retype);
  }),
  "two of them": [[cascade], [cascade, later, drizzle, drizzle, "UPDATE children SET note = 'kept'"]],
  "the last of all": [[cascade], [`${cascade}`, `${later}; UPDATE children SET note = 'kept'`, drizzle]],
  commented: [[`-- first\n${cascade};\n-- last`], [`${cascade};`, "/* nothing */", "", ";;\r\n", `${later};; UPDATE children SET note = 'kept'; /* open`, `${retype} -- \n ; \n`]],
  cascades: [[cascade], [cascade, "DELETE FROM parents"]],
  dangles: [[cascade], [cascade, later, `PRAGMA foreign_keys = OFF; ${orphan}`, later], [cascade]],
  "dangles, and says nothing": [[cascade], [cascade, later, `${retype}; DELETE FROM parents`, later], [cascade]],
  "dangled before": [[cascade], [cascade, "PRAGMA foreign_keys = OFF; CREATE TABLE third (id)"]],
  "fails when it is off": [[cascade], [cascade, later, `${drizzle} INSERT INTO nowhere VALUES (1)`], [cascade]],
  "throws when it is off": [[cascade], [cascade, later, (sql) => (sql.exec("PRAGMA foreign_keys = OFF"), void sql.exec("INSERT INTO nowhere VALUES (1)"))], [cascade]],
  "does not fit": [[cascade], [cascade, `${drizzle} ALTER TABLE children RENAME TO others`], [cascade]],
  changed: [
    [cascade, later, (sql) => void sql.exec("UPDATE parents SET n = '2'")],
    [`  ${cascade.toLowerCase().replaceAll("'p'", "'p'")} ; -- the same`, later.replaceAll(" ", "\n"), () => {}],
    [cascade, later.replace("note", "text"), () => {}],
  ],
};

export class Migrated extends SyncServer {
  override readonly channels = { parents: {}, children: {} };
  override readonly migrations = this.#app[Math.min(released.release, this.#app.length - 1)] ?? [];

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env);
    if (!ctx.id.name?.endsWith("|with a start")) this.onStart = SyncServer.prototype.onStart;
  }

  get #app(): readonly Migration[][] {
    return apps[this.ctx.id.name?.split("|")[0] ?? ""] ?? [];
  }

  override onStart(): void | Promise<void> {
    return this.#begin();
  }

  async #begin(): Promise<void> {
    await Promise.resolve();
    this.ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS own (id)");
  }

  /** RPC methods: they reach an object that could not start, too. */
  run(sql: string): Record<string, SqlStorageValue>[] {
    return this.ctx.storage.sql.exec(sql).toArray();
  }

  /** Has a row refer to no other. */
  async dangle(): Promise<void> {
    await this.ctx.storage.sync();
    this.run("PRAGMA foreign_keys = OFF");
    this.run("UPDATE children SET parent = 'nobody'");
    await this.ctx.storage.sync();
    this.run("PRAGMA foreign_keys = ON");
  }

  end(): void {
    this.ctx.abort("a deploy");
  }
}
