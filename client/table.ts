// SPDX-License-Identifier: MIT
import { encodeCell, type Cell, type SyncRecord } from "./frames.ts";
import { frozen } from "./frozen.ts";

type Changed = (key: string) => void;

/** A record's place in the table, which it keeps while it changes. */
type Place = { record: SyncRecord; gone: boolean };

export const noRecords: readonly SyncRecord[] = Object.freeze([]);

/**
 * The records of a channel, by key, in key order. A frame's worth of changes costs one pass over the table, when `records` is next asked
 * for. A record that did not change keeps its identity, even if it is put again.
 */
export class Table {
  /** The shape that all the records have. */
  readonly shape: string;
  readonly #key: readonly number[];
  readonly #byKey = new Map<string, Place>();
  /** In key order, but for those just added. */
  #order: Place[] = [];
  #added: Place[] = [];
  #removed = false;
  #records: readonly SyncRecord[] | null = noRecords;

  /** `key` are the positions of the primary key's columns, in key order. */
  constructor(shape: string, key: readonly number[]) {
    this.shape = shape;
    this.#key = key;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** The key of every record as a text, in no order. */
  keys(): IterableIterator<string> {
    return this.#byKey.keys();
  }

  /** The record with this key as a text. */
  get(key: string): SyncRecord | undefined {
    return this.#byKey.get(key)?.record;
  }

  /** Every record in key order; the same array until something changes. */
  get records(): readonly SyncRecord[] {
    this.#records ??= frozen(this.#collect());
    return this.#records;
  }

  /** A text that is the same for two records exactly if their keys are. */
  keyOf(record: SyncRecord): string {
    return keyText(this.#key.map((position) => record[position] ?? null));
  }

  /** Adds or replaces a whole record and returns its key; `changed` hears of it if it was not there just so. */
  put(record: SyncRecord, changed?: Changed): string {
    const key = this.keyOf(record);
    const place = this.#byKey.get(key);
    if (place && sameCells(place.record, record)) return key;
    if (place) place.record = record;
    else {
      const added = { record, gone: false };
      this.#byKey.set(key, added);
      this.#added.push(added);
    }
    this.#records = null;
    changed?.(key);
    return key;
  }

  /** Changes some columns of the record with this key; false if there is none. */
  set(keyCells: readonly Cell[], columns: readonly number[], cells: readonly Cell[], changed?: Changed): boolean {
    const old = this.get(keyText(keyCells));
    if (!old) return false;
    const record = [...old];
    columns.forEach((column, i) => (record[column] = cells[i] ?? null));
    this.put(record, changed);
    return true;
  }

  /** Drops the record with this key; `changed` hears of it even if it was not there. */
  delete(keyCells: readonly Cell[], changed?: Changed): void {
    this.#remove(keyText(keyCells), changed);
  }

  /** Drops every record whose key is not among `keys`. */
  retain(keys: ReadonlySet<string>, changed?: Changed): void {
    for (const key of this.#byKey.keys()) if (!keys.has(key)) this.#remove(key, changed);
  }

  #remove(key: string, changed?: Changed): void {
    changed?.(key);
    const place = this.#byKey.get(key);
    if (!place) return;
    this.#byKey.delete(key);
    place.gone = this.#removed = true;
    this.#records = null;
  }

  #collect(): SyncRecord[] {
    if (this.#removed) [this.#order, this.#added] = [this.#order.filter(isThere), this.#added.filter(isThere)];
    if (this.#added.length > 0) this.#order = this.#merge(this.#added);
    this.#added = [];
    this.#removed = false;
    return this.#order.map(({ record }) => record);
  }

  // Pages come in key order, so most of what is added stands after the rest. Else, the engines' sort merges two sorted runs in one pass.
  #merge(added: Place[]): Place[] {
    const compare = (a: Place, b: Place) => this.#compare(a.record, b.record);
    added.sort(compare);
    const [last, first] = [this.#order.at(-1), added[0]];
    const all = this.#order.concat(added);
    return last === undefined || first === undefined || compare(last, first) < 0 ? all : all.sort(compare);
  }

  #compare(a: SyncRecord, b: SyncRecord): number {
    for (const position of this.#key) {
      const order = compareCells(a[position] ?? null, b[position] ?? null);
      if (order !== 0) return order;
    }
    return 0;
  }
}

function isThere({ gone }: Place): boolean {
  return !gone;
}

// A lone text is by far the most common key. Its quote keeps it apart from every other key, which starts with a bracket.
export function keyText(cells: readonly Cell[]): string {
  const [first] = cells;
  return cells.length === 1 && typeof first === "string" ? `"${first}` : JSON.stringify(cells.map(encodeCell));
}

/** SQLite's order of types: null, numbers, texts, blobs. Texts go by UTF-16 units: stable, if not the object's order beyond U+FFFF. */
function compareCells(a: Cell, b: Cell): number {
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a > b ? 1 : 0;
  const rank = rankOf(a) - rankOf(b);
  if (rank !== 0 || a === null || b === null) return rank;
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}

function rankOf(cell: Cell): number {
  if (cell === null) return 0;
  if (typeof cell === "string") return 2;
  return cell instanceof Uint8Array ? 3 : 1;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const end = Math.min(a.length, b.length);
  for (let i = 0; i < end; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function sameCells(a: SyncRecord, b: SyncRecord): boolean {
  return a.length === b.length && a.every((cell, i) => Object.is(cell, b[i]) || sameBytes(cell, b[i]));
}

function sameBytes(a: Cell, b: Cell | undefined): boolean {
  return a instanceof Uint8Array && b instanceof Uint8Array && compareBytes(a, b) === 0;
}
