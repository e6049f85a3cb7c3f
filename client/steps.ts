// SPDX-License-Identifier: MIT
// What a channel notes, and what it tells the cache: which of its states the cache may hold, and what has changed since.
import type { ChannelMeta, ChannelWrite } from "./cache.ts";
import type { Cursor, WireRecord } from "./frames.ts";
import type { Table } from "./table.ts";

/** A state as a text, and the keys that changed in the step that left it. */
export type Step = { from: string; keys: string[] };

/** A state of a channel's rows as a text. */
export function markOf({ epoch, shape, version }: Cursor, after: WireRecord | null = null, seen: object | null = null): string {
  return JSON.stringify([epoch, shape, version, after, seen !== null]);
}

/** True if the cache holds as much as this channel, or another tab is about to complete what both of them fetch. */
export function hasAsMuch(stored: ChannelMeta, mine: ChannelMeta, isPassed: boolean): boolean {
  if (stored.cursor.epoch !== mine.cursor.epoch || stored.cursor.shape !== mine.cursor.shape) return false;
  if (stored.snapshot) return mine.snapshot !== null && !isPassed;
  return mine.snapshot !== null || stored.cursor.version >= mine.cursor.version;
}

/** Writes the rows with these keys as they are now, or all of them in place of what is there. */
export function writeOf(table: Table, meta: ChannelMeta, keys: Iterable<string> | null): ChannelWrite {
  const write: ChannelWrite = { meta, clear: !keys, put: [], del: [] };
  for (const key of keys ?? table.keys()) {
    const record = table.get(key);
    if (record) write.put.push([key, record]);
    else write.del.push(key);
  }
  return write;
}
