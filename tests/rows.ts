// SPDX-License-Identifier: MIT

/** The records of a page as it travels, whose cells stand column by column. */
export function rowsOf<T = unknown>(page: { readonly cells?: unknown }): T[][] {
  const cells = page.cells as T[][];
  const [first = []] = cells;
  return first.map((_, i) => cells.map((column) => column[i] as T));
}

/** The same, the other way round: the cells of a page of these records, of which there is at least one. */
export function cellsOf(rows: readonly (readonly unknown[])[]): unknown[][] {
  const [first = []] = rows;
  return first.map((_, i) => rows.map((row) => row[i]));
}
