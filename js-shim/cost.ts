// SPDX-License-Identifier: MIT

/** What work came to, in the units of the platform's bill and of the network. */
export interface Cost {
  /** Turns that were run. */
  turns: number;
  /** Messages that came, and their size. Sizes are in UTF-16 units, which for ASCII are bytes. */
  framesIn: number;
  unitsIn: number;
  /** Messages that went out, counted once for each socket, and their size. */
  framesOut: number;
  unitsOut: number;
  /** Rows as the platform counts and bills them; 0 where the storage does not count. */
  rowsRead: number;
  rowsWritten: number;
}

export function noCost(): Cost {
  return { turns: 0, framesIn: 0, unitsIn: 0, framesOut: 0, unitsOut: 0, rowsRead: 0, rowsWritten: 0 };
}

/** Adds `cost` to `total`. */
export function addCost(total: Cost, cost: Partial<Cost>): void {
  for (const key of Object.keys(cost) as (keyof Cost)[]) total[key] += cost[key] ?? 0;
}
