// SPDX-License-Identifier: MIT
import type { Storage } from "./host.ts";

// A text that may drop or alter a table: no statement does without one of these words. Others may have them, too; the core asks SQLite what has become of its tables.
const REDEFINES = /\b(?:ALTER|DROP)(?:\s|\/\*|--)/i;

// A text of several statements: its cursor counts for the last of them alone.
const SEVERAL = /;\s*\S/;

// SQLite writes everything with the first step, which `exec` makes at once. What has no columns, and writes no row, may be a DROP TABLE.
export function mayHaveWritten(cursor: SqlStorageCursor<never>, query: string): boolean {
  return cursor.rowsWritten > 0 || cursor.columnNames.length === 0 || SEVERAL.test(query);
}

/**
 * Watches what the object's own code does to its storage, so that it need not say so. A statement outside of any handler is news for the subscribers; one inside must not be left
 * half read, since SQLite ends no savepoint over a statement that writes and is still open.
 */
export class Writes {
  readonly #cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
  #handling = false;
  #say: ((query: string) => void) | undefined;
  #open = 0;
  #steps = 0; // of them, those that cannot wait

  /** Whether a statement may have redefined a table of the core's since this was last set to false. */
  redefined = false;

  /** The storage as it is, for the core, whose statements are not news. */
  readonly unwatched: Storage;

  /**
   * @param notice called after each statement outside of a handler that may have written
   * @param decided called when a transaction that waited has ended
   * @param emptied called when everything has been deleted; what it returns is waited for
   */
  constructor(storage: DurableObjectStorage, notice: () => void, decided: () => void, emptied: () => Promise<void>) {
    const run = storage.sql.exec.bind(storage.sql);
    const exec: SqlStorage["exec"] = (query, ...bindings) => {
      if (REDEFINES.test(query)) this.redefined = true;
      this.#say?.(query);
      return run(query, ...bindings);
    };
    const transaction = storage.transaction.bind(storage);
    const transactionSync: DurableObjectStorage["transactionSync"] = storage.transactionSync.bind(storage);
    this.unwatched = { sql: { exec }, transactionSync, setAlarm: (time) => storage.setAlarm(time) };
    const watched: typeof exec = (query, ...bindings) => {
      try {
        return exec(query, ...bindings);
      } catch (error) {
        if (!this.#handling) notice(); // what went before the failure stays: statements of the same text, rows of INSERT OR FAIL
        throw error;
      }
    };
    storage.sql.exec = (query, ...bindings) => {
      const cursor = watched<Record<string, SqlStorageValue>>(query, ...bindings);
      if (!mayHaveWritten(cursor as never, query)) return cursor as never; // the caller says what its rows are
      if (this.#handling) this.#cursors.push(cursor);
      else notice();
      return cursor as never;
    };
    const deleteAll = storage.deleteAll.bind(storage);
    storage.deleteAll = (options) => {
      // The platform would delete everything, and only then find that there is a transaction, which cannot bring it back.
      if (this.#handling || this.#steps > 0) throw new Error("deleteAll() in a transaction cannot be undone: call it outside of handlers and of transactionSync().");
      const deleted = deleteAll(options);
      const begun = emptied();
      return deleted.then(() => begun);
    };
    storage.transactionSync = (step) => {
      this.#open++;
      this.#steps++;
      try {
        return transactionSync(step);
      } finally {
        this.#open--;
        this.#steps--;
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

  /** Runs a migration, and tells `say` what SQL it runs. */
  heard(say: (query: string) => void, migration: () => void): void {
    this.#say = say;
    try {
      return migration();
    } finally {
      this.#say = undefined;
    }
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
