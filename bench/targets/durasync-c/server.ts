// SPDX-License-Identifier: MIT
// durasync with apps in C: the todo fixture's, and one with a wide table.
import { SyncObject } from "../../../js-shim/object.ts";
import todo from "../../../wasm/build/todo.wasm";
import wide from "../../../wasm/build/wide.wasm";
import type { Measured } from "../../harness/measured.ts";
import { seedTodos, seedWide } from "../schema.ts";

abstract class Measurable extends SyncObject implements Measured {
  protected abstract readonly rowsToBeginWith: string;
  #taken = { read: 0, written: 0 };

  seed(from: number, count: number, size: number): void {
    this.ctx.storage.sql.exec(this.rowsToBeginWith, from, count, size);
    this.flush();
  }

  rows(): { read: number; written: number } {
    const { rowsRead, rowsWritten } = this.stats();
    const { read, written } = this.#taken;
    this.#taken = { read: rowsRead, written: rowsWritten };
    return { read: rowsRead - read, written: rowsWritten - written };
  }
}

export class Todos extends Measurable {
  static override readonly core = todo;
  protected override readonly rowsToBeginWith = seedTodos;
}

export class Wide extends Measurable {
  static override readonly core = wide;
  protected override readonly rowsToBeginWith = seedWide;
}
