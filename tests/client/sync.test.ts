// SPDX-License-Identifier: MIT
// A channel kept in step: subscriptions, snapshots, patches, gaps, lost lines.
import { expect, test, vi } from "vitest";
import { RATE_PAUSE, READY_PAUSE } from "../../client/session.ts";
import { storeOf } from "../../client/stores.ts";
import { change, failure, live, page, patch, recordsOf, ScriptedSocket, statusOf, watched, welcome } from "./scripted-object.ts";

const cursor = { epoch: "e1", shape: "s1", version: 10 };
const subscription = (from: object | null) => ({ type: "subscribe", channel: "todos", cursor: from, pages: 5 });

test("hello, then the subscription, on every opening; from the second on with the cursor", () => {
  const { socket } = watched();
  socket.open();
  const [hello, ...others] = socket.takeSent();
  expect(hello).toEqual({ type: "hello", protocol: 2, client: expect.any(String) });
  expect(others).toEqual([subscription(null)]);
  socket.receive(page([]));
  socket.close();
  socket.open();
  expect(socket.takeSent()).toEqual([hello, subscription(cursor)]);
});

test("a store made for an open socket does not wait for another opening", () => {
  const socket = new ScriptedSocket();
  socket.open();
  storeOf(socket).subscribe("todos", () => {});
  expect(socket.takeSent().map(({ type }) => type)).toEqual(["hello", "subscribe"]);
});

test("the state goes from connecting by syncing to live, and offline when the line is down", () => {
  const { socket, store } = watched();
  expect(statusOf(store)).toMatchObject({ state: "connecting", pending: 0 });
  socket.open();
  expect(statusOf(store).state).toBe("syncing");
  socket.receive(page([]));
  expect(statusOf(store).state).toBe("live");
  socket.close();
  expect(statusOf(store).state).toBe("offline");
});

test("a line that never opened is offline after the first failure", () => {
  const { socket, store } = watched();
  socket.close();
  expect(statusOf(store).state).toBe("offline");
});

test("put, set and del of a patch are applied in one step", () => {
  const { socket, store, listener } = live([["a", "one"], ["b", "two"], ["c", "three"]]);
  const [, , c] = recordsOf(store);
  const set = [{ columns: [1], rows: [["a", "ONE"]] }];
  socket.receive(patch([change(10, 13, { put: [["d", "four"]], set, del: [["b"]] })]));
  expect(recordsOf(store)).toEqual([["a", "ONE"], ["c", "three"], ["d", "four"]]);
  expect(recordsOf(store)[1]).toBe(c);
  expect(listener).toHaveBeenCalledOnce();
});

test("a patch over several channels is seen by no watcher in halves", () => {
  const { socket, store, listener } = live();
  const seen: unknown[] = [];
  store.subscribe("notes", () => seen.push([recordsOf(store), store.getState("notes").records]));
  socket.receive(page([["n", "note"]], { channel: "notes" }));
  seen.length = 0;
  socket.receive(patch([change(10, 11, { del: [["a"]] }), { ...change(10, 11, { put: [["m", "more"]] }), channel: "notes" }]));
  expect(seen).toEqual([[[], [["m", "more"], ["n", "note"]]]]);
  expect(listener).toHaveBeenCalledOnce();
});

test("a patch that changes nothing here notifies nobody and keeps every identity", () => {
  const { socket, store, listener } = live();
  const before = store.getState("todos");
  socket.receive(patch([change(10, 11, { put: [["a", "one"]] })]));
  socket.receive(patch([{ ...change(3, 4), channel: "unheard" }]));
  expect(store.getState("todos")).toBe(before);
  expect(listener).not.toHaveBeenCalled();
});

