// SPDX-License-Identifier: MIT
export * from "./object.ts";
export type { PayloadSchema } from "./standard-schema.ts";
export { SyncError } from "./sync-error.ts";
export { SyncServer, type ActionArguments, type ActionContext, type ChannelDeclaration, type Channels, type Handled, type Migration } from "./sync-server.ts";
