// SPDX-License-Identifier: MIT
// The todo app in TypeScript, asked in plain Node: its class as it is, on a state that has nothing but storage. Whoever runs its core starts and drives it.
import { Todos } from "../../fixtures/todo-ts/worker.ts";
import type { Script } from "../../js-shim/host.ts";
import type { SqliteStorage } from "./sqlite-storage.ts";

class Asked extends Todos {
  get answers(): Script {
    return this.script;
  }
}

/** Answers the core's questions for an object on `storage`. */
export function scriptOf(storage: SqliteStorage): Script {
  const state = {
    storage: {
      sql: { exec: (query: string, ...bindings: (string | number | null)[]) => cursor(storage, query, bindings) },
      transaction: () => {}, // nothing of the app's waits, nor runs transactions of its own
      transactionSync: () => {},
      deleteAll: () => {},
    },
    setWebSocketAutoResponse: () => {},
    blockConcurrencyWhile: () => {}, // the core is started by the conversation
  };
  // The platform's own state cannot be made here; this is all of it that the class uses.
  return new Asked(state as unknown as DurableObjectState, {} as never).answers;
}

const changesOf = (storage: SqliteStorage) => Number(storage.rows("SELECT total_changes()")[0]?.[0]);

function cursor(storage: SqliteStorage, query: string, bindings: (string | number | null)[]) {
  const before = changesOf(storage);
  const rows = [...storage.sql.exec(query, ...bindings).raw()];
  const left = rows.values();
  return {
    raw: () => left,
    next: () => left.next(),
    one: () => ({ count: rows[0]?.[0] }),
    columnNames: rows.length > 0 ? ["count"] : [],
    rowsWritten: changesOf(storage) - before,
  };
}
