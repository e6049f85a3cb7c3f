// SPDX-License-Identifier: MIT
export { SyncObject } from "./sync-object.ts";
export { restoreObject } from "./restore.ts";
export { routeSyncRequest } from "./route.ts";
