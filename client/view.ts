// SPDX-License-Identifier: MIT
import type { Cell, SyncRecord } from "./frames.ts";
import type { Pending } from "./outbox.ts";
import type { Store, SyncStatus } from "./store.ts";

/** The optimistic step: the records as they should look once `action` is done. It must not depend on anything but its arguments. */
export type Reducer<R, A> = (records: R[], action: A) => R[];

/** What a view shows at one moment. Each part, and the whole, is the same object until it changes. */
export type Snapshot<R> = { readonly records: R[]; readonly status: SyncStatus };

/** What the reducer made of `base` by applying the actions of `applied`. */
type Overlay = { base: readonly SyncRecord[]; applied: readonly Pending[]; records: readonly SyncRecord[] };

const optimistic = new WeakSet<readonly unknown[]>();

/** True for a record that a reducer made or replaced, that is: one that the object has not confirmed yet. */
export function isPending(record: readonly unknown[]): boolean {
  return optimistic.has(record);
}

/**
 * A channel as its watchers see it: the object's records, and over them what the reducer makes of the pending actions, replayed in order
 * whenever the records below have changed. R is the type of the channel's records, which nothing but the app can vouch for.
 */
export class View<R extends readonly unknown[], A> {
  /** Takes effect with the next action or change; what is shown already is not computed again. */
  reducer: Reducer<R, A> | undefined;
  readonly #store: Store;
  readonly #channel: string;
  readonly #reported = new WeakSet<Pending>();
  #overlay: Overlay = { base: [], applied: [], records: [] };
  #snapshot: Snapshot<R> | null = null;

  constructor(store: Store, channel: string, reducer?: Reducer<R, A>) {
    this.#store = store;
    this.#channel = channel;
    this.reducer = reducer;
  }

  /** Watches the view; returns the end of the watch. */
  readonly subscribe = (listener: () => void): (() => void) => this.#store.subscribe(this.#channel, listener);

  readonly getSnapshot = (): Snapshot<R> => {
    const { records: base, pending, status } = this.#store.getState(this.#channel);
    this.#overlay = this.#replay(base, pending);
    const records = this.#overlay.records as unknown as R[];
    if (this.#snapshot?.records !== records || this.#snapshot.status !== status) this.#snapshot = { records, status };
    return this.#snapshot;
  };

  /** Over the same records, only the actions that are new need to be applied. */
  #replay(base: readonly SyncRecord[], pending: readonly Pending[]): Overlay {
    const old = this.#overlay;
    if (old.base === base && sameItems(old.applied, pending)) return old;
    const goesOn = old.base === base && startsWith(pending, old.applied);
    let records = goesOn ? old.records : base;
    for (const action of goesOn ? pending.slice(old.applied.length) : pending) records = this.#apply(records, action);
    if (records !== base) records = this.#mark(base, records);
    return { base, applied: pending, records };
  }

  #apply(records: readonly SyncRecord[], pending: Pending): readonly SyncRecord[] {
    if (!this.reducer) return records;
    try {
      // A copy, since a reducer may push into what it is given, and this array may be on the screen.
      const result = this.reducer([...records] as unknown as R[], pending.action as A);
      if (!Array.isArray(result)) throw new TypeError(`The reducer returned no array for the action "${pending.action.type}".`);
      return sameItems(result, records) ? records : (result as unknown as SyncRecord[]);
    } catch (error) {
      if (!this.#reported.has(pending)) console.error(error);
      this.#reported.add(pending);
      return records;
    }
  }

  /** Notes which records are not the object's, and lets a key stand once: an action replayed over its own effect must not show twice. */
  #mark(base: readonly SyncRecord[], records: readonly SyncRecord[]): readonly SyncRecord[] {
    const confirmed = new Set(base);
    const byKey = new Map<string | SyncRecord, SyncRecord>();
    for (const record of records) {
      if (!confirmed.has(record)) optimistic.add(record);
      byKey.set(this.#store.keyOf(this.#channel, record as readonly Cell[]) ?? record, record);
    }
    return byKey.size === records.length ? records : [...byKey.values()];
  }
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a === b || (a.length === b.length && startsWith(a, b));
}

function startsWith(items: readonly unknown[], start: readonly unknown[]): boolean {
  return start.length <= items.length && start.every((item, i) => item === items[i]);
}
