// SPDX-License-Identifier: MIT
export type { Connection, Identity } from "./connection.ts";
export type { Cost } from "./cost.ts";
export { restoreObject } from "./restore.ts";
export { routeSyncRequest } from "./route.ts";
export type { PayloadSchema } from "./standard-schema.ts";
export { SyncError } from "./sync-error.ts";
export { SyncObject } from "./sync-object.ts";
export { SyncServer, type ActionContext, type ChannelDeclaration, type Channels, type Handled, type Migration } from "./sync-server.ts";
