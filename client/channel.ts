// SPDX-License-Identifier: MIT
import type { ChannelMeta, ChannelWrite, StoredChannel } from "./cache.ts";
import { decodeCell, decodeRecord, transpose } from "./frames.ts";
import type { Change, Cursor, Page, PageHead, PageRequest, Subscribe, SyncRecord, WireRecord } from "./frames.ts";
import type { SyncError } from "./errors.ts";
import { hasAsMuch, markOf, writeOf, type Step } from "./steps.ts";
import { noRecords, Table } from "./table.ts";
import { isMeta } from "./wire.ts";

/**
 * How far a channel is on the present socket:
 *
 *   idle --subscribe--> subscribing --patch--> live
 *                            |   ^              |
 *                       page |   | gap, shape   | gap
 *                            v   |              v
 *                           paging --last page--> live        failed: the object refused the channel
 */
export type Phase = "idle" | "subscribing" | "paging" | "live" | "failed";

/** A frame to send because of a frame that came. */
export type Reply = Subscribe | PageRequest | null;

/** A snapshot being paged: the key up to which it is here, the rows to ask for next, the keys it has shown if there were records before it. */
type Snapshot = { after: WireRecord | null; rows: number; total: number; seen: Set<string> | null };

/** How much of a snapshot is here, in records. */
export type Progress = { readonly loaded: number; readonly total: number };

/** Pages to be answered with at once. A client far away waits once for each answer, and the object bounds it. */
const ANSWER_PAGES = 5;

/** Steps noted for the cache at most; after more of them without a write, it is given every row. */
const MAX_STEPS = 1000;

let subscriptions = 0;

/** The records of one channel and what is needed to keep them in step. It sends nothing: its methods return the frame to send, if any. */
export class Channel {
  readonly name: string;
  readonly #cached: boolean;
  #phase: Phase = "idle";
  /** The last subscription: its pages say the number again, so that none is taken for another's. */
  #id = 0;
  #cursor: Cursor | null = null;
  #table: Table | null = null;
  #snapshot: Snapshot | null = null;
  #error: SyncError | null = null;
  #columns: readonly string[] = [];
  #key: readonly number[] = [];
  /** The state that the cache was last given, and the steps taken since. */
  #given = "";
  #steps: Step[] = [];
  /** The keys that the step at hand changes. */
  #changed: string[] = [];

