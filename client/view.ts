// SPDX-License-Identifier: MIT
import type { Cell, SyncRecord } from "./frames.ts";
import { frozen } from "./frozen.ts";
import { getOrMake } from "./get-or-make.ts";
import { keyText } from "./table.ts";
import type { Optimistic } from "./action.ts";
import type { SyncStatus } from "./status.ts";
import type { Store, Told } from "./store.ts";

/**
 * The optimistic step: the records as they should look once `action` is done. It must not depend on anything but its arguments. The
 * array is its own, the records in it and the action are everybody's.
 */
export type Reducer<R, A> = (records: R[], action: A) => readonly R[];

/**
 * What a view shows at one moment. Each part, and the whole, is the same object until it changes. Everybody who watches has the same
 * records: they are frozen while developing, but for byte arrays, which cannot be.
 */
export type Snapshot<R> = { readonly records: readonly R[]; readonly status: SyncStatus };

/** Whether records are tuples in column order, or objects with the columns' names. */
export type RecordForm = "tuples" | "objects";

type Anything = readonly unknown[];

/** What the reducer made of `base` by applying the actions of `applied`. */
type Overlay = { base: Anything; applied: readonly Optimistic[]; records: Anything };

const optimistic = new WeakSet<object>();

/** True for a record that a reducer made or replaced, that is: one that the object has not confirmed yet. */
export function isPending(record: object): boolean {
  return optimistic.has(record);
}

/**
 * A channel as its watchers see it: the object's records, and over them what the reducer makes of the pending actions, replayed in order
 * whenever the records below have changed. R is the type of the channel's records, which nothing but the app can vouch for.
 */
export class View<R extends object, A> {
  /** Takes effect with the next action or change; what is shown already is not computed again. */
  reducer: Reducer<R, A> | undefined;
  readonly #store: Store;
  readonly #channel: string;
  readonly #told: Told;
  readonly #form: RecordForm;
  readonly #reported = new WeakSet<Optimistic>();
  readonly #objects = new WeakMap<SyncRecord, object>();
  #base: { records: readonly SyncRecord[]; shown: Anything } = { records: [], shown: [] };
  #overlay: Overlay = { base: [], applied: [], records: [] };
  #snapshot: Snapshot<R> | null = null;
  #first: Snapshot<R> | null = null;
  #index: { of: Anything; byKey: Map<string, R> } | null = null;

  constructor(store: Store, channel: string, reducer?: Reducer<R, A>, form: RecordForm = "tuples") {
    this.#store = store;
    this.#channel = channel;
    this.#told = store.told(channel);
    this.#form = form;
    this.reducer = reducer;
  }

  /** Watches the view; returns the end of the watch. */
  readonly subscribe = (listener: () => void): (() => void) => this.#store.subscribe(this.#channel, listener);

  readonly getSnapshot = (): Snapshot<R> => {
    const { records: told, pending, status } = this.#store.getState(this.#channel);
    this.#overlay = this.#replay(this.#inForm(told), pending);
    const records = this.#overlay.records as readonly R[];
    if (this.#snapshot?.records !== records || this.#snapshot.status !== status) this.#snapshot = { records, status };
    return this.#snapshot;
  };

  /** What a page that was rendered elsewhere shows at first: the view as it was when this was first asked. */
  readonly getServerSnapshot = (): Snapshot<R> => (this.#first ??= this.getSnapshot());

  /** The record with this key (a cell, or an array of cells in key order); undefined if there is none. */
  find(key: Cell | readonly Cell[]): R | undefined {
    const { records } = this.getSnapshot();
    const text = keyText(isKey(key) ? key : [key]);
    // Without pending actions nothing needs to be indexed.
    if (records === this.#base.shown) return this.#ofTable(text);
    if (this.#index?.of !== records) {
      this.#index = { of: records, byKey: new Map(records.map((record) => [this.#keyOf(record) ?? "", record])) };
    }
    return this.#index.byKey.get(text);
  }

  #ofTable(text: string): R | undefined {
    const record = this.#told.recordOf(text);
    return record && (this.#formOf(record) as R);
  }

  #inForm(records: readonly SyncRecord[]): Anything {
    if (this.#base.records !== records) {
      const shown = this.#form === "tuples" ? records : frozen(records.map((record) => this.#formOf(record)));
      this.#base = { records, shown };
    }
    return this.#base.shown;
  }

  /** The record as it is shown: the same object as long as the record is the same. */
  #formOf(record: SyncRecord): object {
    if (this.#form === "tuples") return record;
    const { columns } = this.#told;
    return getOrMake(this.#objects, record, () => Object.fromEntries(columns.map((name, i) => [name, record[i]])));
  }

  #keyOf(shown: object): string | null {
    if (this.#form === "tuples") return this.#told.keyOf(shown as SyncRecord);
    return this.#told.keyOf(this.#told.columns.map((name) => (shown as Record<string, Cell>)[name] ?? null));
  }

  /** Over the same records, only the actions that are new need to be applied. */
  #replay(base: Anything, pending: readonly Optimistic[]): Overlay {
    const old = this.#overlay;
    if (old.base === base && sameItems(old.applied, pending)) return old;
    const goesOn = old.base === base && startsWith(pending, old.applied);
    let records = goesOn ? old.records : base;
    for (const action of goesOn ? pending.slice(old.applied.length) : pending) records = this.#apply(records, action);
    if (records !== base) records = frozen(this.#mark(base, records));
    return { base, applied: pending, records };
  }

  #apply(records: Anything, pending: Optimistic): Anything {
    if (!this.reducer) return records;
    try {
      // A copy, since a reducer may push into what it is given, and this array may be on the screen.
      const result = this.reducer([...records] as R[], pending.action as A);
      if (!Array.isArray(result)) throw new TypeError(`The reducer returned no array for the action "${pending.action.type}".`);
      return sameItems(result, records) ? records : result;
    } catch (error) {
      if (!this.#reported.has(pending)) console.error(error);
      this.#reported.add(pending);
      return records;
    }
  }

  /** Notes which records are not the object's, and lets a key stand once: an action replayed over its own effect must not show twice. */
  #mark(base: Anything, records: Anything): Anything {
    const confirmed = new Set(base);
    const byKey = new Map<unknown, unknown>();
    for (const record of records as object[]) {
      if (!confirmed.has(record)) optimistic.add(record);
      byKey.set(this.#keyOf(record) ?? record, record);
    }
    return byKey.size === records.length ? records : [...byKey.values()];
  }
}

function isKey(key: Cell | readonly Cell[]): key is readonly Cell[] {
  return Array.isArray(key);
}

function sameItems(a: Anything, b: Anything): boolean {
  return a === b || (a.length === b.length && startsWith(a, b));
}

function startsWith(items: Anything, start: Anything): boolean {
  return start.length <= items.length && start.every((item, i) => item === items[i]);
}
