// SPDX-License-Identifier: MIT
// What a month costs at some scale: what docs/COST.md has of the operations, times how often they happen, times the prices. `make cost` puts it into the pages.
import { limits } from "../../wasm/build/protocol.ts";
import type { OperationName } from "./operations.ts";
import { readTable, tableOf, type Page } from "./pages.ts";
import { billOf, GIGABYTES, MESSAGES_A_REQUEST, priceOf, prices, type Usage } from "./prices.ts";

interface Rows {
  readonly read: number;
  readonly written: number;
}

const plus = (...all: readonly Rows[]): Rows => ({ read: all.reduce((sum, { read }) => sum + read, 0), written: all.reduce((sum, { written }) => sum + written, 0) });
const times = (factor: number, { read, written }: Rows): Rows => ({ read: factor * read, written: factor * written });
const minus = (rows: Rows, other: Rows): Rows => plus(rows, times(-1, other));

// ---- What one operation costs each of the two

/** What an object costs, in the measured units. */
interface Figures {
  readonly birth: Rows;
  readonly wake: Rows;
  readonly create: Rows;
  readonly update: Rows;
  /** One of 200 creates that arrive together. */
  readonly createInBurst: Rows;
  /** A return that has missed this many changes of a table of so many rows. */
  readonly resume: (missed: number, rows: number) => Rows;
  readonly firstSync: (rows: number) => Rows;
  /** Bytes that a return is sent. */
  readonly resumeBytes: (missed: number, rows: number) => number;
  /** What comes once a day, for each user and for each object. */
  readonly daily: { readonly user: Rows; readonly object: Rows };
  /** Messages in of a return, and of a first sync of so many rows, beside the connection. */
  readonly messages: { readonly resume: number; readonly firstSync: (rows: number) => number };
  /** Bytes of a database with so many rows, after so many changes in the time that a log goes back. */
  readonly stored: (rows: number, changes: number) => number;
}

function readFigures(): { durasync: Figures; bare: Figures } {
  const costs = readTable("COST.md", "cost");
  const sizes = readTable("COST.md", "stored");
  const cell = (table: ReadonlyMap<string, readonly number[]>, name: string, column: number): number => {
    const number = table.get(name)?.[column];
    if (number === undefined) throw new Error(`docs/COST.md says nothing of "${name}"`);
    return number;
  };
  const rowsOf = (column: 0 | 1) => (name: OperationName): Rows => ({ read: cell(costs, name, column), written: cell(costs, name, 2 + column) });
  const ours = rowsOf(0);
  const theirs = rowsOf(1);

  const size = (name: "empty" | "10,000 rows, just written", column: 0 | 1) => cell(sizes, name, column);
  const perRow = (size("10,000 rows, just written", 1) - size("empty", 1)) / 10_000;
  const perChange = (size("10,000 rows, just written", 0) - size("empty", 0)) / 10_000 - perRow;

  const createInBurst = times(1 / 200, ours("burst of 200 creates, 10 listeners"));
  // What a change costs once more when it leaves the log: what 10,000 creates cost beyond those of bursts, whose 20 frames share their bookkeeping as well.
  const leaving = minus(times(1 / 10_000, ours("10,000 creates, compaction included")), { ...createInBurst, written: 2 + 20 / 10_000 });
  const unchanged = ours("resume, nothing changed");
  const missedOne = times(1 / 10, minus(ours("resume, 10 changes in 100,000 rows"), unchanged));
  const firstSync = ours("first sync of 10,000 rows");
  const unchangedBytes = cell(costs, "resume, nothing changed", 6);
  const missedBytes = (cell(costs, "resume, 10 changes in 100,000 rows", 6) - unchangedBytes) / 10;
  const frames = cell(costs, "first sync of 10,000 rows", 4);

  return {
    durasync: {
      birth: ours("first wake of a new object"),
      wake: ours("wake"),
      create: plus(ours("create"), leaving),
      update: plus(ours("update of one column"), leaving),
      createInBurst: plus(createInBurst, leaving),
      resume: (missed) => plus(ours("connect"), unchanged, times(missed, missedOne)),
      firstSync: (rows) => plus(ours("connect"), times(rows / 10_000, firstSync)),
      resumeBytes: (missed) => unchangedBytes + missed * missedBytes,
      // A client that comes back is noted; a change of a new day is marked with the time, which moves the log's floor, and the mark goes as its change does.
      daily: { user: { read: 0, written: 1 }, object: { read: 0, written: 3 } },
      // A hello and a subscription; of a first sync, a request for each page at most.
      messages: { resume: 2, firstSync: (rows) => 2 + Math.ceil((frames * rows) / 10_000) },
      // The log is cut back when it has grown by half of its window.
      stored: (rows, changes) => size("empty", 0) + perRow * rows + perChange * Math.min(changes, 1.5 * limits.logWindow),
    },
    bare: {
      birth: theirs("first wake of a new object"),
      wake: theirs("wake"),
      create: theirs("create"),
      update: theirs("update of one column"),
      createInBurst: theirs("create"),
      resume: (_, rows) => times(rows / 100_000, theirs("resume, nothing changed")),
      firstSync: (rows) => times(rows / 10_000, theirs("first sync of 10,000 rows")),
      resumeBytes: (_, rows) => (rows / 100_000) * cell(costs, "resume, nothing changed", 7),
      daily: { user: { read: 0, written: 0 }, object: { read: 0, written: 0 } },
      messages: { resume: 1, firstSync: () => 1 },
      stored: (rows) => size("empty", 1) + perRow * rows,
    },
  };
}

