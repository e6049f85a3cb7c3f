// SPDX-License-Identifier: MIT
import { Channel } from "./channel.ts";
import type { SyncRecord } from "./frames.ts";
import type { Optimistic } from "./action.ts";
import type { SyncStatus } from "./status.ts";

/** A channel at one moment. Each part, and the whole, is the same object until it changes. */
export type ChannelState = {
  /** What the object has told, in key order. */
  readonly records: readonly SyncRecord[];
  /** The actions whose effects are not in `records`, oldest first, those of other tabs before the others. */
  readonly pending: readonly Optimistic[];
  readonly status: SyncStatus;
};

/** What a store knows of a channel besides its records. */
export type Entry = {
  readonly channel: Channel;
  readonly listeners: Set<() => void>;
  /** Told of the events that the object sends to whoever follows the channel. */
  readonly eventListeners: Set<(event: unknown) => void>;
  /** Its records have been looked for in the cache. */
  loaded: boolean;
  loading: boolean;
  /** Null if something may have changed since it was last computed. */
  state: ChannelState | null;
  last: ChannelState;
  /** Resolves once there is something to show. */
  ready: Promise<void> | null;
};

/** `cached`: a cache keeps the channel's records; `loaded`: there is nothing to look for in it. */
export function newEntry(name: string, cached: boolean, loaded: boolean): Entry {
  const channel = new Channel(name, cached);
  const status: SyncStatus = { state: "connecting", pending: 0, storage: loaded ? "memory" : "persistent" };
  const last: ChannelState = { records: channel.records, pending: [], status };
  return { channel, listeners: new Set(), eventListeners: new Set(), loaded, loading: false, state: null, last, ready: null };
}

/** The state made of these parts; `last` again if they are the same. */
export function stateOf(last: ChannelState, { records, pending, status }: ChannelState): ChannelState {
  const isSame = last.pending.length === pending.length && last.pending.every((action, i) => action === pending[i]);
  if (isSame && records === last.records && status === last.status) return last;
  return { records, pending: isSame ? last.pending : pending, status };
}

/** True if there is something to show: every record, or a reason why there are none. */
export function isReady(channel: Channel, { state }: SyncStatus): boolean {
  return channel.complete || (state !== "connecting" && state !== "syncing");
}

/** True while somebody waits for the channel to come into step. */
export function isAwaited({ channel, listeners }: Entry): boolean {
  return listeners.size > 0 && channel.phase !== "live" && channel.phase !== "failed";
}
