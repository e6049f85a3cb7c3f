// SPDX-License-Identifier: MIT
// TinyBase's own synchronizer and persister, as its documentation has them.
import { createMergeableStore, type MergeableStore } from "tinybase";
import { createDurableObjectSqlStoragePersister } from "tinybase/persisters/persister-durable-object-sql-storage";
import { WsServerDurableObject } from "tinybase/synchronizers/synchronizer-ws-server-durable-object";
import type { Measured } from "../../harness/measured.ts";

export class Todos extends WsServerDurableObject implements Measured {
  // Not a field: the constructor that calls createPersister comes before this class's fields.
  declare store: MergeableStore;

  override createPersister() {
    this.store = createMergeableStore();
    return createDurableObjectSqlStoragePersister(this.store, this.ctx.storage.sql);
  }

  async seed(from: number, count: number, size: number): Promise<void> {
    const text = () => crypto.randomUUID().repeat(6).replaceAll("-", "").slice(0, size);
    this.store.transaction(() => {
      for (let n = from; n < from + count; n++) {
        this.store.setRow("todos", String(n).padStart(8, "0"), { text: text(), completed: 0, created_at: 1700000000000, updated_at: 1700000000000 });
      }
    });
  }

  // The library's statements are its own.
  rows(): { read: null; written: null } {
    return { read: null, written: null };
  }
}

export class Wide extends Todos {}