// ---- Scenarios

interface Scenario {
  readonly name: string;
  readonly users: number;
  readonly usersAnObject: number;
  readonly rows: number;
  readonly days: number;
  /** Of a user and day. */
  readonly actions: number;
  readonly returns: number;
  /** Changes that a return has missed. */
  readonly missed: number;
  /** Of a user and month: a new browser, or one that was away for longer than the log goes back. */
  readonly firstSyncs: number;
  /** Who hears of an action. */
  readonly online: number;
  /** Hours of a day in which somebody uses an object. */
  readonly hours: number;
}

const MILLION = 1e6;

const scenarios: readonly Scenario[] = [
  { name: "a list of a family", users: MILLION, usersAnObject: 4, rows: 200, days: 30, actions: 5, returns: 4, missed: 4, firstSyncs: 1, online: 2, hours: 0.5 },
  { name: "a document in busy hours", users: MILLION, usersAnObject: 50, rows: 2000, days: 22, actions: 200, returns: 4, missed: 500, firstSyncs: 1, online: 50, hours: 2 },
  { name: "a board of a team", users: MILLION, usersAnObject: 20, rows: 10_000, days: 22, actions: 20, returns: 10, missed: 40, firstSyncs: 1, online: 15, hours: 8 },
];

// Seconds in which an object runs for a message that comes in, commit included.
const SECONDS_A_MESSAGE = 0.01;

const objectsOf = ({ users, usersAnObject }: Scenario): number => users / usersAnObject;

/** What a month of it uses. */
function usageOf(scenario: Scenario, figures: Figures): Usage {
  const { users, usersAnObject, rows, days, actions, returns, missed, firstSyncs } = scenario;
  const objects = objectsOf(scenario);
  const [acted, returned, begun] = [users * days * actions, users * days * returns, users * firstSyncs];
  const total = plus(
    times(acted, figures.update),
    times(returned, figures.resume(missed, rows)),
    times(begun, figures.firstSync(rows)),
    times(acted + returned + begun, figures.wake), // as if the object had slept before each
    times(users * days, figures.daily.user),
    times(objects * days, figures.daily.object),
  );
  const connections = returned + begun;
  const messages = acted + returned * figures.messages.resume + begun * figures.messages.firstSync(rows);
  return {
    rowsWritten: total.written,
    rowsRead: total.read,
    requests: connections + messages / MESSAGES_A_REQUEST,
    duration: (connections + messages) * SECONDS_A_MESSAGE * GIGABYTES,
    storage: (objects * figures.stored(rows, usersAnObject * actions * days)) / 1e9,
  };
}

