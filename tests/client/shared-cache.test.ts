// SPDX-License-Identifier: MIT
// Several tabs write one channel, each as far as it has come. Whatever the order: the cache's rows are those of its cursor.
import { expect, test } from "vitest";
import type { ChannelMeta, ChannelWrite } from "../../client/cache.ts";
import { Channel } from "../../client/channel.ts";
import type { Change, Page, SyncRecord } from "../../client/frames.ts";
import { change, page } from "./scripted-object.ts";

const WORLDS = 400;
const STEPS = 120;
const KEYS = 12;
const PAGE = 3;

type Rows = Map<string, string>;

/** What the cache holds: rows by the channel's own names for their keys. */
type Kept = { meta: ChannelMeta; rows: Map<string, SyncRecord> } | null;

/** Numbers that look like chance and are the same for a seed. */
function chanceOf(seed: number) {
  let state = seed + 1;
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const keyOf = (i: number) => `k${String(i).padStart(2, "0")}`;
const recordsOf = (rows: Rows) => [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1));

/** An object with one table of (id, text): its rows at every version, and what it answers. */
class History {
  readonly states: Rows[] = [new Map()];
  epoch = "e1";

  get version(): number {
    return this.states.length - 1;
  }

  at(version: number): Rows {
    return this.states[version] ?? new Map();
  }

  change(chance: (below: number) => number): void {
    const rows = new Map(this.at(this.version));
    for (let i = 0; i <= chance(3); i++) {
      if (chance(3) === 0) rows.delete(keyOf(chance(KEYS)));
      else rows.set(keyOf(chance(KEYS)), `v${this.version + 1}`);
    }
    this.states.push(rows);
  }

  /** An earlier state comes back, from a backup; what follows is another history. */
  restore(chance: (below: number) => number): void {
    this.states.length = 1 + chance(this.states.length);
    this.epoch = `${this.epoch}'`;
  }

  /** The net change between two versions. */
  between(from: number, to: number): Change {
    const [before, after] = [this.at(from), this.at(to)];
    const put = recordsOf(after).filter(([key, text]) => before.get(key) !== text);
    const del = [...before.keys()].filter((key) => !after.has(key)).map((key) => [key]);
    return { channel: "todos", shape: "s1", from, to, put, del };
  }

  /** What answers the subscription `id`. */
  page(id: number, after: string | null): Page {
    const rest = recordsOf(this.at(this.version)).filter(([key]) => after === null || key > after);
    const next = rest.length > PAGE ? PAGE : 0;
    const end = next ? rest[PAGE - 1]?.slice(0, 1) : undefined;
    const place = { channel: "todos", epoch: this.epoch, shape: "s1", version: this.version, first: after === null };
    return { type: "page", id, ...place, total: this.at(this.version).size, columns: ["id", "text"], key: [0], next, end, after: end, cells: [0, 1].map((i) => rest.slice(0, PAGE).map((row) => row[i] ?? null)) };
  }
}

/** A tab: a channel on a line of its own, which may lag. */
class Tab {
  readonly channel = new Channel("todos", true);
  readonly #history: History;
  /** How far the patches on its line have come. */
  #at = 0;
  #asked: ReturnType<Channel["applyPage"]> = null;

  constructor(history: History, kept: Kept) {
    this.#history = history;
    if (kept) this.channel.restore({ meta: kept.meta, rows: [...kept.rows.values()] }, true);
    this.connect();
  }

  connect(): void {
    this.channel.rest();
    this.#asked = this.channel.subscribe();
  }

  /** Gets what comes next: the answer to what it asked, or a patch. */
  receive(steps: number): void {
    const asked = this.#asked;
    const { version } = this.#history;
    this.#asked = null;
    // Frames keep their order: before an answer come the patches that were made before it, but for those before a subscription's.
    if (asked?.type === "subscribe") {
      const { cursor } = asked;
      this.#at = version;
      if (cursor?.epoch === this.#history.epoch) this.#apply(cursor.version, version);
      else this.#turn(this.#history.page(asked.id, null));
    } else if (asked?.type === "page") {
      this.#apply(this.#at, version);
      this.#at = version;
      this.#turn(this.#history.page(asked.id, String(asked.after[0])));
    } else if (this.#at < version) {
      const to = Math.min(version, this.#at + steps);
      this.#apply(this.#at, to);
      this.#at = to;
    }
  }

  #turn(page: Page): void {
    const ahead = this.channel.askAhead(page);
    this.#asked = this.channel.applyPage(page) ?? ahead;
  }

  #apply(from: number, to: number): void {
    this.#asked = this.channel.applyChange(this.#history.epoch, this.#history.between(from, to)) ?? this.#asked;
  }
}

