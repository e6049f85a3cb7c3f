// SPDX-License-Identifier: MIT
// What a target's object does for the harness, besides syncing.

export interface Rows {
  readonly read: number | null;
  readonly written: number | null;
}

export interface Measured {
  /** Adds `count` rows with keys from `from` on and `size` characters of text. */
  seed(from: number, count: number, size: number): void | Promise<void>;
  /** Rows read and written since it was last asked, as the platform counts them; null where nobody can know. */
  rows(): Rows | Promise<Rows>;
}