// ---- Tables

const units = Object.keys(prices) as (keyof Usage)[];

const significant = (value: number): string => value.toLocaleString("en-US", { maximumSignificantDigits: 3 });

function amount(value: number): string {
  if (value >= 1e9) return `${significant(value / 1e9)} billion`;
  if (value >= 1e6) return `${significant(value / 1e6)} million`;
  return Math.round(value).toLocaleString("en-US");
}

const cents = (value: number): string => (value === 0 ? "-" : `$${value.toFixed(2)}`);
const dollars = (value: number): string => `$${Math.round(value).toLocaleString("en-US")}`;

function priceTable(): string {
  const price = (value: number) => `$${value < 0.01 ? value : value.toFixed(2)}`;
  return tableOf(
    ["of each month", "price", "included"],
    units.map((key) => {
      const { unit, dollars: asked, per, included } = prices[key];
      return [unit, `${price(asked)}${per === 1 ? "" : " a million"}`, amount(included)];
    }),
  );
}

/** What a million of an operation cost, with so many messages, and perhaps a connection. */
function dollarTable(): string {
  const { durasync, bare } = readFigures();
  const line = (name: string, rows: Rows, messages: number, connections = 0) => {
    const parts = [priceOf("rowsWritten", rows.written), priceOf("rowsRead", rows.read), priceOf("requests", connections + messages / MESSAGES_A_REQUEST)];
    return [name, ...[...parts, parts.reduce((sum, part) => sum + part)].map((part) => cents(MILLION * part))];
  };
  return tableOf(["operation", "rows written", "rows read", "messages in", "together"], [
    line("lone creates", durasync.create, 1),
    line("creates in bursts of 200", durasync.createInBurst, 1),
    line("creates of the bare object", bare.create, 1),
    line("resumes, 10 changes missed", durasync.resume(10, 100_000), durasync.messages.resume, 1),
    line("returns to the bare object, 100,000 rows", bare.resume(10, 100_000), bare.messages.resume, 1),
  ]);
}

function assumptionTable(): string {
  const line = (name: string, value: (scenario: Scenario) => number) => [name, ...scenarios.map((scenario) => value(scenario).toLocaleString("en-US", { maximumSignificantDigits: 2 }))];
  return tableOf(["", ...scenarios.map(({ name }) => name)], [
    line("users", ({ users }) => users),
    line("users of an object", ({ usersAnObject }) => usersAnObject),
    line("objects", objectsOf),
    line("rows of an object", ({ rows }) => rows),
    line("days of use in a month", ({ days }) => days),
    line("actions of a user and day", ({ actions }) => actions),
    line("returns of a user and day", ({ returns }) => returns),
    line("changes missed by a return", ({ missed }) => missed),
    line("first syncs of a user and month", ({ firstSyncs }) => firstSyncs),
    line("readers online", ({ online }) => online),
    line("hours of a day in which an object is used", ({ hours }) => hours),
    line("frames out a second of an object in use", ({ usersAnObject, actions, online, hours }) => (usersAnObject * actions * online) / hours / 3600),
  ]);
}

function billTable(scenario: Scenario): string {
  const { durasync, bare } = readFigures();
  const both = [durasync, bare];
  const usages = both.map((figures) => usageOf(scenario, figures));
  const bills = usages.map((usage) => units.map((unit) => billOf(unit, usage[unit])));
  const total = bills.map((bill) => bill.reduce((sum, part) => sum + part));
  const births = both.map(({ birth }) => objectsOf(scenario) * (priceOf("rowsWritten", birth.written) + priceOf("rowsRead", birth.read)));
  const awake = objectsOf(scenario) * scenario.hours * 3600 * scenario.days * GIGABYTES;
  const billAwake = billOf("duration", awake);
  const sent = both.map(({ resumeBytes }) => resumeBytes(scenario.missed, scenario.rows));
  const sum = (name: string, values: readonly number[]) => [name, "", "", ...values.map(dollars)];
  return tableOf([scenario.name, "durasync", "bare", "durasync, a month", "bare, a month"], [
    ...units.map((unit, i) => [prices[unit].unit, ...usages.map((usage) => amount(usage[unit])), ...bills.map((bill) => dollars(bill[i] ?? NaN))]),
    sum("**together**", total),
    sum("once, to begin with", births),
    ["GB-seconds, were it awake in all hours of use", amount(awake), amount(awake), ...usages.map(({ duration }) => `+ ${dollars(billAwake - billOf("duration", duration))}`)],
    ["bytes to a return", ...sent.map(amount), "", ""],
  ]);
}

