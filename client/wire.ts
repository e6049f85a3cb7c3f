// SPDX-License-Identifier: MIT
// What the object's frames have to be: one that is anything else is refused whole, before anything of it is applied.
import type { DownFrame } from "./frames.ts";

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isInteger: Check = Number.isSafeInteger;
const isCount: Check = (value) => isInteger(value) && (value as number) >= 0;
const listOf = (is: Check): Check => (value) => Array.isArray(value) && value.every((item) => is(item));
const maybe = (is: Check): Check => (value) => value === undefined || is(value);

/** An object with these members; others are a newer object's. */
const withMembers = (members: Record<string, Check>): Check => (value) => {
  const found = Object(value);
  return Object.entries(members).every(([name, is]) => is(found[name]));
};

/** What JSON cannot carry exactly: an integer, an infinite number, bytes. */
const isBoxed: Check = (cell) => /^{"(int":"-?\d{1,19}|real":"-?Infinity|blob":"(?:[\dA-F]{2})*)"}$/.test(JSON.stringify(cell));
const isCell: Check = (cell) => cell === null || isText(cell) || Number.isFinite(cell) || isBoxed(cell);
const isRecord = listOf(isCell);
const areRecords = listOf(isRecord);
const texts = listOf(isText);
const positions = listOf(isCount);

const isCursor = withMembers({ epoch: isText, shape: isText, version: isCount });

/** What a cache keeps of a channel, a client and an action. What another release, or a fault, has left there is taken for nothing. */
export const isMeta = withMembers({
  cursor: isCursor,
  columns: texts,
  key: positions,
  snapshot: (value) => value === null || withMembers({ after: Array.isArray, rows: isCount, total: isCount })(value),
});
export const isClient = withMembers({ client: isText, last: isCount });
export const isAction = withMembers({ client: isText, order: isCount, number: isCount, channel: isText, type: isText });

const isChange = withMembers({
  channel: isText,
  shape: isText,
  from: isInteger,
  to: isCount,
  put: maybe(areRecords),
  set: maybe(listOf(withMembers({ columns: positions, rows: areRecords }))),
  del: maybe(areRecords),
});

const isOutcome: Check = (value) => {
  const { number, status, code, message } = Object(value);
  return isCount(number) && (status === "committed" || (status === "rejected" && isText(code) && isText(message)));
};

const frames: Record<DownFrame["type"], Check> = {
  welcome: withMembers({ epoch: isText, settled: isCount, now: maybe(isCount) }),
  page: withMembers({
    channel: isText,
    epoch: isText,
    shape: isText,
    version: isCount,
    columns: texts,
    key: positions,
    next: isCount,
    end: maybe(isRecord),
    after: maybe(isRecord),
    cells: areRecords,
  }),
  patch: withMembers({ epoch: isText, changes: listOf(isChange), outcomes: listOf(isOutcome) }),
  error: withMembers({ code: isText, message: isText, channel: maybe(isText), expected: maybe(isCount) }),
  event: withMembers({ channel: isText }),
};

/** True if the members of the frame are what its type needs. */
export function isFrame(frame: DownFrame): boolean {
  return frames[frame.type](frame);
}