test("nothing is applied over a gap: the client asks from its cursor and takes the catch-up", () => {
  const { socket, store } = live();
  socket.receive(patch([change(12, 13, { put: [["x", "lost"]] })]));
  expect(recordsOf(store)).toEqual([["a", "one"]]);
  expect(socket.takeSent()).toEqual([subscription(cursor)]);
  socket.receive(patch([change(13, 14, { put: [["y", "lost"]] })]));
  expect(socket.takeSent()).toEqual([]);
  expect(statusOf(store).state).toBe("syncing");
  socket.receive(patch([change(10, 14, { put: [["x", "caught"], ["y", "caught"]], del: [["a"]] })]));
  expect(recordsOf(store)).toEqual([["x", "caught"], ["y", "caught"]]);
  expect(statusOf(store).state).toBe("live");
});

test("while the answer to a gap is awaited nothing else is taken for it, though it would fit the cursor", () => {
  const { socket, store } = live();
  socket.receive(patch([change(12, 12)]));
  expect(socket.takeSent()).toEqual([subscription(cursor)]);
  socket.receive(patch([change(0, 14, { put: [["y", "news of one's own"]] })]));
  expect(recordsOf(store)).toEqual([["a", "one"]]);
  expect(statusOf(store)).toMatchObject({ state: "syncing", version: 10 });
  socket.receive(patch([change(10, 14, { put: [["x", "missed"], ["y", "news of one's own"]] })]));
  expect(recordsOf(store)).toEqual([["a", "one"], ["x", "missed"], ["y", "news of one's own"]]);
  expect(statusOf(store)).toMatchObject({ state: "live", version: 14 });
});

test("a gap in one channel does not hold up another of the same patch", () => {
  const { socket, store } = live();
  store.subscribe("notes", () => {});
  socket.receive(page([], { channel: "notes" }));
  socket.receive(patch([change(12, 13), { ...change(10, 11, { put: [["n", "note"]] }), channel: "notes" }]));
  expect(store.getState("notes").records).toEqual([["n", "note"]]);
  expect(store.getState("notes").status.state).toBe("live");
});

test("a patch that begins before what is known and ends after it is applied: it says what is, and does not turn anything back", () => {
  const { socket, store } = live([["a", "one"], ["b", "two"], ["c", "three"]]);
  socket.receive(patch([change(10, 12, { set: [{ columns: [1], rows: [["b", "TWO"]] }], del: [["c"]] })]));
  socket.receive(patch([change(8, 13, { put: [["d", "four"]], set: [{ columns: [1], rows: [["b", "TWO"], ["a", "ONE"]] }], del: [["c"], ["z"]] })]));
  expect(recordsOf(store)).toEqual([["a", "ONE"], ["b", "TWO"], ["d", "four"]]);
  expect(statusOf(store)).toMatchObject({ state: "live", version: 13 });
  expect(socket.takeSent()).toEqual([]);
  socket.receive(patch([change(13, 14, { del: [["d"]] })]));
  expect(recordsOf(store)).toHaveLength(2);
});

test.each([[12, 13, "a hole"], [11, 11, "news of a change beyond the cursor"]])("from %i to %i, at version 10, is %s: nothing is applied", (from, to) => {
  const { socket, store } = live();
  socket.receive(patch([change(from, to, { put: [["x", "lost"]] })]));
  expect(recordsOf(store)).toEqual([["a", "one"]]);
  expect(socket.takeSent()).toEqual([subscription(cursor)]);
});

test.each([[8, 10], [10, 10], [3, 7]])("from %i to %i, at version 10, is known already: it is skipped, and nothing is asked for", (from, to) => {
  const { socket, store } = live([["a", "new"]]);
  socket.receive(patch([change(from, to, { put: [["a", "old"], ["x", "old"]] })]));
  expect(recordsOf(store)).toEqual([["a", "new"]]);
  expect(statusOf(store)).toMatchObject({ state: "live", version: 10 });
  expect(socket.takeSent()).toEqual([]);
});

