// SPDX-License-Identifier: MIT
// A constraint can end the platform's transaction: ON CONFLICT ROLLBACK, RAISE(ROLLBACK). SQLite then goes on outside of any, what follows is
// written for good, and the platform, which still believes in it, gives the object up when it comes to commit.
import { CONSTRAINT, messageOf, statusOf } from "./host.ts";

// What cannot do without the word cannot end a transaction.
const ROLLS_BACK = /\brollback\b/i;

const NOT_ALONE = "The statement may end a transaction, and it is not known what that holds: the turn is done again in one of its own.";

/** Thrown out of a turn that is undone, and is to be done again in a transaction of its own. */
export class NotAlone extends Error {}

interface Cursor {
  next(): { readonly done?: boolean };
}

/**
 * Notices it, lets nothing run outside of the transaction, and opens it again. What was in the transaction before the turn would be lost without
 * anybody hearing of it: so where a turn may end one, it has to begin one. If it did not, the object ends: nothing is told, and clients come again.
 */
export class Ending {
  readonly #exec: DurableObjectStorage["sql"]["exec"];
  readonly #transactionSync: DurableObjectStorage["transactionSync"];
  readonly #abort: (reason: string) => void;
  readonly #undone: () => void;
  #within = false;
  #alone = false;
  #isTurn = false;
  /** The platform's transaction has been opened again, and nothing is in it. */
  #opened = false;

  /** Whether a statement that was run, or a table or a trigger, may end a transaction. */
  possible = false;

  /** The failure that ended the transaction which runs; undefined while it stands. */
  message: string | undefined;

  /** Watches every statement of the storage from now on: `abort` ends the object, `undone` is called when a transaction was ended. */
  constructor(storage: DurableObjectStorage, abort: (reason: string) => void, undone: () => void) {
    const exec = storage.sql.exec.bind(storage.sql);
    this.#exec = exec;
    this.#transactionSync = storage.transactionSync.bind(storage);
    this.#abort = abort;
    this.#undone = undone;
    storage.sql.exec = (query, ...bindings) => {
      if (!this.#within) this.#opened = false;
      if (this.message === undefined && ROLLS_BACK.test(query)) this.#foresee();
      if (this.message !== undefined) throw new Error(this.message);
      try {
        return exec(query, ...bindings);
      } catch (error) {
        if (this.possible) this.#look(messageOf(error));
        throw error;
      }
    };
  }

  /** Looks for tables and triggers that may end a transaction: once the object has started. */
  lookAtSchema(): void {
    const found = this.#exec("SELECT name FROM sqlite_master WHERE name NOT GLOB 'durasync_*' AND sql LIKE '%rollback%' LIMIT 1");
    this.possible ||= found.toArray().length > 0;
  }

  /** The outermost transaction of the core begins; of a turn, or of something else. */
  begin(isTurn: boolean): void {
    this.#within = true;
    this.#isTurn = isTurn;
    this.#alone = this.#opened || (this.possible && !this.#isOpen());
    this.#opened = false;
  }

  /** It has ended. Throws NotAlone if the turn is to be done again in a transaction of its own. */
  end(): void {
    this.#within = false;
    const { message } = this;
    this.message = undefined;
    if (message === NOT_ALONE) throw new NotAlone();
    if (message === undefined) return;
    this.#undone();
    if (!this.#alone) this.#giveUp(message);
    else this.#openAgain(message);
  }

  #foresee(): void {
    if (this.possible) return;
    this.possible = true;
    if (this.#within && this.#isTurn) this.message = NOT_ALONE;
  }

  #look(failure: string): void {
    if (statusOf(failure) !== CONSTRAINT || this.#isOpen()) return;
    this.message = failure;
    if (!this.#within) this.#giveUp(failure);
  }

  // Within a transaction SQLite leaves this setting as it is (https://sqlite.org/pragma.html#pragma_foreign_keys).
  #isOpen(): boolean {
    const before = this.#foreignKeys();
    this.#exec(`PRAGMA foreign_keys = ${1 - before}`);
    const isOpen = this.#foreignKeys() === before;
    if (!isOpen) this.#exec(`PRAGMA foreign_keys = ${before}`);
    return isOpen;
  }

  #foreignKeys(): number {
    return Number(this.#exec("PRAGMA foreign_keys").one()["foreign_keys"]);
  }

  // SQLite releases no savepoint over a statement that writes and is still open, and a savepoint outside of a transaction begins one. So the
  // platform leaves it behind, undone; and commits, when it comes to that, what is written from then on.
  #openAgain(message: string): void {
    let open: Cursor | undefined;
    try {
      this.#transactionSync(() => {
        open = this.#exec("CREATE TABLE durasync_open (x); INSERT INTO durasync_open VALUES (1), (2) RETURNING x");
      });
    } catch {
      // It is meant to fail.
    }
    drain(open);
    this.#opened = this.#isOpen();
    if (!this.#opened) return this.#giveUp(message);
    queueMicrotask(() => (this.#opened = false));
  }

  #giveUp(message: string): void {
    console.error("durasync: a statement has ended the platform's transaction: write ABORT where it says ROLLBACK. The object ends, and comes again as it was", message);
    this.#abort(message);
  }
}

function drain(cursor: Cursor | undefined): void {
  try {
    while (cursor && !cursor.next().done) continue;
  } catch {
    // Undone: it has no more rows.
  }
}
