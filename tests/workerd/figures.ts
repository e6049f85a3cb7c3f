// SPDX-License-Identifier: MIT
// What became of the actions of the crash tests.

/** Kills; `make crash` sets another number. */
export const ROUNDS = Number(process.env["CRASH_ROUNDS"] ?? 20);

/** What an author knows of its own entries. Their names begin with its id and a dash. */
export interface Ledger {
  readonly id: string;
  /** Entries that are on their way to the table, for good: each once. */
  readonly sent: ReadonlySet<string>;
  /** Entries whose author was told that they are committed. */
  readonly acknowledged: ReadonlySet<string>;
  /** Entries that were committed when the server died, before their author could hear of it; null if nobody counts them. */
  readonly unheard: number | null;
  /** Entries that their author still holds, to send them again. */
  waiting(): Promise<ReadonlySet<string>>;
}

/** A figure is null where nobody counts it. */
export interface Figures {
  restarts: number;
  sent: number;
  acknowledged: number | null;
  /** Those between whose commit and what it tells the server died. */
  unheard: number | null;
  /** Those that are not in the table, though their author was told so, or holds them no longer. */
  lost: number;
  /** Those that are in the table once too often. */
  doubled: number;
  /** Those that their author still holds in the end. */
  unsettled: number | null;
}

/** @param table every entry that was written, by anybody, as often as it was */
export async function crashFigures(ledgers: readonly Ledger[], table: readonly string[], restarts: number): Promise<Figures> {
  const acknowledged = new Set(ledgers.flatMap((ledger) => [...ledger.acknowledged]));
  const sent = new Set([...acknowledged, ...ledgers.flatMap((ledger) => [...ledger.sent])]);
  const waiting = new Set((await Promise.all(ledgers.map(async (ledger) => [...(await ledger.waiting())]))).flat());
  const owed = [...sent].filter((entry) => acknowledged.has(entry) || !waiting.has(entry));
  const own = table.filter((entry) => ledgers.some(({ id }) => entry.startsWith(`${id}-`)));
  const unheard = ledgers.reduce<number | null>((sum, ledger) => (sum === null || ledger.unheard === null ? null : sum + ledger.unheard), 0);
  return { restarts, sent: sent.size, acknowledged: acknowledged.size, unheard, ...compare(owed, own), unsettled: waiting.size };
}

/** Entries that must be in the table, beside those that are. */
export function compare(owed: readonly string[], table: readonly string[]): Pick<Figures, "lost" | "doubled"> {
  const there = new Set(table);
  return { lost: owed.filter((entry) => !there.has(entry)).length, doubled: table.length - there.size };
}

/** Prints a table with a line for each kind of authors. */
export function printFigures(kinds: Readonly<Record<string, Figures>>): void {
  const names: (keyof Figures)[] = ["restarts", "sent", "acknowledged", "unheard", "lost", "doubled", "unsettled"];
  const line = (title: string, cells: readonly (number | string | null)[]) => title.padEnd(18) + cells.map((cell) => String(cell ?? "-").padStart(13)).join("");
  console.log([line("", names), ...Object.entries(kinds).map(([title, figures]) => line(title, names.map((name) => figures[name])))].join("\n"));
}