test("what was deleted while the client was away is gone after the catch-up", () => {
  const { socket, store } = live([["a", "one"], ["b", "two"]]);
  socket.close();
  expect(recordsOf(store)).toHaveLength(2);
  socket.open();
  socket.receive(patch([change(10, 12, { del: [["a"]] })]));
  expect(recordsOf(store)).toEqual([["b", "two"]]);
});

test("a catch-up without changes makes the channel live", () => {
  const { socket, store } = live();
  socket.close();
  socket.open();
  socket.receive(patch([change(10, 10)]));
  expect(statusOf(store).state).toBe("live");
});

test("a first snapshot shows its first page while it asks for the next", () => {
  const { socket, store } = watched();
  socket.open();
  socket.takeSent();
  socket.receive(page([["a", "1"], [{ int: "9007199254740993" }, "2"]], { next: 50 }));
  expect(recordsOf(store)).toHaveLength(2);
  expect(statusOf(store).state).toBe("syncing");
  expect(socket.takeSent()).toEqual([{ type: "page", channel: "todos", after: [{ int: "9007199254740993" }], rows: 50, pages: 5 }]);
  socket.receive(page([["c", "3"]], { first: false, version: 11 }));
  expect(recordsOf(store)).toHaveLength(3);
  expect(statusOf(store).state).toBe("live");
});

test("the pages of one answer come together, and the next answer is asked for at the first of them", () => {
  const { socket, store } = watched();
  socket.open();
  socket.receive(page([["a", "1"]], { next: 50 }));
  socket.takeSent();
  socket.receive(page([["b", "2"]], { first: false, next: 60, after: ["c"] }));
  expect(socket.takeSent()).toEqual([{ type: "page", channel: "todos", after: ["c"], rows: 60, pages: 5 }]);
  socket.receive(page([["c", "3"]], { first: false, next: 70, after: undefined }));
  expect(socket.takeSent()).toEqual([]);
  socket.receive(page([["d", "4"]], { first: false }));
  expect(recordsOf(store)).toHaveLength(4);
  expect(statusOf(store).state).toBe("live");
});

test("what comes next is asked for before the rows of a page are read, and not at the sight of a page that is none of the snapshot's", () => {
  const { socket, store } = watched();
  socket.open();
  socket.receive(page([["a", "1"]], { next: 50 }));
  socket.takeSent();
  const asked: unknown[] = [];
  store.subscribe("todos", () => asked.push(...socket.takeSent("page")));
  socket.receive(page([["b", "2"]], { first: false, next: 60, after: ["c"] }));
  expect(asked).toEqual([{ type: "page", channel: "todos", after: ["c"], rows: 60, pages: 5 }]);
  socket.receive(page([["d", "4"]], { first: false, next: 70, after: ["e"], id: 0 }));
  expect(socket.takeSent()).toEqual([]);
});

test("patches between pages count; a set for a record still to come is skipped, a gap is not overlooked", () => {
  const { socket, store } = watched();
  socket.open();
  socket.receive(page([["a", "1"], ["b", "2"]], { next: 50 }));
  const set = [{ columns: [1], rows: [["m", "set"], ["b", "set"]] }];
  socket.receive(patch([change(10, 14, { del: [["a"]], put: [["z", "put"]], set })]));
  socket.receive(page([["m", "set"]], { first: false, version: 14 }));
  expect(recordsOf(store)).toEqual([["b", "set"], ["m", "set"], ["z", "put"]]);
  socket.takeSent();
  socket.receive(patch([change(14, 15)]));
  expect(socket.takeSent()).toEqual([]);
  socket.receive(patch([change(16, 17)]));
  expect(socket.takeSent()).toEqual([subscription({ ...cursor, version: 15 })]);
});

