// SPDX-License-Identifier: MIT
// A frame that is not what the protocol says is refused whole, before anything of it is applied, and everything is asked for again.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { parseFrame } from "../../client/frames.ts";
import { RATE_PAUSE, READY_PAUSE } from "../../client/session.ts";
import { change, committed, live, page, patch, recordsOf, rejected, settle, statusOf, watched, welcome } from "./scripted-object.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

/** A patch that is right but for what is said here: with it goes the outcome of an action. */
const spoilt = (more: object) => ({ ...patch([change(10, 11, { put: [["b", "two"]] })], [committed(1)]), ...more });
const changed = (more: object) => spoilt({ changes: [change(10, 11, { put: [["b", "two"]] }), { ...change(10, 11), ...more }] });
const settledAs = (outcome: unknown) => spoilt({ outcomes: [committed(1), outcome] });
const aPage = (more: object) => ({ ...page([["b", "two"]], { version: 11 }), ...more });

const wrong: [what: string, frame: unknown][] = [
  ["is cut off", JSON.stringify(patch([], [committed(1)])).slice(0, -1)],
  ["has no epoch", spoilt({ epoch: undefined })],
  ["has no list of changes", spoilt({ changes: {} })],
  ["has a change that is none", spoilt({ changes: [change(10, 11, { put: [["b", "two"]] }), null] })],
  ["has no outcomes", spoilt({ outcomes: null })],
  ["has an outcome without a number", settledAs({ status: "committed" })],
  ["has half a number", settledAs({ number: 1.5, status: "committed" })],
  ["has a number as a text", settledAs({ number: "1", status: "committed" })],
  ["has an outcome of another kind", settledAs({ number: 1, status: "perhaps" })],
  ["has a rejection without a code", settledAs({ ...rejected(1), code: undefined })],
  ["has a version beyond all numbers", JSON.stringify(changed({ to: 77 })).replace('"to":77', '"to":1e400')],
  ["has half a version", changed({ to: 11.5 })],
  ["has a version as a text", changed({ from: "10" })],
  ["has a row that is none", changed({ put: ["ab"] })],
  ["has a row that is too short", changed({ put: [["c"]] })],
  ["has a row that is too long", changed({ put: [["c", "x", "y"]] })],
  ["has a key of two parts", changed({ del: [["a", "one"]] })],
  ["sets a column that there is not", changed({ set: [{ columns: [2], rows: [["a", "x"]] }] })],
  ["sets a column below the first", changed({ set: [{ columns: [-1], rows: [["a", "x"]] }] })],
  ["sets columns of which a row lacks one", changed({ set: [{ columns: [1], rows: [["a"]] }] })],
  ["sets columns called by prototype names", changed({ set: [{ columns: ["__proto__"], rows: [["a", "x"]] }] })],
  ["has a cell that is a list", changed({ put: [["c", []]] })],
  ["has a cell that is true", changed({ put: [["c", true]] })],
  ["has an integer that is none", changed({ put: [["c", { int: "1e5" }]] })],
  ["has bytes that are none", changed({ put: [["c", { blob: "0G" }]] })],
  ["has half a byte", changed({ put: [["c", { blob: "000" }]] })],
  ["has a number that is none", changed({ put: [["c", { real: "x" }]] })],
  ["has a cell with a prototype's name", JSON.stringify(changed({ put: [["c", 77]] })).replace("77", '{"__proto__":{"int":"1"}}')],
  ["is a page without cells", aPage({ cells: undefined })],
  ["is a page with a column too few", aPage({ cells: [["b"]] })],
  ["is a page with a column too many", aPage({ cells: [["b"], ["two"], ["three"]] })],
  ["is a page whose columns are not as long as each other", aPage({ cells: [["b", "c"], ["two"]] })],
  ["is a page with a cell that is none", aPage({ cells: [["b"], [{}]] })],
  ["is a page without a key", aPage({ key: [] })],
  ["is a page whose key names no column", aPage({ key: [2] })],
  ["is a page whose key is a name", aPage({ key: ["id"] })],
  ["is a page of no version", aPage({ version: null })],
  ["is a welcome that has settled nothing", { ...welcome(), settled: "0" }],
  ["is a welcome that has settled less than nothing", welcome(-1)],
  ["is an error without a code", { type: "error", message: "x" }],
  ["is an event of no channel", { type: "event", event: 1 }],
];

