// SPDX-License-Identifier: MIT
// durasync with apps in TypeScript: the todo fixture's, and one with a wide table.
import { SyncServer } from "../../../js-shim/index.ts";
import { Todos as TodoFixture } from "../../../fixtures/todo-ts/worker.ts";
import type { Measured } from "../../harness/measured.ts";
import { seedTodos, seedWide, wideTable } from "../schema.ts";

type Rows = { read: number; written: number };

function difference({ rowsRead: read, rowsWritten: written }: { rowsRead: number; rowsWritten: number }, taken: Rows): Rows {
  const rows = { read: read - taken.read, written: written - taken.written };
  Object.assign(taken, { read, written });
  return rows;
}

export class Todos extends TodoFixture implements Measured {
  readonly #taken = { read: 0, written: 0 };

  seed(from: number, count: number, size: number): void {
    this.ctx.storage.sql.exec(seedTodos, from, count, size);
    this.flush();
  }

  rows(): Rows {
    return difference(this.stats(), this.#taken);
  }
}

type WideAction = { type: "set"; payload: { id: string; value: string } };

export class Wide extends SyncServer<unknown, { wide: [string[], WideAction] }> implements Measured {
  override readonly channels = { wide: {} };
  override readonly migrations = [wideTable];
  readonly #taken = { read: 0, written: 0 };

  override onAction(_channel: "wide", { payload: { id, value } }: WideAction): void {
    this.ctx.storage.sql.exec("UPDATE wide SET c5 = ? WHERE id = ?", value, id);
  }

  seed(from: number, count: number, size: number): void {
    this.ctx.storage.sql.exec(seedWide, from, count, size);
    this.flush();
  }

  rows(): Rows {
    return difference(this.stats(), this.#taken);
  }
}