test("of a subscription that was asked for twice, and is answered twice, the second answer counts, to its last page", () => {
  vi.useFakeTimers();
  const { socket, store } = watched();
  socket.open();
  socket.receive(welcome());
  const first = socket.subscriptions.get("todos");
  socket.receive(failure("rate_limited"));
  vi.advanceTimersByTime(RATE_PAUSE);
  expect(socket.takeSent("subscribe")).toHaveLength(2);
  socket.receive(page([["a", "1"], ["c", "3"]], { next: 2, id: first }));
  // The first page is another one by now, and ends earlier.
  socket.receive(page([["a", "1"], ["b", "2"]], { next: 2, version: 11 }));
  expect(socket.takeSent("page")).toMatchObject([{ after: ["b"] }]);
  socket.receive(page([["d", "4"]], { first: false, version: 11, id: first }));
  expect(statusOf(store).state).toBe("syncing");
  socket.receive(page([["c", "3"], ["d", "4"]], { first: false, version: 11 }));
  expect(recordsOf(store)).toEqual([["a", "1"], ["b", "2"], ["c", "3"], ["d", "4"]]);
  expect(statusOf(store)).toMatchObject({ state: "live", version: 11 });
  vi.useRealTimers();
});

test("a subscription that a catch-up has answered takes no first page: the snapshot that goes on would lack what that one's pages bring", () => {
  vi.useFakeTimers();
  const { socket, store } = watched();
  socket.open();
  socket.receive(page([["a", "1"], ["m", "1"]], { next: 50 }));
  socket.close(1006);
  socket.open();
  socket.receive(failure("rate_limited"));
  vi.advanceTimersByTime(RATE_PAUSE);
  socket.takeSent();
  // The first of the two subscriptions is answered by a catch-up, the second by a snapshot: the log was cut in between.
  socket.receive(patch([change(10, 11)]));
  expect(socket.takeSent("page")).toMatchObject([{ after: ["m"] }]);
  socket.receive(page([["a", "1"]], { version: 11, next: 50, after: ["c"] }));
  expect(socket.takeSent()).toEqual([]);
  socket.receive(page([["z", "1"]], { version: 11, first: false }));
  expect(recordsOf(store)).toEqual([["a", "1"], ["m", "1"], ["z", "1"]]);
  expect(statusOf(store).state).toBe("live");
  vi.useRealTimers();
});

test("a snapshot after a cursor keeps old records until its last page, then drops those in no page", () => {
  const { socket, store } = live([["a", "old"], ["b", "old"], ["c", "old"]]);
  const [, b] = recordsOf(store);
  socket.close();
  socket.open();
  socket.receive(welcome(0, "e2"));
  socket.receive(page([["a", "new"]], { epoch: "e2", version: 3, next: 9 }));
  expect(recordsOf(store)).toEqual([["a", "new"], ["b", "old"], ["c", "old"]]);
  socket.receive(patch([change(3, 4, { put: [["d", "patched"]] })], [], "e2"));
  socket.receive(page([["b", "old"]], { epoch: "e2", first: false, version: 4 }));
  expect(recordsOf(store)).toEqual([["a", "new"], ["b", "old"], ["d", "patched"]]);
  expect(recordsOf(store)[1]).toBe(b);
  socket.takeSent();
  socket.close();
  socket.open();
  expect(socket.takeSent("subscribe")).toEqual([subscription({ epoch: "e2", shape: "s1", version: 4 })]);
});

test("a snapshot cut off by a lost line goes on at the next page after the catch-up", () => {
  const { socket, store } = watched();
  socket.open();
  socket.receive(page([["a", "1"], ["b", "2"]], { next: 50 }));
  socket.close();
  socket.takeSent();
  socket.open();
  expect(socket.takeSent("subscribe")).toEqual([subscription(cursor)]);
  socket.receive(patch([change(10, 12, { del: [["a"]], set: [{ columns: [1], rows: [["c", "later"]] }] })]));
  expect(statusOf(store).state).toBe("syncing");
  expect(socket.takeSent()).toEqual([{ type: "page", channel: "todos", after: ["b"], rows: 50, pages: 5 }]);
  socket.receive(page([["c", "later"]], { first: false, version: 12 }));
  expect(recordsOf(store)).toEqual([["b", "2"], ["c", "later"]]);
  expect(statusOf(store).state).toBe("live");
});

