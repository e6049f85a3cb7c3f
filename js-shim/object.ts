// SPDX-License-Identifier: MIT
// What an app in C needs of the shim: everything but the class for apps in TypeScript, with which the prebuilt core would come along.
export type { Connection, Identity } from "./connection.ts";
export type { Cost } from "./cost.ts";
export { restoreObject } from "./restore.ts";
export { routeSyncRequest } from "./route.ts";
export { SyncObject } from "./sync-object.ts";
