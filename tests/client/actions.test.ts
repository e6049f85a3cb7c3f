// SPDX-License-Identifier: MIT
// The life of an action: sent, resent, settled, held until its effects are there.
import { expect, test, vi } from "vitest";
import { SyncError } from "../../client/errors.ts";
import { RATE_PAUSE, READY_PAUSE } from "../../client/session.ts";
import { limits } from "../../wasm/build/protocol.ts";
import {
  change, committed, failure, live, page, patch, recordsOf, rejected, replayed, settle, statusOf, watched, welcome,
} from "./scripted-object.ts";

type Frame = { acknowledged: number; actions: { number: number; type: string }[] };

const actionFrames = (all: ReturnType<typeof live>) => all.socket.takeSent("actions") as unknown as Frame[];
const numbersOf = (frames: Frame[]) => frames.map(({ actions }) => actions.map(({ number }) => number));

test("actions sent together travel in one frame", async () => {
  const all = live();
  void all.store.send("todos", { type: "a" });
  void all.store.send("todos", { type: "b" });
  expect(all.socket.sent).toEqual([]);
  await settle();
  expect(numbersOf(actionFrames(all))).toEqual([[1, 2]]);
});

test("a committed action is dropped in the step in which its effects appear", async () => {
  const { socket, store } = live();
  const receipt = store.send("todos", { type: "create" });
  const seen: unknown[] = [];
  store.subscribe("todos", () => seen.push([recordsOf(store).length, replayed(store)]));
  socket.receive(patch([change(10, 11, { put: [["b", "two"]] })], [committed(1, { id: 7 })]));
  expect(seen).toEqual([[2, []]]);
  expect(await receipt).toEqual({ result: { id: 7 } });
  expect(statusOf(store)).toMatchObject({ state: "live", pending: 0 });
});

test("a rejection takes back that action only, and tells the caller and the listeners", async () => {
  const { socket, store } = live();
  const told = vi.fn();
  const end = store.onRejected(told);
  const first = store.send("todos", { type: "first" });
  void store.send("todos", { type: "second" });
  socket.receive(patch([], [{ ...rejected(1, "not_found", "Gone."), data: { id: "a" } } as ReturnType<typeof rejected>]));
  expect(replayed(store)).toEqual(["second"]);
  const error = await first.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(SyncError);
  expect(error).toMatchObject({ code: "not_found", message: "Gone.", data: { id: "a" } });
  expect(told).toHaveBeenCalledExactlyOnceWith(error, { type: "first" }, "todos");
  end();
  socket.receive(patch([], [rejected(2)]));
  expect(told).toHaveBeenCalledOnce();
});

test("a rejection that nobody awaits is no unhandled rejection", async () => {
  const unhandled = vi.fn();
  process.on("unhandledRejection", unhandled);
  const { socket, store } = live();
  void store.send("todos", { type: "refused" });
  void store.send("todos", { type: "impossible", payload: 1n });
  socket.receive(patch([], [rejected(1)]));
  await new Promise((resolve) => setImmediate(resolve));
  expect(unhandled).not.toHaveBeenCalled();
  process.off("unhandledRejection", unhandled);
});

test("an outcome that comes before the catch-up keeps the optimistic step until the catch-up", async () => {
  const { socket, store } = live();
  const resolved = vi.fn();
  store.send("todos", { type: "create" }).then(resolved);
  socket.close();
  socket.open();
  socket.receive(welcome());
  socket.receive(patch([], [committed(1)]));
  await settle();
  expect(replayed(store)).toEqual(["create"]);
  expect(statusOf(store).pending).toBe(1);
  expect(resolved).not.toHaveBeenCalled();
  socket.receive(patch([change(10, 11, { put: [["b", "two"]] })]));
  expect(replayed(store)).toEqual([]);
  await settle();
  expect(resolved).toHaveBeenCalledOnce();
});

test("an outcome that comes between pages keeps the optimistic step until the last page", () => {
  const { socket, store } = watched();
  socket.open();
  void store.send("todos", { type: "create" });
  socket.receive(page([["a", "1"]], { next: 50 }));
  socket.receive(patch([], [committed(1)]));
  expect(replayed(store)).toEqual(["create"]);
  socket.receive(page([["b", "2"]], { first: false }));
  expect(replayed(store)).toEqual([]);
});

test("an outcome that comes with changes over a gap keeps the optimistic step until the gap is closed", () => {
  const { socket, store } = live();
  void store.send("todos", { type: "create" });
  socket.receive(patch([change(11, 12, { put: [["b", "two"]] })], [committed(1)]));
  expect(replayed(store)).toEqual(["create"]);
  socket.receive(patch([change(10, 12, { put: [["b", "two"]] })]));
  expect(replayed(store)).toEqual([]);
});