test("what a catch-up adds amid a reconciling snapshot is not dropped at its end", () => {
  const { socket, store } = live([["b", "old"], ["c", "old"]]);
  socket.close();
  socket.open();
  socket.receive(page([["b", "new"]], { version: 20, next: 50 }));
  socket.close();
  socket.open();
  socket.receive(patch([change(20, 21, { put: [["a", "caught"]] })]));
  socket.receive(page([["d", "new"]], { version: 21, first: false }));
  expect(recordsOf(store)).toEqual([["a", "caught"], ["b", "new"], ["d", "new"]]);
});

test("a shape that changes between pages is subscribed anew, and records of two shapes never stand together", () => {
  const { socket, store } = watched();
  socket.open();
  socket.receive(page([["a", "1"]], { next: 50 }));
  socket.takeSent();
  socket.receive(page([["b", "2", 0]], { first: false, shape: "s2" }));
  expect(socket.takeSent()).toEqual([subscription(null)]);
  expect(recordsOf(store)).toEqual([["a", "1"]]);
  socket.receive(page([["a", "1", 0]], { shape: "s2", next: 50 }));
  expect(recordsOf(store)).toEqual([["a", "1", 0]]);
});

test("a change in another shape is not applied: the channel is subscribed again", () => {
  const { socket, store } = live();
  socket.receive(patch([{ ...change(10, 11, { put: [["b", "2", 0]] }), shape: "s2" }]));
  expect(recordsOf(store)).toEqual([["a", "one"]]);
  expect(socket.takeSent()).toEqual([subscription(cursor)]);
});

test("a set for a record that is missing in step brings the whole channel again", () => {
  const { socket, store } = live();
  socket.receive(patch([change(10, 11, { set: [{ columns: [1], rows: [["nowhere", "x"]] }] })]));
  expect(socket.takeSent()).toEqual([subscription(null)]);
  socket.receive(page([["nowhere", "x"]], { version: 11 }));
  expect(recordsOf(store)).toEqual([["nowhere", "x"]]);
});

test("a page that answers a question from before a resubscription is passed over", () => {
  const { socket, store } = watched();
  socket.open();
  socket.receive(page([["a", "1"]], { next: 50 }));
  const before = socket.subscriptions.get("todos");
  socket.receive(patch([change(12, 13)]));
  socket.takeSent();
  socket.receive(page([["b", "2"]], { first: false, id: before }));
  expect(recordsOf(store)).toEqual([["a", "1"]]);
  expect(statusOf(store).state).toBe("syncing");
  socket.receive(patch([change(10, 13)]));
  expect(socket.takeSent("page")).toEqual([{ type: "page", channel: "todos", after: ["a"], rows: 50, pages: 5 }]);
});

test("50,000 records in pages come together", () => {
  const { socket, store } = watched();
  const rows = Array.from({ length: 50_000 }, (_, i) => [`id${String(i).padStart(5, "0")}`, "text"]);
  socket.open();
  for (let at = 0; at < rows.length; at += 5000) {
    const next = at + 5000 < rows.length ? 5000 : 0;
    socket.receive(page(rows.slice(at, at + 5000), { first: at === 0, next }));
  }
  expect(recordsOf(store)).toEqual(rows);
  expect(statusOf(store).state).toBe("live");
});

test("the last watcher gone ends the subscription, later; a watcher in its place keeps it", () => {
  vi.useFakeTimers();
  const { socket, store, end } = live();
  end();
  const again = store.subscribe("todos", () => {});
  vi.advanceTimersByTime(1);
  expect(socket.takeSent()).toEqual([]);
  again();
  again();
  expect(socket.takeSent()).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(socket.takeSent()).toEqual([{ type: "unsubscribe", channel: "todos" }]);
  socket.receive(patch([change(10, 11, { put: [["late", "x"]] })]));
  expect(recordsOf(store)).toEqual([["a", "one"]]);
  store.subscribe("todos", () => {});
  expect(socket.takeSent()).toEqual([subscription(cursor)]);
  vi.useRealTimers();
});

