// SPDX-License-Identifier: MIT
// What the client offers to any framework; the React hook is in react.ts.
export { HEARTBEAT, type SyncSocket } from "./connection.ts";
export { SyncError, type ErrorCode } from "./errors.ts";
export type { Cell, SyncRecord } from "./frames.ts";
export { MAX_UNSETTLED, type Receipt, type Settled, type SyncAction } from "./outbox.ts";
export { storeOf, type ChannelState, type RejectionListener, type Store, type SyncState, type SyncStatus } from "./store.ts";
export { isPending, View, type Reducer, type Snapshot } from "./view.ts";
