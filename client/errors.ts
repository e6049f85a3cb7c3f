// SPDX-License-Identifier: MIT
import type { ErrorCode as WireCode } from "../wasm/build/protocol.ts";

/** What the client's own codes mean; the object sends its sentences along. */
const sentences = {
  client_forgotten: "The outcome is not known.",
  left_behind: "Left behind: it is sent when the object is opened again, if it was saved.",
  aborted: "Taken back before it was sent.",
  cleared: "Cleared; the outcome is not known.",
} as const;

/** The codes of docs/PROTOCOL.md and the client's own. A newer object may say others. */
export type ErrorCode = WireCode | keyof typeof sentences | (string & {});

/** What an action was refused with, or why a channel cannot be kept in step. Decide by `code`, never by the text. */
export class SyncError extends Error {
  readonly code: ErrorCode;
  /** What the object's handler said besides, if it did. */
  readonly data: unknown;

  constructor(code: ErrorCode, message?: string, data?: unknown) {
    super(message || (sentences as Record<string, string>)[code] || code);
    this.name = "SyncError";
    this.code = code;
    this.data = data;
  }
}
