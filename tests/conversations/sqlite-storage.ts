// SPDX-License-Identifier: MIT
// A Durable Object's storage for plain Node: sqlite3's own Wasm build behind the interface of `ctx.storage`, as far as the shim uses it.
import sqlite3InitModule from "@sqlite.org/sqlite-wasm";
import type { Storage } from "../../js-shim/host.ts";

const sqlite3 = await sqlite3InitModule();

type Pointer = number;

/** What a parameter can be. A number is a REAL, as on the platform. */
type Binding = string | number | null;

/** SQLite's C functions, called directly: the library's own wrappers cut texts at a NUL. */
interface Functions {
  sqlite3_prepare_v3(database: Pointer, sql: Pointer, size: number, flags: number, statement: Pointer, tail: Pointer): number;
  sqlite3_bind_parameter_count(statement: Pointer): number;
  sqlite3_bind_text(statement: Pointer, index: number, text: Pointer, size: number, destructor: number): number;
  sqlite3_bind_double(statement: Pointer, index: number, value: number): number;
  sqlite3_bind_null(statement: Pointer, index: number): number;
  sqlite3_step(statement: Pointer): number;
  sqlite3_finalize(statement: Pointer): number;
  sqlite3_column_count(statement: Pointer): number;
  sqlite3_column_type(statement: Pointer, column: number): number;
  sqlite3_column_double(statement: Pointer, column: number): number;
  sqlite3_column_text(statement: Pointer, column: number): Pointer;
  sqlite3_column_blob(statement: Pointer, column: number): Pointer;
  sqlite3_column_bytes(statement: Pointer, column: number): number;
}

const { capi, wasm } = sqlite3;
const sqlite: Functions = wasm.exports;
const TRANSIENT = -1; // SQLITE_TRANSIENT: SQLite copies the text before the call returns

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/** Runs `use` with the UTF-8 bytes of `text`, followed by a NUL, in SQLite's memory. */
function withText<T>(text: string, use: (at: Pointer, size: number) => T): T {
  const bytes = encoder.encode(`${text}\0`);
  const at = Number(wasm.alloc(bytes.length));
  wasm.heap8u().set(bytes, at);
  try {
    return use(at, bytes.length - 1);
  } finally {
    wasm.dealloc(at);
  }
}

export class SqliteStorage implements Storage {
  readonly #database = new sqlite3.oo1.DB(":memory:");
  readonly #open = new Set<Pointer>();
  #depth = 0;

  readonly sql = {
    exec: (query: string, ...bindings: Binding[]) => {
      const rows = this.#start(query, bindings);
      return { raw: () => rows, next: () => rows.next() };
    },
  };

  /** Empty, or as `image` has it. */
  constructor(image?: Uint8Array) {
    if (image) {
      const at = wasm.allocFromTypedArray(image);
      const flags = capi.SQLITE_DESERIALIZE_FREEONCLOSE | capi.SQLITE_DESERIALIZE_RESIZEABLE;
      this.#check(capi.sqlite3_deserialize(this.#pointer, "main", at, image.length, image.length, flags));
    }
    this.#database.exec("PRAGMA foreign_keys = ON"); // as on the platform
  }