test("what the object settled before the line was lost is not replayed over its own effects", async () => {
  const all = live();
  const receipt = all.store.send("todos", { type: "toggle" });
  void all.store.send("todos", { type: "later" });
  all.socket.close();
  all.socket.open();
  all.socket.receive(welcome(1));
  expect(replayed(all.store)).toEqual(["toggle", "later"]);
  all.socket.receive(patch([change(10, 11, { put: [["a", "toggled"]] })]));
  expect(replayed(all.store)).toEqual(["later"]);
  expect(statusOf(all.store).pending).toBe(2);
  all.socket.receive(patch([], [committed(1, "done")]));
  expect(await receipt).toEqual({ result: "done" });
});

test("actions without an outcome go again on every opening, with what is acknowledged, and no others do", async () => {
  const all = live();
  for (let i = 0; i < 3; i++) void all.store.send("todos", { type: "x" });
  await settle();
  all.socket.receive(patch([], [committed(1)]));
  all.socket.takeSent();
  all.socket.close();
  void all.store.send("todos", { type: "offline" });
  await settle();
  all.socket.open();
  const sent = all.socket.takeSent();
  expect(sent.map(({ type }) => type)).toEqual(["hello", "subscribe", "actions"]);
  expect(sent.at(-1)).toMatchObject({ acknowledged: 1, actions: [{ number: 2 }, { number: 3 }, { number: 4, type: "offline" }] });
  await settle();
  expect(all.socket.sent).toEqual([]);
});

test("a long outbox goes out in frames that the object takes, the rest as outcomes come", () => {
  const all = live();
  all.socket.close();
  const count = limits.maxOutcomes + 200;
  for (let i = 0; i < count; i++) void all.store.send("todos", { type: "x" });
  expect(statusOf(all.store)).toMatchObject({ state: "offline", pending: count });
  all.socket.open();
  expect(numbersOf(actionFrames(all)).map((numbers) => numbers.length)).toEqual([limits.maxActions, limits.maxActions]);
  all.socket.receive(patch([], Array.from({ length: limits.maxActions }, (_, i) => committed(i + 1))));
  const [rest] = actionFrames(all);
  expect(rest).toMatchObject({ acknowledged: limits.maxActions });
  expect(rest?.actions.map(({ number }) => number)).toEqual(Array.from({ length: 200 }, (_, i) => limits.maxOutcomes + 1 + i));
  for (const size of all.socket.sizes) expect(size).toBeLessThanOrEqual(limits.maxFrame);
});

test("an action that can never be sent is refused at once and shows nowhere", async () => {
  const { socket, store } = live();
  const told = vi.fn();
  store.onRejected(told);
  const receipt = store.send("todos", { type: "huge", payload: "x".repeat(limits.maxFrame) });
  expect(replayed(store)).toEqual([]);
  await expect(receipt).rejects.toMatchObject({ code: "frame_too_large" });
  expect(told).toHaveBeenCalledOnce();
  expect(socket.sent).toEqual([]);
});

test("out of order: the same numbers are sent again from the one that is expected", async () => {
  const all = live();
  for (let i = 0; i < 3; i++) void all.store.send("todos", { type: "x" });
  await settle();
  actionFrames(all);
  all.socket.receive(failure("out_of_order", { expected: 2 }));
  expect(numbersOf(actionFrames(all))).toEqual([[2, 3]]);
  expect(statusOf(all.store).state).toBe("live");
});

test("a full outbox on the object's side: what it refused goes again once there is more to acknowledge, and not before", async () => {
  const all = live();
  for (let i = 0; i < 3; i++) void all.store.send("todos", { type: "x" });
  await settle();
  actionFrames(all);
  all.socket.receive(failure("outbox_full"));
  expect(actionFrames(all)).toEqual([]);
  expect(statusOf(all.store)).toMatchObject({ state: "live", pending: 3 });
  all.socket.receive(patch([], [committed(1)]));
  expect(actionFrames(all)).toMatchObject([{ acknowledged: 1, actions: [{ number: 2 }, { number: 3 }] }]);
});

test("a full outbox that is told of while the news is on its way is tried again at once", async () => {
  const all = live();
  for (let i = 0; i < 2; i++) void all.store.send("todos", { type: "x" });
  await settle();
  all.socket.receive(patch([], [committed(1)]));
  actionFrames(all);
  all.socket.receive(failure("outbox_full"));
  expect(actionFrames(all)).toMatchObject([{ acknowledged: 1, actions: [{ number: 2 }] }]);
});

test("an object that knows less of this client than it has told, restored from a backup, gets what is unsettled again under the same numbers", async () => {
  const all = watched();
  all.socket.open();
  const [hello] = all.socket.takeSent("hello");
  all.socket.receive(page([]));
  void all.store.send("todos", { type: "settled" });
  const receipt = all.store.send("todos", { type: "unsettled" });
  await settle();
  all.socket.receive(patch([], [committed(1)]));
  all.socket.close(1012);
  all.socket.takeSent();
  all.socket.open();
  all.socket.receive(welcome(0, "e0"));
  const [again, , actions] = all.socket.takeSent();
  expect(again?.client).toBe(hello?.client);
  expect(actions).toMatchObject({ acknowledged: 1, actions: [{ number: 2, type: "unsettled" }] });
  all.socket.receive(failure("out_of_order", { expected: 1 }));
  expect(all.socket.takeSent()).toEqual([actions]);
  all.socket.receive(patch([change(10, 10)], [committed(2, "once")]));
  expect(await receipt).toEqual({ result: "once" });
});

