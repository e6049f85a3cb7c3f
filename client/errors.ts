// SPDX-License-Identifier: MIT
import { errors, type ErrorCode } from "../wasm/build/protocol.ts";

export type { ErrorCode };

/** What an action was refused with, or why a channel cannot be kept in step. Decide by `code`, never by the text. */
export class SyncError extends Error {
  /** One of the closed list in docs/PROTOCOL.md; a code that this client does not know arrives as "internal". */
  readonly code: ErrorCode;
  /** What the object's handler said besides, if it did. */
  readonly data: unknown;

  constructor(code: string, message?: string, data?: unknown) {
    const known = isErrorCode(code) ? code : "internal";
    super(message || errors[known]);
    this.name = "SyncError";
    this.code = known;
    this.data = data;
  }
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errors, code);
}
