// SPDX-License-Identifier: MIT
import { decodeCell, decodeRecord, encodeCell } from "./frames.ts";
import type { Change, Cursor, Page, PageRequest, Subscribe, SyncRecord, WireRecord } from "./frames.ts";
import type { SyncError } from "./errors.ts";
import { Table } from "./table.ts";

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

/** A snapshot being paged: the last key that came, the rows to ask for next, the keys it has shown if there were records before it. */
type Snapshot = { after: WireRecord | null; rows: number; seen: Set<string> | null };

const noRecords: readonly SyncRecord[] = Object.freeze([]);

/** The records of one channel and what is needed to keep them in step. It sends nothing: its methods return the frame to send, if any. */
export class Channel {
  readonly name: string;
  #phase: Phase = "idle";
  #cursor: Cursor | null = null;
  #table: Table | null = null;
  #snapshot: Snapshot | null = null;
  #error: SyncError | null = null;

  constructor(name: string) {
    this.name = name;
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

  /** The key of a record as a text; null while nothing is known of the channel. */
  keyOf(record: SyncRecord): string | null {
    return this.#table?.keyOf(record) ?? null;
  }

  /** The frame that brings the channel into step on a new socket, or after a gap: from the cursor, if there is one. */
  subscribe(): Subscribe {
    this.#phase = "subscribing";
    this.#error = null;
    return { type: "subscribe", channel: this.name, cursor: this.#cursor };
  }

  /** The socket is gone, or nobody watches any more. Records and cursor stay, for the next subscription to go on from. */
  rest(): void {
    this.#phase = "idle";
    this.#error = null;
  }

  fail(error: SyncError): void {
    this.#phase = "failed";
    this.#error = error;
  }

  /** Takes in a page of a snapshot. */
  applyPage(page: Page): Reply {
    if (this.#phase === "idle" || this.#phase === "failed") return null;
    if (page.first) this.#begin(page);
    // Frames keep their order, so a later page in any other phase answers a question from before this subscription.
    else if (this.#phase !== "paging") return null;
    if (!this.#table || !this.#snapshot || page.shape !== this.#table.shape) return this.#subscribeAnew();
    for (const row of page.rows) this.#put(this.#table, row);
    return this.#turnPage(this.#table, this.#snapshot, page);
  }

  /** Takes in the changes of a patch. Changes over a gap are dropped: those that the resubscription brings contain them. */
  applyChange(epoch: string, change: Change): Reply {
    const cursor = this.#cursor;
    const table = this.#table;
    if (this.#phase === "idle" || this.#phase === "failed" || !cursor || !table) return null;
    if (epoch !== cursor.epoch || change.shape !== cursor.shape || change.from > cursor.version) {
      return this.#phase === "subscribing" ? null : this.subscribe();
    }
    if (change.to > cursor.version) {
      if (!this.#merge(table, change)) return this.#subscribeAnew();
      this.#cursor = { ...cursor, version: change.to };
    }
    return this.#phase === "subscribing" ? this.#resume() : null;
  }

  /** The first page: records of the same shape stay until the snapshot is complete, those of another cannot stand beside its rows. */
  #begin(page: Page): void {
    if (this.#table?.shape !== page.shape) this.#table = new Table(page.shape, page.key);
    this.#cursor = { epoch: page.epoch, shape: page.shape, version: page.version };
    this.#snapshot = { after: null, rows: 0, seen: this.#table.size > 0 ? new Set() : null };
    this.#phase = "paging";
  }

  #turnPage(table: Table, snapshot: Snapshot, page: Page): Reply {
    const last = page.rows.at(-1);
    if (page.next > 0 && last) {
      snapshot.after = table.keyCells(decodeRecord(last)).map(encodeCell);
      snapshot.rows = page.next;
      return this.#pageRequest(snapshot.after, snapshot.rows);
    }
    if (snapshot.seen) table.retain(snapshot.seen);
    this.#snapshot = null;
    this.#phase = "live";
    return null;
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
    return { type: "page", channel: this.name, after, rows };
  }

  /** The cursor is worth nothing: the table changed its shape between two pages, or the records are not what the object thinks. */
  #subscribeAnew(): Subscribe {
    this.#cursor = null;
    this.#snapshot = null;
    return this.subscribe();
  }

  #put(table: Table, row: WireRecord): void {
    const key = table.put(decodeRecord(row));
    this.#snapshot?.seen?.add(key);
  }

  /** False if a record to be changed is missing though every record should be there. */
  #merge(table: Table, change: Change): boolean {
    for (const key of change.del ?? []) table.delete(key.map(decodeCell));
    for (const row of change.put ?? []) this.#put(table, row);
    let complete = true;
    for (const { columns, rows } of change.set ?? []) {
      for (const row of rows) {
        const cells = decodeRecord(row);
        const width = cells.length - columns.length;
        complete = table.set(cells.slice(0, width), columns, cells.slice(width)) && complete;
      }
    }
    return complete || this.#snapshot !== null;
  }
}