test("an action to a channel that nobody watches settles with its outcome", async () => {
  const { socket, store } = live();
  const receipt = store.send("notes", { type: "x" });
  socket.receive(patch([], [committed(1)]));
  expect(await receipt).toEqual({ result: undefined });
});

test("a repeated outcome settles nothing twice", () => {
  const { socket, store, listener } = live();
  void store.send("todos", { type: "x" });
  socket.receive(patch([], [committed(1)]));
  listener.mockClear();
  socket.receive(patch([], [committed(1), rejected(9)]));
  expect(listener).not.toHaveBeenCalled();
});

test("an action made offline waits for as long as it takes: it is not reverted, and runs once when the line is back", async () => {
  vi.useFakeTimers();
  const { socket, store } = live();
  socket.close(1006);
  const settledAs = vi.fn();
  store.send("todos", { type: "offline" }).then(settledAs, settledAs);
  await vi.advanceTimersByTimeAsync(3 * 24 * 3600 * 1000);
  expect(settledAs).not.toHaveBeenCalled();
  expect(replayed(store)).toEqual(["offline"]);
  socket.open();
  expect(numbersOf(socket.takeSent("actions") as unknown as Frame[])).toEqual([[1]]);
  socket.receive(patch([change(10, 10)], [committed(1)]));
  await vi.advanceTimersByTimeAsync(1);
  expect(settledAs).toHaveBeenCalledExactlyOnceWith({ result: undefined });
  vi.useRealTimers();
});

test("a receipt tells its stages; one in memory is never told saved, and a lost line takes it back from sent to new", async () => {
  const { socket, store } = live();
  const stages: string[] = [];
  const receipt = store.send("todos", { type: "x" }, { onStage: (stage) => stages.push(stage) });
  expect(receipt.stage).toBe("new");
  await settle();
  expect(receipt.stage).toBe("sent");
  socket.close(1006);
  socket.open();
  socket.receive(patch([change(10, 10)], [committed(1)]));
  await receipt;
  expect(stages).toEqual(["sent", "new", "sent", "committed"]);
  const refused = store.send("todos", { type: "x" });
  socket.receive(patch([], [rejected(2)]));
  await expect(refused).rejects.toBeInstanceOf(SyncError);
  expect(refused.stage).toBe("rejected");
});

test("an action is taken back by its signal before it is sent, and not after", async () => {
  const all = live();
  const [early, late] = [new AbortController(), new AbortController()];
  void all.store.send("todos", { type: "first" });
  const receipt = all.store.send("todos", { type: "aborted" }, { signal: early.signal });
  void all.store.send("todos", { type: "late" }, { signal: late.signal });
  early.abort();
  expect(replayed(all.store)).toEqual(["first", "late"]);
  await expect(receipt).rejects.toMatchObject({ code: "aborted" });
  expect(numbersOf(actionFrames(all))).toEqual([[1, 2]]);
  late.abort();
  expect(replayed(all.store)).toEqual(["first", "late"]);
  await expect(all.store.send("todos", { type: "x" }, { signal: early.signal })).rejects.toMatchObject({ code: "aborted" });
});

test("what the object had no time for is sent again after a pause", async () => {
  vi.useFakeTimers();
  const all = watched();
  all.socket.open();
  void all.store.send("todos", { type: "x" });
  await settle();
  all.socket.takeSent();
  all.socket.receive(failure("rate_limited"));
  expect(all.socket.takeSent()).toEqual([]);
  vi.advanceTimersByTime(RATE_PAUSE);
  expect(all.socket.takeSent()).toMatchObject([{ type: "subscribe" }, { type: "actions", actions: [{ number: 1 }] }]);
  expect(statusOf(all.store).state).toBe("syncing");
  vi.useRealTimers();
});
test("an action whose turn failed is sent again, and settled then", async () => {
  vi.useFakeTimers();
  const all = watched();
  all.socket.open();
  all.socket.receive(welcome());
  const receipt = all.store.send("todos", { type: "x" });
  await settle();
  all.socket.takeSent();
  all.socket.receive(failure("internal"));
  vi.advanceTimersByTime(READY_PAUSE);
  expect(all.socket.takeSent("actions")).toMatchObject([{ actions: [{ number: 1, type: "x" }] }]);
  all.socket.receive(welcome());
  all.socket.receive(page([]));
  all.socket.receive(patch([], [committed(1)]));
  vi.useRealTimers();
  await receipt;
  expect(statusOf(all.store)).toMatchObject({ state: "live", pending: 0 });
});

