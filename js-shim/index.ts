// SPDX-License-Identifier: MIT
export { SyncObject } from "./sync-object.ts";
export { routeSyncRequest } from "./route.ts";
