// SPDX-License-Identifier: MIT
// What waits between sockets and the core is bounded, in bytes of UTF-8 and in frames.
import { expect, test } from "vitest";
import { Backlog, turnOf } from "../../js-shim/backlog.ts";
import { sizeOf } from "../../js-shim/core.ts";
import * as limits from "../../wasm/build/limits.ts";

const frame = (socket: number, size: number) => ({ socket, size, message: "" });

test("DS_MAX_WAITING: an object holds no more bytes than that, whoever sends them", () => {
  const backlog = new Backlog();
  let taken = 0;
  while (!backlog.isFullFor(frame(taken, 1_000_000))) backlog.add([frame(taken++, 1_000_000)]);
  expect(taken).toBe(Math.floor(limits.maxWaiting / 1_000_128));
  expect(backlog.bytes).toBeLessThanOrEqual(limits.maxWaiting);
  backlog.remove([frame(0, 1_000_000)]);
  expect(backlog.isFullFor(frame(99, 1_000_000))).toBe(false);
});

test("DS_MAX_WAITING_FRAMES: one socket's small frames leave room for the others'", () => {
  const backlog = new Backlog();
  for (let i = 0; i < limits.maxWaitingFrames; i++) backlog.add([frame(1, 2)]);
  expect([backlog.isFullFor(frame(1, 2)), backlog.isFullFor(frame(2, 2))]).toEqual([true, false]);
});

test("frames are given back to the last byte", () => {
  const backlog = new Backlog();
  const frames = [frame(1, 5), frame(2, 70_000), { socket: 3, message: "", own: true }];
  backlog.add(frames);
  backlog.remove(frames);
  expect(backlog.bytes).toBe(0);
});

test("DS_MAX_TURN_BYTES: a turn takes what fits, and always one frame", () => {
  expect(turnOf([frame(1, limits.maxTurnBytes), frame(1, 1)])).toBe(1);
  expect(turnOf([frame(1, 1), frame(1, limits.maxTurnBytes)])).toBe(1);
  expect(turnOf([frame(1, limits.maxTurnBytes + 1)])).toBe(1);
  expect(turnOf(Array.from({ length: 1000 }, () => frame(1, 100)))).toBe(1000);
});

test("a message is measured in bytes, not in units", () => {
  expect(sizeOf("\u20ac".repeat(400_000))).toBe(1_200_000);
  expect(sizeOf("a".repeat(1000))).toBe(1000);
  expect(sizeOf(new ArrayBuffer(7))).toBe(7);
  expect(sizeOf("\u20ac".repeat(limits.maxFrame + 1))).toBeGreaterThan(limits.maxFrame);
});
