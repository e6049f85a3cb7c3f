// SPDX-License-Identifier: MIT
// What the client offers to any framework; the React hooks are in react.ts.
export type { Optimistic, SyncAction } from "./action.ts";
export type { RejectionListener } from "./actions.ts";
export { memoryCache } from "./cache.ts";
export type { Cache, CacheWrite, ChannelMeta, ChannelWrite, StoredAction, StoredChannel, StoredClient, StoredOutboxes } from "./cache.ts";
export type { Progress } from "./channel.ts";
export { HEARTBEAT, type SyncSocket } from "./connection.ts";
export type { ChannelState } from "./entry.ts";
export { SyncError, type ErrorCode } from "./errors.ts";
export type { Cell, SyncRecord } from "./frames.ts";
export { indexedDbCache } from "./indexed-db.ts";
export { MAX_UNSETTLED } from "./outbox.ts";
export { outboxes, type Waiting } from "./outboxes.ts";
export type { Receipt, SendOptions, Settled, Stage } from "./receipt.ts";
export type { SyncState, SyncStatus } from "./status.ts";
export type { Dehydrated, Store } from "./store.ts";
export { storeOf, type StoreOptions } from "./stores.ts";
export { isPending, View, type Reducer, type Snapshot } from "./view.ts";
