// SPDX-License-Identifier: MIT
export { SyncObject } from "./sync-object.ts";
export type { Cost } from "./cost.ts";
export { restoreObject } from "./restore.ts";
export { routeSyncRequest } from "./route.ts";