  /** Everything that is in it, as a backup. */
  image(): Uint8Array {
    return capi.sqlite3_js_db_export(this.#pointer);
  }

  /** When the object is to be woken; undefined for never. */
  alarm: number | undefined;

  setAlarm(time: number): void {
    this.alarm = time;
  }

  transactionSync<T>(step: () => T): T {
    this.#database.exec("SAVEPOINT step");
    this.#depth++;
    try {
      const result = step();
      this.#database.exec("RELEASE step");
      return result;
    } catch (error) {
      this.#database.exec("ROLLBACK TO step; RELEASE step");
      throw error;
    } finally {
      if (--this.#depth === 0) this.#finalizeAll();
    }
  }

  /** Every row of a query, for tests. */
  rows(query: string): unknown[][] {
    return [...this.sql.exec(query).raw()];
  }

  close(): void {
    this.#finalizeAll();
    this.#database.close();
  }

  // Like the platform, it runs all statements but the last to their end, and the last one to its first row before anybody asks for that.
  #start(query: string, bindings: Binding[]): IterableIterator<unknown[]> {
    const statement = this.#prepareLast(query);
    this.#open.add(statement);
    try {
      const wanted = sqlite.sqlite3_bind_parameter_count(statement);
      if (wanted !== bindings.length) throw new Error(`Wrong number of parameter bindings for SQL query: ${bindings.length} of ${wanted}.`);
      bindings.forEach((value, i) => this.#bind(statement, i + 1, value));
      return this.#rows(statement, this.#step(statement));
    } catch (error) {
      this.#finalize(statement);
      throw error;
    }
  }

  #prepareLast(query: string): Pointer {
    return withText(query, (start, size) => {
      const out = Number(wasm.alloc(8));
      try {
        for (let at = start; ; ) {
          this.#check(sqlite.sqlite3_prepare_v3(this.#pointer, at, start + size - at, 0, out, out + 4));
          const statement = Number(wasm.peekPtr(out));
          at = Number(wasm.peekPtr(out + 4));
          if (decoder.decode(wasm.heap8u().slice(at, start + size)).trim() === "") return statement;
          this.#runToEnd(statement);
        }
      } finally {
        wasm.dealloc(out);
      }
    });
  }

  #runToEnd(statement: Pointer): void {
    this.#open.add(statement);
    try {
      while (this.#step(statement)) continue;
    } finally {
      this.#finalize(statement);
    }
  }

  #bind(statement: Pointer, index: number, value: Binding): void {
    if (value === null) this.#check(sqlite.sqlite3_bind_null(statement, index));
    else if (typeof value === "number") this.#check(sqlite.sqlite3_bind_double(statement, index, value));
    else withText(value, (at, size) => this.#check(sqlite.sqlite3_bind_text(statement, index, at, size, TRANSIENT)));
  }

  /** True if there is a row. */
  #step(statement: Pointer): boolean {
    const code = sqlite.sqlite3_step(statement);
    if (code !== capi.SQLITE_ROW && code !== capi.SQLITE_DONE) this.#check(code);
    return code === capi.SQLITE_ROW;
  }

  *#rows(statement: Pointer, found: boolean): IterableIterator<unknown[]> {
    try {
      for (; found; found = this.#step(statement)) {
        const columns = sqlite.sqlite3_column_count(statement);
        yield Array.from({ length: columns }, (_, column) => this.#cell(statement, column));
      }
    } finally {
      this.#finalize(statement);
    }
  }

  // Integers come out as numbers, exact or not, as on the platform.
  #cell(statement: Pointer, column: number): unknown {
    const type = sqlite.sqlite3_column_type(statement, column);
    if (type === capi.SQLITE_NULL) return null;
    if (type === capi.SQLITE_INTEGER || type === capi.SQLITE_FLOAT) return sqlite.sqlite3_column_double(statement, column);
    const text = type === capi.SQLITE_TEXT;
    const at = text ? sqlite.sqlite3_column_text(statement, column) : sqlite.sqlite3_column_blob(statement, column);
    const bytes = wasm.heap8u().slice(at, at + sqlite.sqlite3_column_bytes(statement, column));
    return text ? decoder.decode(bytes) : bytes.buffer;
  }

  #check(code: number): void {
    if (code === capi.SQLITE_OK) return;
    throw new Error(`${capi.sqlite3_errmsg(this.#pointer)}: ${capi.sqlite3_js_rc_str(code & 0xff)}`);
  }

  get #pointer(): Pointer {
    return Number(this.#database.pointer);
  }

  #finalize(statement: Pointer): void {
    if (this.#open.delete(statement)) sqlite.sqlite3_finalize(statement);
  }

  #finalizeAll(): void {
    for (const statement of [...this.#open]) this.#finalize(statement);
  }
}