/** The rows that a return has to save reading, for each action, before what durasync writes more has paid for itself. */
function balance(): string {
  const { durasync, bare } = readFigures();
  const more = minus(durasync.update, bare.update);
  const rows = (priceOf("rowsWritten", more.written) + priceOf("rowsRead", more.read)) / priceOf("rowsRead", 1);
  return `**${(1000 * Math.round(rows / 1000)).toLocaleString("en-US")} rows**`;
}

function limitTable(): string {
  const count = (value: number) => value.toLocaleString("en-US");
  const bytes = (value: number) => `${count(value)} bytes`;
  const days = (milliseconds: number) => `${milliseconds / 86_400_000} days`;
  return tableOf(["of", "at most", "beyond it"], [
    ["messages of a socket", `${count(limits.framesPerSecond)} a second, ${count(limits.frameBurst)} at once`, "the message is refused, and sent again later"],
    ["actions in one message", count(limits.maxActions), "the client sends several"],
    ["a message in", bytes(limits.maxFrame), "it is refused"],
    ["a record as JSON, in which a number counts as 32 bytes", bytes(limits.maxRecord), "the write is refused"],
    ["changes of a channel in one turn", `${count(limits.maxChanges)}, and ${bytes(limits.maxPatch)}`, "subscribers catch up in pages"],
    ["changes that a return catches up with", count(limits.maxCatchUp), "it gets a snapshot"],
    ["changes that a log keeps", `${count(limits.logWindow)}, for ${days(limits.logAge)}`, "an older cursor gets a snapshot"],
    ["bytes waiting for one reader", bytes(limits.maxBacklog), "it is closed, and resumes"],
    ["pages and catch-ups that one turn makes", bytes(limits.maxTurnReads), "the rest is asked for again"],
    ["channels", count(limits.maxChannels), "the object does not start"],
  ]);
}

/** What a million objects cost that nobody uses. */
function objectTable(): string {
  const { durasync, bare } = readFigures();
  const line = (name: string, value: (figures: Figures) => number) => [name, ...[durasync, bare].map((figures) => cents(MILLION * value(figures)))];
  const rows = ({ read, written }: Rows) => priceOf("rowsWritten", written) + priceOf("rowsRead", read);
  return tableOf(["a million objects", "durasync", "bare"], [
    line("once: their first wakes", ({ birth }) => rows(birth)),
    line("a month: their databases, empty", ({ stored }) => priceOf("storage", stored(0, 0) / 1e9)),
    line("each further wake of all", ({ wake }) => rows(wake)),
  ]);
}

/** Every place of a page that follows from what was counted, and what it is to have. */
export const derived: readonly { readonly page: Page; readonly name: string; readonly content: () => string }[] = [
  { page: "COST.md", name: "prices", content: priceTable },
  { page: "COST.md", name: "dollars", content: dollarTable },
  { page: "SCALE.md", name: "limits", content: limitTable },
  { page: "SCALE.md", name: "objects", content: objectTable },
  { page: "SCALE.md", name: "assumptions", content: assumptionTable },
  ...scenarios.map((scenario): (typeof derived)[number] => ({ page: "SCALE.md", name: scenario.name, content: () => billTable(scenario) })),
  { page: "SCALE.md", name: "balance", content: balance },
];
