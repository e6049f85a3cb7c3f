// SPDX-License-Identifier: MIT
// An object whose disk a test makes as small as it is full. It takes workerd's flag `experimental`.
import { SyncObject } from "../../js-shim/index.ts";
import schema from "../../wasm/build/schema.wasm";

/** More pages than any disk has. */
const ENDLESS = 0x3fffffff;

/** Objects without room, by their ids. It outlives the objects, which a full disk ends, so that the disk stays full. */
const cramped = new Set<string>();

/** What `experimental` adds. */
interface ExperimentalSql {
  setMaxPageCountForTest(pages: number): void;
}

export class Cramped extends SyncObject {
  static override readonly core = schema;
  readonly #id: string;
  readonly #sql: ExperimentalSql;

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env);
    this.#id = ctx.id.toString();
    this.#sql = ctx.storage.sql as unknown as ExperimentalSql;
    if (cramped.has(this.#id)) this.#sql.setMaxPageCountForTest(1);
  }

  /** From now on the database cannot grow: a limit below its present size means that size. Or it can again. */
  setRoom(isThere: boolean): void {
    if (isThere) cramped.delete(this.#id);
    else cramped.add(this.#id);
    this.#sql.setMaxPageCountForTest(isThere ? ENDLESS : 1);
  }

  /** The table as it is on the disk. */
  entries(): unknown[] {
    return [...this.ctx.storage.sql.exec("SELECT value FROM kinds ORDER BY id").raw()].map(([value]) => value);
  }
}
