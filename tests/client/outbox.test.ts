// SPDX-License-Identifier: MIT
import { expect, test, vi } from "vitest";
import { MAX_UNSETTLED, Outbox } from "../../client/outbox.ts";
import { limits } from "../../wasm/build/protocol.ts";
import { committed } from "./scripted-object.ts";

type Frame = { acknowledged: number; actions: { number: number; channel: string; type: string; payload?: unknown }[] };

const take = (outbox: Outbox): Frame | null => JSON.parse(outbox.take() ?? "null");
const numbers = (frame: Frame | null) => frame?.actions.map(({ number }) => number);

test("actions are counted from 1 and go out in order, once", () => {
  const outbox = new Outbox();
  outbox.add("todos", { type: "create", payload: { id: "a" } });
  outbox.add("notes", { type: "clear" });
  expect(take(outbox)).toEqual({
    type: "actions",
    acknowledged: 0,
    actions: [
      { number: 1, channel: "todos", type: "create", payload: { id: "a" } },
      { number: 2, channel: "notes", type: "clear" },
    ],
  });
  expect(outbox.take()).toBeNull();
});

test("what is acknowledged ends before the first action without an outcome", () => {
  const outbox = new Outbox();
  for (let i = 0; i < 3; i++) outbox.add("todos", { type: "x" });
  expect(outbox.settle(committed(2))?.number).toBe(2);
  expect(outbox.acknowledged).toBe(0);
  outbox.settle(committed(1));
  expect(outbox.acknowledged).toBe(2);
  outbox.settle(committed(3));
  expect(outbox.acknowledged).toBe(3);
  expect(outbox.settle(committed(3))).toBeNull();
});

test("a client's id is one that the object accepts, and nobody else's", () => {
  const ids = [new Outbox().client, new Outbox().client];
  expect(ids[0]).not.toBe(ids[1]);
  for (const id of ids) expect(id).toMatch(new RegExp(`^[A-Za-z0-9_-]{1,${limits.maxClient}}$`));
});

test("a frame holds at most as many actions as the object takes", () => {
  const outbox = new Outbox();
  for (let i = 0; i < limits.maxActions + 1; i++) outbox.add("todos", { type: "x" });
  expect(numbers(take(outbox))).toHaveLength(limits.maxActions);
  expect(numbers(take(outbox))).toEqual([limits.maxActions + 1]);
});

test("a frame stays below the object's limit in bytes, not in characters", () => {
  const outbox = new Outbox();
  const text = "€".repeat(limits.maxFrame / 12);
  for (let i = 0; i < 8; i++) outbox.add("todos", { type: "x", payload: text });
  const frames: string[] = [];
  for (let frame = outbox.take(); frame; frame = outbox.take()) frames.push(frame);
  expect(frames.flatMap((frame) => numbers(JSON.parse(frame)))).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(frames).toHaveLength(3);
  for (const frame of frames) expect(Buffer.byteLength(frame)).toBeLessThanOrEqual(limits.maxFrame);
});

test("an action that no frame can hold is refused and takes no number", () => {
  const outbox = new Outbox();
  const huge = { type: "x", payload: "€".repeat(limits.maxFrame / 3) };
  expect(() => outbox.add("todos", huge)).toThrow(expect.objectContaining({ code: "frame_too_large" }));
  expect(outbox.add("todos", { type: "x" }).number).toBe(1);
});

test("a payload as deep as the object reads goes, a deeper one and what is no JSON is refused", () => {
  const outbox = new Outbox();
  const nested = (depth: number) => JSON.parse("[".repeat(depth) + '"]]\\"}"' + "]".repeat(depth));
  outbox.add("todos", { type: "x", payload: nested(limits.maxDepth - 3) });
  const refusal = expect.objectContaining({ code: "invalid_payload" });
  expect(() => outbox.add("todos", { type: "x", payload: nested(limits.maxDepth - 2) })).toThrow(refusal);
  expect(() => outbox.add("todos", { type: "x", payload: 1n })).toThrow(refusal);
  expect(numbers(take(outbox))).toEqual([1]);
});

test("no more are in flight than outcomes the object remembers", () => {
  const outbox = new Outbox();
  for (let i = 0; i < limits.maxOutcomes + 5; i++) outbox.add("todos", { type: "x" });
  let sent = 0;
  for (let frame = take(outbox); frame; frame = take(outbox)) sent += frame.actions.length;
  expect(sent).toBe(limits.maxOutcomes);
  outbox.settle(committed(1));
  expect(take(outbox)).toMatchObject({ acknowledged: 1, actions: [{ number: limits.maxOutcomes + 1 }] });
});

test("what nobody can send is refused beyond a limit instead of growing", () => {
  const outbox = new Outbox();
  for (let i = 0; i < MAX_UNSETTLED; i++) outbox.add("todos", { type: "x" });
  expect(() => outbox.add("todos", { type: "x" })).toThrow(expect.objectContaining({ code: "outbox_full" }));
});

test("a renewed outbox returns what was sent, and counts the rest from 1 under another id", () => {
  const outbox = new Outbox();
  const old = outbox.client;
  for (let i = 0; i < 3; i++) outbox.add("todos", { type: `x${i}` });
  outbox.take();
  outbox.settle(committed(1));
  for (let i = 3; i < 5; i++) outbox.add("todos", { type: `x${i}` });
  expect(outbox.renew().map(({ action }) => action.type)).toEqual(["x1", "x2"]);
  expect(outbox.client).not.toBe(old);
  expect(take(outbox)).toMatchObject({ acknowledged: 0, actions: [{ number: 1, type: "x3" }, { number: 2, type: "x4" }] });
});

test("what a cache still holds is not acknowledged, though it is settled: the next page would send it again", () => {
  const outbox = new Outbox(true);
  const pending = outbox.add("todos", { type: "x" });
  expect(outbox.take()).toBeNull();
  pending.kept = "tried";
  expect(numbers(take(outbox))).toEqual([1]);
  outbox.settle(committed(1));
  expect([outbox.acknowledged, outbox.empty]).toEqual([0, false]);
  outbox.forget([pending]);
  expect([outbox.acknowledged, outbox.empty]).toEqual([1, true]);
});

test("a client that was never welcomed notes when it first sent an action, by its own clock, and the object's takes over", () => {
  vi.spyOn(Date, "now").mockReturnValue(1234);
  const outbox = new Outbox();
  outbox.add("todos", { type: "x" });
  expect(outbox.seen).toBeNull();
  take(outbox);
  expect(outbox.seen).toBe(1234);
  vi.restoreAllMocks();
  outbox.unsend();
  take(outbox);
  expect(outbox.seen).toBe(1234);
});
