// SPDX-License-Identifier: MIT
// The JavaScript side of wasm/host.h: the module's imports, standing on the object's storage and sockets. src/host.h says what each does.

/** The part of a Durable Object's storage that the core uses: `ctx.storage` fits. */
export interface Storage {
  readonly sql: { exec(query: string, ...bindings: (string | null)[]): Statement };
  /** Runs `step` in a transaction, or in a savepoint of the one that is open; undone if it throws. */
  transactionSync<T>(step: () => T): T;
  /** Wakes the object at `time`, in milliseconds since 1970. */
  setAlarm(time: number): unknown;
  /** Who notices that a constraint ends a transaction; without it, none does. */
  readonly ending?: { readonly message: string | undefined; begin(isTurn: boolean): void; end(): void };
}

/** A statement that has been run to its first row. The counts are the platform's, and final once the rows have been read. */
export interface Statement {
  raw(): IterableIterator<unknown[]>;
  next(): { readonly done?: boolean };
  readonly rowsRead?: number;
  readonly rowsWritten?: number;
}

/** The object's open sockets, as the core knows them: by number. */
export interface Sockets {
  /** The first socket above `socket` (-1 to begin), or -1. */
  after(socket: number): number;
  /** The bytes that wait because the socket's client does not read them, as far as can be told. */
  backlog(socket: number): number;
  /** What was attached to the socket, or null. */
  attachment(socket: number): string | null;
}

/** The instance's memory and the export that runs a transaction's step. */
export interface Guest {
  readonly memory: WebAssembly.Memory;
  readonly run_step: (step: number, argument: number) => number;
}

/** An app in JavaScript, as wasm/scripted/scripted.c asks it: JSON in, JSON out. Must not throw. */
export type Script = (request: string) => string;

/** What does not come from storage or sockets; replaced in tests that need to know the outcome. */
export interface Surroundings {
  now(): number;
  random(bytes: Uint8Array<ArrayBuffer>): void;
  log(line: string): void;
}

export const realSurroundings: Surroundings = {
  now: () => Date.now(),
  random: (bytes) => void crypto.getRandomValues(bytes),
  log: (line) => console.error(`durasync: ${line}`),
};

interface Cursor {
  readonly statement: Statement;
  readonly rows: Iterator<unknown[]>;
  row: unknown[];
}

// ds_sql_status
const DONE = 0;
const ROW = 1;
export const CONSTRAINT = -1;
const ERROR = -2;
const TOO_BIG = -3;
const STORAGE = -4;
const ENDED = -5;

/** What SQLite rolls a whole transaction back for (https://sqlite.org/lang_transaction.html). */
const OF_STORAGE = /SQLITE_(?:FULL|IOERR|NOMEM|INTERRUPT)/;

/** The message of whatever was thrown. What was thrown may be an object that is no text, or whose message is none. */
export function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return "What was thrown has no message.";
  }
}

/** The ds_sql_status of a failure; the platform puts the name of SQLite's code behind its message. */
export function statusOf(message: string): number {
  if (message.includes("SQLITE_TOOBIG")) return TOO_BIG;
  if (OF_STORAGE.test(message)) return STORAGE;
  return message.includes("SQLITE_CONSTRAINT") ? CONSTRAINT : ERROR;
}

const ROLLBACK = Symbol();

export const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: false });

// To encode a long text, for nobody to read, is thirty times faster than to look at each of its characters.
const scratch = new Uint8Array(65_536);

/** The bytes of a text in UTF-8; a lone surrogate counts as the U+FFFD that it is encoded as. */
export function utf8Size(text: string): number {
  let size = 0;
  for (let at = 0; at < text.length; ) {
    const { read, written } = encoder.encodeInto(text.slice(at), scratch);
    at += read;
    size += written;
  }
  return size;
}

// What SQLite gives as a text; undefined for NULL.
function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return undefined;
  return typeof value === "object" ? decoder.decode(value as ArrayBuffer) : String(value); // the one object that SQLite gives is a BLOB
}

export class Host {
  readonly #storage: Storage;
  readonly #sockets: Sockets;
  readonly #guest: () => Guest;
  readonly #surroundings: Surroundings;
  readonly #script: Script | undefined;
  #cursors: (Cursor | undefined)[] = [];
  #texts: string[] = [];
  #message = "";
  #depth = 0;

  /** Rows read and written by the core's statements so far, where the storage counts them. */
  readonly rows = { rowsRead: 0, rowsWritten: 0 };

  /** True once the turn's transaction has been committed. */
  committed = false;

  /** Whether the frames of a turn are being handled. */
  turning = false;

  /** @param guest is not asked before the module has been instantiated with the imports */
  constructor(storage: Storage, sockets: Sockets, guest: () => Guest, surroundings: Surroundings = realSurroundings, script?: Script) {
    this.#storage = storage;
    this.#sockets = sockets;
    this.#guest = guest;
    this.#surroundings = surroundings;
    this.#script = script;
  }

