// SPDX-License-Identifier: MIT
import type { Storage } from "./host.ts";

// A statement that may drop or alter a table; another may well look like it. No table can be made anew without one.
const REDEFINES = /(?:^|[;\n/])\s*(?:ALTER|DROP)\s/i;

/**
 * Watches what the object's own code does to its storage, so that it need not say so. A statement outside of any handler is news for the subscribers; one inside must not be left
 * half read, since SQLite ends no savepoint over a statement that writes and is still open.
 */
export class Writes {
  readonly #cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
  #handling = false;
  #open = 0;

  /** Whether a statement may have redefined a table of the core's since this was last set to false. */
  redefined = false;

  /** The storage as it is, for the core, whose statements are not news. */
  readonly unwatched: Storage;

  /**
   * @param notice called after each statement outside of a handler that may have written
   * @param decided called when a transaction that waited has ended
   */
  constructor(storage: DurableObjectStorage, notice: () => void, decided: () => void) {
    const run = storage.sql.exec.bind(storage.sql);
    const exec: SqlStorage["exec"] = (query, ...bindings) => {
      if (REDEFINES.test(query)) this.redefined = true;
      return run(query, ...bindings);
    };
    const transaction = storage.transaction.bind(storage);
    const transactionSync: DurableObjectStorage["transactionSync"] = storage.transactionSync.bind(storage);
    this.unwatched = { sql: { exec }, transactionSync, setAlarm: (time) => storage.setAlarm(time) };
    storage.sql.exec = (query, ...bindings) => {
      const cursor = exec<Record<string, SqlStorageValue>>(query, ...bindings);
      if (/^\s*SELECT\b/i.test(query)) return cursor as never; // the caller says what its rows are
      if (this.#handling) this.#cursors.push(cursor);
      else notice();
      return cursor as never;
    };
    storage.transactionSync = (step) => {
      this.#open++;
      try {
        return transactionSync(step);
      } finally {
        this.#open--;
      }
    };
    storage.transaction = async (step) => {
      this.#open++;
      try {
        return await transaction(step);
      } finally {
        this.#open--;
        decided();
      }
    };
  }

  /** True within a transaction of the app's own, which may still be undone: nobody must hear of what it has written. */
  get undecided(): boolean {
    return this.#open > 0;
  }

  /** Runs a handler. */
  within<T>(handler: () => T): T {
    this.#handling = true;
    try {
      return handler();
    } finally {
      this.#handling = false;
      for (const cursor of this.#cursors.splice(0)) while (!cursor.next().done) continue;
    }
  }
}
