// SPDX-License-Identifier: MIT
import type { ErrorCode } from "../wasm/build/protocol.ts";

/**
 * Rejects what a handler was asked for: `throw new SyncError("conflict", "The list is full.", { max: 100 })`. Nothing of the action remains, and its author
 * gets the code, the message and the data. An action is rejected by `invalid_payload`, `not_found`, `conflict`, `forbidden` or `rejected` as a rule.
 */
export class SyncError extends Error {
  readonly code: ErrorCode;
  /** JSON; at most 64 KiB, and 61 arrays and objects within each other. */
  readonly data: unknown;

  /** @param message shown to people, at most 64 KiB as JSON; the code's own sentence if it is left out */
  constructor(code: ErrorCode, message?: string, data?: unknown) {
    super(message ?? code);
    this.name = "SyncError";
    this.code = code;
    this.data = data;
  }
}
