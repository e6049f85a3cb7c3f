// SPDX-License-Identifier: MIT
// What the core asks of an app in TypeScript, and what comes back if the app throws.
import { afterEach, expect, test, vi } from "vitest";
import { Script, type App } from "../../js-shim/script.ts";
import { SyncError } from "../../js-shim/sync-error.ts";

const report = vi.spyOn(console, "error").mockImplementation(() => {});
afterEach(() => report.mockClear());

const app: App = { describe: () => expect.unreachable(), migrate: () => {}, read: () => {}, act: () => {}, changes: () => 0, handle: (_handling, handler) => handler() };
const request = JSON.stringify({ call: "act", channel: "notes", type: "add", payload: null, identity: null, client: "a", number: 1, now: 0 });

/** The core's answer from a handler that throws `error`. */
function answerTo(error: unknown): unknown {
  const act = (): never => {
    throw error;
  };
  return JSON.parse(new Script({ ...app, act }).answer(request));
}

test("what goes wrong in a handler is logged with its stack", () => {
  const error = new TypeError("a secret of the server's");
  expect(answerTo(error)).toEqual({ failure: "a secret of the server's", status: -2 });
  expect(report).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("a handler failed"), error);
  expect(error.stack).toContain("script.test.ts");
});

test("what goes wrong after the waiting is logged as well", async () => {
  const error = new TypeError("later");
  const script = new Script({ ...app, act: () => Promise.reject(error) });
  expect(JSON.parse(script.answer(request))).toEqual({ waits: true });
  await script.settled("a:1");
  expect(JSON.parse(script.answer(request))).toEqual({ failure: "later", status: -2 });
  expect(report).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("a handler failed"), error);
});

test("what the app refuses, or a constraint, is no mistake of the server's, and not logged", () => {
  expect(answerTo(new SyncError("conflict", "Somebody was faster.", [1]))).toEqual({ code: "conflict", message: "Somebody was faster.", data: [1] });
  expect(answerTo(new SyncError("rejected"))).toEqual({ code: "rejected" });
  expect(answerTo(new Error("UNIQUE constraint failed: notes.id: SQLITE_CONSTRAINT"))).toMatchObject({ status: -1 });
  expect(report).not.toHaveBeenCalled();
});

test("of answers that nobody comes back for, the oldest are forgotten, and what was forgotten is prepared anew", async () => {
  const act = vi.fn(({ number }: { number: number }) => Promise.resolve(number));
  const script = new Script({ ...app, act });
  const ask = (number: number) => JSON.parse(script.answer(request.replace('"number":1', `"number":${number}`))) as unknown;
  for (let number = 1; number <= 1001; number++) {
    expect(ask(number)).toEqual({ waits: true });
    await script.settled(`a:${number}`);
  }
  expect(ask(1)).toEqual({ waits: true });
  expect(ask(1001)).toEqual({ result: 1001 });
  await script.settled("a:1");
  expect(ask(1)).toEqual({ result: 1 });
  expect(act).toHaveBeenCalledTimes(1002);
});

class Mute extends Error {
  override get message(): string {
    throw new Error("no");
  }
}

test("whatever is thrown, it is a rejection, and one that is JSON", () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  const mute = { toJSON: () => expect.unreachable() };
  const unsayable = [1n, cycle, mute].map((data) => new SyncError("conflict", "m", data));
  for (const error of [null, undefined, Symbol("a"), Object.create(null), 1n, "\ud800", new Mute(), ...unsayable]) {
    expect(answerTo(error)).toMatchObject({ failure: expect.any(String) as string, status: -2 });
  }
  for (const code of [undefined, null, 7, {}, "no such"]) expect(answerTo(new SyncError(code as never, "m"))).toMatchObject({ code: String(code), message: "m" });
});