test("a channel that the object refuses is failed, and tried again on the next opening", () => {
  const { socket, store } = watched();
  socket.open();
  socket.receive(failure("unknown_channel", { channel: "todos", message: "No such channel." }));
  expect(statusOf(store)).toMatchObject({ state: "failed", error: { code: "unknown_channel", message: "No such channel." } });
  socket.close();
  socket.takeSent();
  socket.open();
  expect(socket.takeSent("subscribe")).toHaveLength(1);
  socket.receive(page([]));
  expect(statusOf(store)).toMatchObject({ state: "live", pending: 0 });
});

test.each([
  ["unsupported_protocol", "needs-update"],
  ["app_too_old", "needs-update"],
  ["forbidden", "denied"],
  ["unavailable", "failed"],
])("%s makes every channel %s until the object says more", (code, state) => {
  const { socket, store } = watched();
  socket.open();
  socket.receive(failure(code));
  socket.receive(failure("hello_expected"));
  expect(statusOf(store)).toMatchObject({ state, error: { code } });
  socket.close();
  expect(statusOf(store).state).toBe(state);
  socket.open();
  socket.receive(welcome());
  expect(statusOf(store)).toMatchObject({ state: "syncing", pending: 0 });
});

test("a code that this client does not know comes through, with the object's words", () => {
  const { socket, store } = watched();
  socket.open();
  socket.receive(failure("from_the_future", { message: "Because." }));
  expect(statusOf(store).error).toMatchObject({ code: "from_the_future", message: "Because." });
});

test.each([
  [1008, "", "denied", "forbidden"],
  [4403, "", "denied", "forbidden"],
  [4426, "", "needs-update", "app_too_old"],
  [4400, "unknown_channel", "failed", "unknown_channel"],
])("the close code %i %s stops the dialling and shows why", (close, reason, state, code) => {
  const { socket, store } = live();
  socket.close(close, reason);
  expect(statusOf(store)).toMatchObject({ state, error: { code } });
  expect(socket.gaveUp).toBe(true);
});

test.each([1006, 1012, 1013, 4500])("after the close code %i the socket goes on dialling", (close) => {
  const { socket, store } = live();
  socket.close(close);
  expect(statusOf(store).state).toBe("offline");
  expect(socket.gaveUp).toBe(false);
});

test("messages that are no frames, or of unknown types, change nothing", () => {
  const { socket, store, listener } = live();
  const before = store.getState("todos");
  const messages = ["pong", "{", "[]", "null", { type: "later" }, { channel: "todos", sync: true, payload: [] }];
  for (const message of messages) socket.receive(message);
  expect(store.getState("todos")).toBe(before);
  expect(listener).not.toHaveBeenCalled();
});

test("a watcher that throws is reported and keeps no other from being told", () => {
  const report = vi.spyOn(console, "error").mockImplementation(() => {});
  const { socket, store, listener } = live();
  store.subscribe("todos", () => {
    throw new Error("mine");
  });
  const last = vi.fn();
  store.subscribe("todos", last);
  socket.receive(patch([change(10, 11, { del: [["a"]] })]));
  expect(listener).toHaveBeenCalledOnce();
  expect(last).toHaveBeenCalledOnce();
  expect(report).toHaveBeenCalledOnce();
  report.mockRestore();
});

test("each message is parsed once, however many watch", () => {
  const { socket, store } = live();
  for (let i = 0; i < 5; i++) store.subscribe(i % 2 ? "todos" : "notes", () => {});
  const parse = vi.spyOn(JSON, "parse");
  socket.receive(JSON.stringify(patch([])));
  expect(parse).toHaveBeenCalledOnce();
  parse.mockRestore();
});