  /** The imports for WebAssembly.Instance. */
  get imports(): WebAssembly.Imports {
    return {
      durasync: {
        sql_open: (at: number, size: number, parameters: number, count: number) => this.#open(this.read(at, size), this.#views(parameters, count)),
        sql_run: (at: number, size: number, parameters: number, count: number) => this.#run(this.read(at, size), this.#views(parameters, count)),
        sql_next: (cursor: number) => this.#next(cursor),
        sql_close: (cursor: number) => this.#leave(cursor),
        sql_integer: (cursor: number, column: number) => Number(this.#cell(cursor, column) ?? 0),
        sql_read: (cursor: number, column: number, at: number, room: number) => this.#write(textOf(this.#cell(cursor, column)), at, room),
        sql_text: (cursor: number, column: number) => this.#keep(this.#cell(cursor, column)),
        sql_message: () => this.#keep(this.#message),
        text_read: (text: number, at: number, room: number) => this.#write(this.text(text), at, room),
        atomic: (step: number, argument: number) => this.#atomic(step, argument),
        socket_after: (socket: number) => this.#sockets.after(socket),
        socket_backlog: (socket: number) => this.#sockets.backlog(socket),
        socket_attachment: (socket: number) => this.#keep(this.#sockets.attachment(socket)),
        script: (at: number, size: number) => this.#keep(this.#script?.(this.read(at, size))),
        set_alarm: (time: number) => void this.#storage.setAlarm(time),
        now: () => this.#surroundings.now(),
        random: (at: number, size: number) => this.#surroundings.random(this.bytes(at, size)),
        log: (at: number, size: number) => this.#surroundings.log(this.read(at, size)),
      },
    };
  }

  /** The bytes of the module's memory; dead after any call into it, since its memory may grow. */
  bytes(at: number, size: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#guest().memory.buffer, at, size);
  }

  /** The 32-bit words of the module's memory, which ends below 2^31; dead like the bytes. */
  words(at: number, count: number): Int32Array {
    return new Int32Array(this.#guest().memory.buffer, at, count);
  }

  /** The UTF-8 text in the module's memory. */
  read(at: number, size: number): string {
    return decoder.decode(this.bytes(at, size));
  }

  /** The text behind a handle. */
  text(handle: number): string {
    const text = this.#texts[handle];
    if (text === undefined) throw new Error(`There is no text ${handle}.`);
    return text;
  }

  /** Forgets the texts and cursors of the turn that ends. */
  end(): void {
    this.#texts = [];
    this.#cursors = [];
    this.committed = false;
  }

  #cell(cursor: number, column: number): unknown {
    return this.#cursors[cursor]?.row[column];
  }

  #keep(value: unknown): number {
    const text = textOf(value);
    return text === undefined ? -1 : this.#texts.push(text) - 1;
  }

  // The bytes that the text has; they stand at `at` if there is room for them.
  #write(text: string | undefined, at: number, room: number): number {
    if (text === undefined) return -1;
    if (room === 0) return utf8Size(text);
    const { read, written } = encoder.encodeInto(text, this.bytes(at, room));
    return read === text.length ? written : utf8Size(text);
  }

  // `count` ds_views: address and size, an address of 0 for NULL.
  #views(at: number, count: number): (string | null)[] {
    const words = this.words(at, 2 * count);
    const views = [];
    for (let i = 0; i < words.length; i += 2) views.push(words[i] ? this.read(words[i] ?? 0, words[i + 1] ?? 0) : null);
    return views;
  }

  #open(sql: string, parameters: (string | null)[]): number {
    try {
      const statement = this.#storage.sql.exec(sql, ...parameters);
      return this.#cursors.push({ statement, rows: statement.raw(), row: [] }) - 1;
    } catch (error) {
      return this.#fail(error);
    }
  }

  #run(sql: string, parameters: (string | null)[]): number {
    try {
      const statement = this.#storage.sql.exec(sql, ...parameters);
      while (!statement.next().done) continue;
      this.#count(statement);
      return DONE;
    } catch (error) {
      return this.#fail(error);
    }
  }

  #next(at: number): number {
    const cursor = this.#cursors[at];
    try {
      const next = cursor?.rows.next();
      if (cursor && next && !next.done) {
        cursor.row = next.value;
        return ROW;
      }
      this.#close(at);
      return DONE;
    } catch (error) {
      this.#close(at);
      return this.#fail(error);
    }
  }

  // SQLite ends no savepoint over a statement that has written and is still open.
  #leave(at: number): void {
    const cursor = this.#cursors[at];
    if (cursor && (cursor.statement.rowsWritten ?? 0) > 0) while (this.#next(at) === ROW) continue;
    this.#close(at);
  }

  #close(at: number): void {
    const statement = this.#cursors[at]?.statement;
    if (statement) this.#count(statement);
    this.#cursors[at] = undefined;
  }

  #count({ rowsRead = 0, rowsWritten = 0 }: Statement): void {
    this.rows.rowsRead += rowsRead;
    this.rows.rowsWritten += rowsWritten;
  }

  #fail(error: unknown): number {
    if (this.#storage.ending?.message !== undefined) return this.#ended();
    this.#message = messageOf(error);
    return statusOf(this.#message);
  }

  #ended(): number {
    this.#message = this.#storage.ending?.message ?? "";
    return ENDED;
  }

  #atomic(step: number, argument: number): number {
    const { ending } = this.#storage;
    if (this.#depth > 0) return this.#savepoint(step, argument);
    ending?.begin(this.turning);
    try {
      const result = this.#savepoint(step, argument);
      if (result === 0) this.committed = true;
      return result;
    } finally {
      ending?.end();
    }
  }

  #savepoint(step: number, argument: number): number {
    const { ending } = this.#storage;
    let result: number | undefined;
    this.#depth++;
    try {
      this.#storage.transactionSync(() => {
        result = this.#guest().run_step(step, argument);
        if (result !== 0 || ending?.message !== undefined) throw ROLLBACK;
      });
      return 0;
    } catch (error) {
      if (result === undefined) throw error; // the step itself broke down: a trap, not to be handled by the one who trapped
      if (ending?.message !== undefined) return this.#ended();
      return error === ROLLBACK ? result : this.#fail(error);
    } finally {
      this.#depth--;
    }
  }
}
