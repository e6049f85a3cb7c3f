// SPDX-License-Identifier: MIT
// What a run of the bench leaves in build/bench/results.json.

export interface CaseResult {
  readonly name: string;
  readonly title: string;
  /** Whether the sockets had negotiated permessage-deflate. */
  readonly deflate: boolean;
  /** Of each target, of each metric, the value of every run. */
  readonly targets: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
}

export interface Results {
  readonly begun: string;
  readonly node: string;
  readonly cases: CaseResult[];
}
