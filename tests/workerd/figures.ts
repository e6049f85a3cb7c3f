// SPDX-License-Identifier: MIT
// What became of the actions of the crash tests.
import type { Writer } from "./writers.ts";

/** Kills; `make crash` sets another number. */
export const ROUNDS = Number(process.env["CRASH_ROUNDS"] ?? 20);

export interface Figures {
  restarts: number;
  /** Actions that were sent, or kept to be sent. */
  sent: number;
  acknowledged: number;
  /** Actions that were committed when the server died, before their author could hear of it: it died between a commit and what it tells. */
  unheard: number;
  /** Actions that were acknowledged, or kept to be sent, and are not there. */
  lost: number;
  /** Actions that are there more than once. */
  doubled: number;
  /** Actions whose author has heard nothing in the end. */
  unsettled: number;
}

/** @param table every entry that was written, as often as it was */
export function crashFigures(writers: readonly Writer[], table: readonly string[], { restarts, unheard }: Pick<Figures, "restarts" | "unheard">): Figures {
  const there = new Set(table);
  const sent = new Set(writers.flatMap(({ sent }) => [...sent]));
  const acknowledged = new Set(writers.flatMap(({ acknowledged }) => [...acknowledged]));
  const owed = new Set([...sent, ...acknowledged]);
  const lost = [...owed].filter((entry) => !there.has(entry));
  return { restarts, sent: owed.size, acknowledged: acknowledged.size, unheard, lost: lost.length, doubled: table.length - there.size, unsettled: 0 };
}

export function printFigures(title: string, figures: object): void {
  console.log(`${title}: ${Object.entries(figures).map(([name, count]) => `${count} ${name}`).join(", ")}`);
}
