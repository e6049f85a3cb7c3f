// SPDX-License-Identifier: MIT
// The pages of docs/ that carry what was counted: tables between `<!-- name:begin -->` and `<!-- name:end -->`, renewed by `make cost`.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export type Page = "COST.md" | "SCALE.md";

const pathOf = (page: Page): string => fileURLToPath(new URL(`../../docs/${page}`, import.meta.url));

function marked(page: Page, name: string): { text: string; begin: number; end: number } {
  const text = readFileSync(pathOf(page), "utf8");
  const [before, after] = [`<!-- ${name}:begin -->\n\n`, `\n\n<!-- ${name}:end -->`];
  const [begin, end] = [text.indexOf(before) + before.length, text.indexOf(after)];
  if (begin < before.length || end < begin) throw new Error(`docs/${page} has no place for ${name}`);
  return { text, begin, end };
}

/** What a page has in the place called `name`. */
export function readPlace(page: Page, name: string): string {
  const { text, begin, end } = marked(page, name);
  return text.slice(begin, end);
}

export function renewPlace(page: Page, name: string, content: string): void {
  const { text, begin, end } = marked(page, name);
  writeFileSync(pathOf(page), text.slice(0, begin) + content + text.slice(end));
}

/** A table whose first column is text and whose others are numbers. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

/** A table's numbers by the text of their line; what is not a number is NaN. */
export function readTable(page: Page, name: string): ReadonlyMap<string, readonly number[]> {
  const [, , ...lines] = readPlace(page, name).split("\n");
  return new Map(
    lines.map((line) => {
      const [first = "", ...cells] = line.slice(2, -2).split(" | ");
      return [first, cells.map((cell) => Number(cell.replaceAll(",", "")))];
    }),
  );
}