  /** `cached`: note what changes, for `takeUnsaved`. */
  constructor(name: string, cached = false) {
    this.name = name;
    this.#cached = cached;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Why the object refused the channel, in phase "failed". */
  get error(): SyncError | null {
    return this.#error;
  }

  /** The records as the object last told them, in key order; the same array until one changes. */
  get records(): readonly SyncRecord[] {
    return this.#table?.records ?? noRecords;
  }

  /** How many records there are. */
  get size(): number {
    return this.#table?.size ?? 0;
  }

  get cursor(): Cursor | null {
    return this.#cursor;
  }

  get columns(): readonly string[] {
    return this.#columns;
  }

  /** Positions of the primary key's columns, in key order. */
  get key(): readonly number[] {
    return this.#key;
  }

  /** Undefined unless a snapshot whose size the object told is on its way. */
  get progress(): Progress | undefined {
    if (!this.#snapshot || !this.#table || this.#snapshot.total === 0) return undefined;
    const loaded = this.#snapshot.seen?.size ?? this.#table.size;
    return { loaded: Math.min(loaded, this.#snapshot.total), total: this.#snapshot.total };
  }

  /** True if the records are worth showing: every one is there, if some perhaps as of an older version while a snapshot replaces them. */
  get complete(): boolean {
    return this.#cursor !== null && (this.#snapshot === null || this.#snapshot.seen !== null);
  }

  /** True if the records are exactly those of the cursor. */
  get whole(): boolean {
    return this.#cursor !== null && this.#snapshot === null;
  }

  /** True if the cache has yet to hear of something. While a snapshot replaces other records, it keeps those, which fit their cursor. */
  get dirty(): boolean {
    return this.#cached && this.#cursor !== null && !this.#snapshot?.seen && this.#mark() !== this.#given;
  }

  /** The record with this key as a text. */
  recordOf(key: string): SyncRecord | undefined {
    return this.#table?.get(key);
  }

  /** The key of a record as a text; null while nothing is known of the channel. */
  keyOf(record: SyncRecord): string | null {
    return this.#table?.keyOf(record) ?? null;
  }

  /**
   * The frame that brings the channel into step: from the cursor, if there is one. Where the channel was followed on this socket already, a snapshot under way cannot go on:
   * until the answer comes, a patch could be taken for it.
   */
  subscribe(): Subscribe {
    if (this.#phase === "paging" || this.#phase === "failed") this.#forgetSnapshot();
    return this.#subscribe();
  }

  /** What to say again on a socket that lives on, where an answer has not come. */
  again(): Reply {
    return this.#phase === "paging" ? this.#resume() : this.subscribe();
  }

  #subscribe(): Subscribe {
    this.#phase = "subscribing";
    this.#error = null;
    this.#id = ++subscriptions;
    return { type: "subscribe", channel: this.name, id: this.#id, pages: ANSWER_PAGES, cursor: this.#cursor };
  }

  /** Nobody watches any more, and the socket lives on. */
  leave(): void {
    this.#forgetSnapshot();
    this.rest();
  }

  #forgetSnapshot(): void {
    if (this.#snapshot) this.#cursor = this.#snapshot = null;
  }

  /** The socket is gone. Records and cursor stay, for the next subscription to go on from. */
  rest(): void {
    this.#phase = "idle";
    this.#error = null;
  }

  fail(error: SyncError): void {
    this.#phase = "failed";
    this.#error = error;
  }

  /** Starts from what was kept. `inCache`: the cache has it, and need not hear of it. False, and nothing done, if anything newer may be here already. */
  restore({ meta, rows }: StoredChannel, inCache: boolean): boolean {
    if (this.#cursor || this.#phase !== "idle") return false;
    if (!isMeta(meta) || !rows.every((row) => Array.isArray(row) && row.length === meta.columns.length)) return false;
    this.#columns = meta.columns;
    this.#key = meta.key;
    this.#cursor = meta.cursor;
    this.#table = new Table(meta.cursor.shape, meta.key);
    for (const row of rows) this.#table.put(row);
    this.#snapshot = meta.snapshot && { ...meta.snapshot, seen: null };
    this.#given = inCache ? this.#mark() : "";
    return true;
  }

  /** Nobody knows what a cache that has failed holds: it hears of everything. */
  tellAgain(): void {
    this.#given = "";
  }

  /** Forgets everything. */
  reset(): void {
    this.#cursor = null;
    this.#table = null;
    this.#snapshot = null;
    this.#given = "";
    this.#steps = [];
    this.rest();
  }

  /**
   * What the cache should write over what it holds, so that its rows fit its cursor afterwards; null if it should stay as it is. It counts
   * as written. Other tabs write the same channel: if one of them is ahead, its rows stay; if they are at a state that this channel has
   * passed through since it last wrote, only what has changed since then is written. Between two such states it knows nothing: a record
   * that came and went is not in the patch from the one to the other.
   */
  takeUnsaved(stored: ChannelMeta | null): ChannelWrite | null {
    if (!this.#cursor || !this.#table || this.#snapshot?.seen) return null;
    const { after = null, rows = 0, total = 0 } = this.#snapshot ?? {};
    const meta = { cursor: this.#cursor, columns: this.#columns, key: this.#key, snapshot: after && { after, rows, total } };
    if (!isMeta(stored)) stored = null;
    const mark = stored && markOf(stored.cursor, stored.snapshot?.after);
    const passed = this.#steps.findIndex(({ from }) => from === mark);
    const steps = this.#steps.slice(passed);
    this.#given = this.#mark();
    this.#steps = [];
    if (stored && hasAsMuch(stored, meta, passed >= 0)) return null;
    return writeOf(this.#table, meta, passed < 0 ? null : new Set(steps.flatMap(({ keys }) => keys)));
  }

  /** False for a page whose cells do not fit its columns, or those of the pages before it. */
  fitsPage({ first, shape, columns, key, cells }: Page): boolean {
    const isKnown = first || shape !== this.#table?.shape || columns.length === this.#columns.length;
    const isEven = cells.length === columns.length && cells.every(({ length }) => length === cells[0]?.length);
    return isKnown && isEven && key.length > 0 && key.every((position) => position < columns.length);
  }

  /** False for a change whose rows are not as wide as the channel's, or name columns that it does not have. */
  fitsChange({ shape, put = [], set = [], del = [] }: Change): boolean {
    if (shape !== this.#table?.shape) return true;
    const [width, parts] = [this.#columns.length, this.#key.length];
    const areWide = (rows: readonly WireRecord[], cells: number) => rows.every(({ length }) => length === cells);
    const isWide = ({ columns, rows }: (typeof set)[number]) =>
      areWide(rows, parts + columns.length) && columns.every((column) => column < width);
    return areWide(put, width) && areWide(del, parts) && set.every(isWide);
  }

  /** Takes in a page of a snapshot. */
  applyPage(page: Page): Reply {
    return this.#noting(() => this.#applyPage(page));
  }

  /**
   * What to ask at the sight of a page that begins an answer: the next one, while the rest of this is still coming, and before its cells are read and its records shown. So neither side waits for the other.
   */
  askAhead(page: PageHead): Reply {
    return page.after && this.#expects(page) ? this.#pageRequest(page.after, page.next) : null;
  }

  /** Takes in the changes of a patch. Changes over a gap are dropped: those that the resubscription brings contain them. */
  applyChange(epoch: string, change: Change): Reply {
    return this.#noting(() => this.#applyChange(epoch, change));
  }

  /** Notes for the cache what a step changes. */
  #noting(step: () => Reply): Reply {
    if (!this.#cached) return step();
    const [from, table] = [this.#mark(), this.#table];
    this.#changed = [];
    const reply = step();
    if (this.#table !== table || this.#steps.length === MAX_STEPS) this.#steps = [];
    else if (this.#mark() !== from) this.#steps.push({ from, keys: this.#changed });
    return reply;
  }

  #mark(): string {
    return this.#cursor ? markOf(this.#cursor, this.#snapshot?.after, this.#snapshot?.seen) : "";
  }

  readonly #touched = (key: string): void => {
    if (this.#cached) this.#changed.push(key);
  };

  // One subscription has one first page. Where a catch-up has answered it already, and its snapshot goes on, another would leave a hole before the pages that have been asked for.
  #expects({ id, first }: PageHead): boolean {
    return id === this.#id && this.#phase === (first ? "subscribing" : "paging");
  }

  #applyPage(page: Page): Reply {
    if (!this.#expects(page)) return null;
    if (page.first) this.#begin(page);
    if (!this.#table || !this.#snapshot || page.shape !== this.#table.shape) return this.#subscribeAnew();
    for (const record of transpose(page.cells, decodeCell)) {
      const key = this.#put(this.#table, record);
      // A patch may have brought the record already; to another tab that has come as far, and has written, it has not.
      if (!this.#snapshot.seen) this.#touched(key);
    }
    this.#turnPage(this.#table, this.#snapshot, page);
    return null;
  }

  #applyChange(epoch: string, change: Change): Reply {
    const cursor = this.#cursor;
    const table = this.#table;
    if (this.#phase === "idle" || this.#phase === "failed" || !cursor || !table) return null;
    const subscribing = this.#phase === "subscribing";
    if (epoch !== cursor.epoch || change.shape !== cursor.shape || change.from > cursor.version) return subscribing ? null : this.#subscribe();
    // The answer goes on exactly from the cursor. Anything else that comes before it would hide the gap that was asked about: news of a channel with rows of everyone's own starts before any cursor.
    if (subscribing && change.from !== cursor.version) return null;
    if (change.to > cursor.version) {
      if (!this.#merge(table, change)) return this.#subscribeAnew();
      this.#cursor = { ...cursor, version: change.to };
    }
    return subscribing ? this.#resume() : null;
  }

  /** The first page: records of the same shape stay until the snapshot is complete, those of another cannot stand beside its rows. */
  #begin(page: Page): void {
    if (this.#table?.shape !== page.shape) this.#table = new Table(page.shape, page.key);
    this.#cursor = { epoch: page.epoch, shape: page.shape, version: page.version };
    this.#columns = page.columns;
    this.#key = page.key;
    this.#snapshot = { after: null, rows: 0, total: page.total ?? 0, seen: this.#table.size > 0 ? new Set() : null };
    this.#phase = "paging";
  }

  #turnPage(table: Table, snapshot: Snapshot, page: Page): void {
    if (page.end) {
      snapshot.after = page.end;
      snapshot.rows = page.next;
      return;
    }
    if (snapshot.seen) table.retain(snapshot.seen, this.#touched);
    this.#snapshot = null;
    this.#phase = "live";
  }

  /** In step with the cursor. A snapshot that a lost socket interrupted goes on at its next page: the catch-up has mended those before. */
  #resume(): Reply {
    const after = this.#snapshot?.after;
    if (!this.#snapshot || !after) {
      this.#phase = "live";
      return null;
    }
    this.#phase = "paging";
    return this.#pageRequest(after, this.#snapshot.rows);
  }

  #pageRequest(after: WireRecord, rows: number): PageRequest {
    return { type: "page", channel: this.name, id: this.#id, pages: ANSWER_PAGES, after, rows };
  }

  /** The cursor is worth nothing: the table changed its shape between two pages, or the records are not what the object thinks. */
  #subscribeAnew(): Subscribe {
    this.#cursor = null;
    this.#snapshot = null;
    return this.#subscribe();
  }

  #put(table: Table, record: SyncRecord): string {
    const key = table.put(record, this.#touched);
    this.#snapshot?.seen?.add(key);
    return key;
  }

  /** False if a record to be changed is missing though every record should be there. */
  #merge(table: Table, change: Change): boolean {
    for (const key of change.del ?? []) table.delete(key.map(decodeCell), this.#touched);
    for (const row of change.put ?? []) this.#put(table, decodeRecord(row));
    let complete = true;
    for (const { columns, rows } of change.set ?? []) {
      for (const row of rows) {
        const cells = decodeRecord(row);
        const width = cells.length - columns.length;
        complete = table.set(cells.slice(0, width), columns, cells.slice(width), this.#touched) && complete;
      }
    }
    return complete || this.#snapshot !== null;
  }
}