test(`${WORLDS} worlds of tabs that load, lag, reconnect, reload and write in any order`, () => {
  let [diffs, wholes, kept] = [0, 0, 0];
  for (let seed = 0; seed < WORLDS; seed++) {
    const chance = chanceOf(seed);
    const history = new History();
    let cache: Kept = null;
    const tabs = Array.from({ length: 3 }, () => new Tab(history, null));
    for (let step = 0; step < STEPS; step++) {
      const place = chance(tabs.length);
      const tab = tabs[place];
      if (!tab) continue;
      const dice = chance(40);
      if (dice < 12) history.change(chance);
      else if (dice < 26) tab.receive(1 + chance(3));
      else if (dice < 38 && tab.channel.dirty) {
        const write = tab.channel.takeUnsaved(cache?.meta ?? null);
        if (!write) kept++;
        else if (write.clear) wholes++;
        else diffs++;
        cache = afterWrite(cache, write);
      } else if (dice === 38) tabs[place] = new Tab(history, cache);
      else if (chance(5) > 0) tab.connect();
      else {
        history.restore(chance);
        for (const other of tabs) other.connect();
      }
      expectTrue(cache, history, seed);
    }
  }
  // Each way of writing has been taken many times.
  for (const count of [diffs, wholes, kept]) expect(count).toBeGreaterThan(WORLDS);
});

/** A channel that has the first page of a snapshot at this version, up to the record "a", and the number of its subscription. */
function paging(version: number): [channel: Channel, id: number] {
  const channel = new Channel("todos", true);
  const { id } = channel.subscribe();
  channel.applyPage(page([["a", "1"]], { version, next: 2, total: 3, id }));
  return [channel, id];
}

test("a record that came by a patch before its page is written with that page: the cache of another tab at the same page does not have it", () => {
  const [[one, id], [other]] = [paging(10), paging(11)];
  one.applyChange("e1", change(10, 11, { put: [["z", "1"]] }));
  const kept = afterWrite(null, other.takeUnsaved(null));
  one.applyPage(page([["b", "1"], ["z", "1"]], { version: 11, first: false, id }));
  const { rows, meta } = afterWrite(kept, one.takeUnsaved(kept?.meta ?? null)) ?? {};
  expect(meta).toMatchObject({ cursor: { version: 11 }, snapshot: null });
  expect([...(rows?.values() ?? [])]).toEqual([["a", "1"], ["b", "1"], ["z", "1"]]);
});

test("a record that is gone before its page came leaves the cache: another tab may have put it there", () => {
  const [[one], [other, id]] = [paging(10), paging(11)];
  one.applyChange("e1", change(10, 11, { put: [["z", "1"]] }));
  const kept = afterWrite(null, one.takeUnsaved(null));
  other.applyChange("e1", change(11, 12, { del: [["z"]] }));
  other.applyPage(page([["b", "1"]], { version: 12, first: false, id }));
  const { rows, meta } = afterWrite(kept, other.takeUnsaved(kept?.meta ?? null)) ?? {};
  expect(meta).toMatchObject({ cursor: { version: 12 }, snapshot: null });
  expect([...(rows?.values() ?? [])]).toEqual([["a", "1"], ["b", "1"]]);
});

function afterWrite(cache: Kept, write: ChannelWrite | null): Kept {
  if (!write) return cache;
  const rows = new Map(write.clear ? [] : cache?.rows);
  for (const key of write.del) rows.delete(key);
  for (const [key, record] of write.put) rows.set(key, record);
  return { meta: write.meta, rows };
}

/** The rows are those of the version, as far as they have come. */
function expectTrue(cache: Kept, history: History, seed: number): void {
  if (cache?.meta.cursor.epoch !== history.epoch) return;
  const { cursor, snapshot } = cache.meta;
  const last = snapshot ? String(snapshot.after[0]) : keyOf(KEYS);
  const upTo = (rows: Rows) => recordsOf(rows).filter(([key]) => key <= last);
  const rows: Rows = new Map([...cache.rows.values()].map(([id, text]) => [String(id), String(text)]));
  expect(upTo(rows), `seed ${seed}`).toEqual(upTo(history.at(cursor.version)));
}