test.each([
  ["app_too_new", "needs-update"],
  ["unavailable", "failed"],
  ["internal", "failed"],
])("an object that answers %s is asked again after a while, and all goes on once it is ready", (code, state) => {
  vi.useFakeTimers();
  const { socket, store } = watched();
  socket.open();
  const asked = socket.takeSent();
  socket.receive(failure(code));
  socket.receive(failure("hello_expected", { channel: "todos" }));
  expect(statusOf(store)).toMatchObject({ state, error: { code } });
  vi.advanceTimersByTime(READY_PAUSE - 1);
  expect(socket.takeSent("hello")).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(socket.takeSent()).toEqual(asked);
  // It was so slow that it comes to what had been asked behind the first hello only now.
  socket.receive(failure("hello_expected", { channel: "todos" }));
  socket.receive(welcome());
  socket.receive(page([["a", "one"]]));
  expect(statusOf(store).state).toBe("live");
  vi.advanceTimersByTime(2 * READY_PAUSE);
  expect(socket.takeSent("hello")).toEqual([]);
  vi.useRealTimers();
});

test("a page that is too old is not asked again, says which version it is, and keeps what it was about to send", () => {
  vi.useFakeTimers();
  const socket = new ScriptedSocket();
  const store = storeOf(socket, { app: 1 });
  store.subscribe("todos", () => {});
  socket.open();
  expect(socket.takeSent("hello")).toMatchObject([{ app: 1 }]);
  void store.send("todos", { type: "x" });
  socket.receive(failure("app_too_old"));
  expect(statusOf(store)).toMatchObject({ state: "needs-update", pending: 1, error: { code: "app_too_old" } });
  vi.advanceTimersByTime(2 * READY_PAUSE);
  expect(socket.takeSent("hello")).toEqual([]);
  vi.useRealTimers();
});

test("a snapshot for which the object has no time goes on at its next page, without another subscription", () => {
  vi.useFakeTimers();
  const { socket } = watched();
  socket.open();
  socket.receive(welcome());
  socket.receive(page([["a", "1"]], { next: 50 }));
  socket.takeSent();
  socket.receive(failure("rate_limited"));
  vi.advanceTimersByTime(RATE_PAUSE);
  expect(socket.takeSent()).toEqual([{ type: "page", channel: "todos", after: ["a"], rows: 50, pages: 5 }]);
  vi.useRealTimers();
});

test("a snapshot that was left on the way starts anew, since what is still to come of it could be taken for the next one's", () => {
  vi.useFakeTimers();
  const { socket, store, end } = watched();
  socket.open();
  socket.receive(welcome());
  socket.receive(page([["a", "1"]], { next: 50 }));
  const left = socket.subscriptions.get("todos");
  end();
  vi.advanceTimersByTime(1);
  store.subscribe("todos", () => {});
  expect(socket.takeSent().at(-1)).toEqual(subscription(null));
  socket.receive(patch([change(10, 11, { put: [["c", "3"]] })]));
  socket.receive(page([["b", "2"]], { first: false, version: 10, id: left }));
  socket.receive(page([["a", "1"], ["b", "2"], ["c", "3"]], { version: 11 }));
  expect(recordsOf(store)).toEqual([["a", "1"], ["b", "2"], ["c", "3"]]);
  expect(socket.takeSent()).toEqual([]);
  vi.useRealTimers();
});

test("records are not for a page elsewhere while a snapshot replaces them: they are of two versions", () => {
  const { socket, store } = live([["a", "1"], ["b", "1"]]);
  socket.receive(patch([change(20, 20)]));
  socket.receive(page([["a", "2"]], { version: 20, next: 1, total: 2 }));
  expect(store.dehydrate("todos")).toBeNull();
  socket.receive(page([["b", "2"]], { version: 20, first: false }));
  expect(store.dehydrate("todos")).toMatchObject({ version: 20, cells: [["a", "b"], ["2", "2"]] });
});