test.each(wrong)("a frame that %s is refused whole, and says so", async (_what, frame) => {
  const { socket, store } = live();
  const report = vi.spyOn(console, "error");
  const told = vi.fn();
  store.onRejected(told);
  const receipt = store.send("todos", { type: "x" });
  await settle();
  socket.takeSent();
  expect(() => socket.receive(frame)).not.toThrow();
  expect(recordsOf(store)).toEqual([["a", "one"]]);
  expect(receipt.stage).toBe("sent");
  expect(statusOf(store)).toMatchObject({ state: "failed", pending: 1, error: { code: "bad_frame" } });
  // What comes after it may go on where it has not been.
  socket.receive(patch([change(11, 12, { put: [["c", "three"]] })]));
  expect([recordsOf(store), socket.takeSent()]).toEqual([[["a", "one"]], []]);
  vi.advanceTimersByTime(RATE_PAUSE);
  expect(socket.takeSent().map(({ type }) => type)).toEqual(["hello", "subscribe"]);
  socket.receive(welcome());
  socket.receive(patch([change(10, 12, { put: [["b", "two"], ["c", "three"]] })]));
  expect(socket.takeSent("actions")).toMatchObject([{ actions: [{ number: 1, type: "x" }] }]);
  socket.receive(patch([], [committed(1)]));
  await receipt;
  expect(statusOf(store)).toMatchObject({ state: "live", pending: 0, error: undefined });
  expect(recordsOf(store)).toHaveLength(3);
  expect([told, report].map((spy) => spy.mock.calls)).toEqual([[], []]);
  report.mockRestore();
});

test("an object that says nothing else is asked less and less often", () => {
  const { socket, store } = watched();
  socket.open();
  const asked: number[] = [];
  for (let second = 0; second < 120; second++) {
    socket.receive({ type: "welcome" });
    if (socket.takeSent("hello").length > 0) asked.push(second);
    vi.advanceTimersByTime(1000);
  }
  expect(asked.slice(0, 6)).toEqual([0, 1, 3, 7, 15, 31]);
  expect(asked.slice(6).every((second, i) => second - (asked[i + 5] ?? 0) === READY_PAUSE / 1000)).toBe(true);
  expect(statusOf(store).error).toMatchObject({ code: "bad_frame" });
});

test("a page of the same snapshot whose records are wider than those before it is refused", () => {
  const { socket, store } = watched();
  socket.open();
  socket.receive(page([["a", "one"]], { next: 50 }));
  socket.receive(page([["b", "two", "x"]], { first: false }));
  expect(recordsOf(store)).toEqual([["a", "one"]]);
  expect(statusOf(store).error).toMatchObject({ code: "bad_frame" });
});

test("a new line need not wait for the pause to be over", () => {
  const { socket, store } = live();
  socket.receive({ type: "patch" });
  socket.close(1006);
  socket.open();
  expect(socket.takeSent().map(({ type }) => type)).toEqual(["hello", "subscribe"]);
  socket.receive(welcome());
  socket.receive(patch([change(10, 10)]));
  expect(statusOf(store)).toMatchObject({ state: "live", error: undefined });
});

test("what is of channels that nobody has asked for, or of actions that are not here, is nobody's fault", () => {
  const { socket, store } = live();
  socket.receive(patch([{ ...change(3, 4, { put: [["x"]] }), channel: "__proto__" }, change(10, 11, { put: [["b", "two"]] })], [committed(99)]));
  socket.receive({ ...page([["x"]]), channel: "constructor" });
  expect(statusOf(store)).toMatchObject({ state: "live", error: undefined });
  expect(recordsOf(store)).toHaveLength(2);
});

test.each(["{", "{nothing", '{"type":', '{"type":"mine"', "[1,"])("%s is another's chatter", (text) => {
  expect(parseFrame(text)).toBeNull();
});
