// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { decodeCell, encodeCell, encodeJson, parseFrame, type Cell, type WireCell } from "../../client/frames.ts";

test.each<[WireCell, Cell]>([
  [null, null],
  ["", ""],
  ["nul \u0000, quote \", 😀", "nul \u0000, quote \", 😀"],
  [0, 0],
  [-1.5e308, -1.5e308],
  [{ int: "9007199254740993" }, 9007199254740993n],
  [{ int: "-9223372036854775808" }, -9223372036854775808n],
  [{ real: "Infinity" }, Infinity],
  [{ real: "-Infinity" }, -Infinity],
  [{ blob: "" }, new Uint8Array()],
  [{ blob: "00FF7F" }, new Uint8Array([0, 255, 127])],
])("the cell %j is %o, and back", (wire, cell) => {
  expect(decodeCell(wire)).toEqual(cell);
  expect(encodeCell(cell)).toEqual(wire);
});

test.each(["pong", "", "null", "5", "[]", "{", "{}", '{"type":"later"}', new ArrayBuffer(2)])("%o is no frame", (data) => {
  expect(parseFrame(data)).toBeNull();
});

test("lone surrogates become replacement characters, in texts and in names, and pairs stay", () => {
  const text = encodeJson({ "\udc00": ["a\ud800b", "😀", "\\ud800", "\\\\\ud800"] });
  expect(text?.isWellFormed()).toBe(true);
  expect(JSON.parse(text ?? "")).toEqual({ "\ufffd": ["a\ufffdb", "😀", "\\ud800", "\\\\\ufffd"] });
});

test("numbers go as JSON has them", () => {
  expect(encodeJson([-0, NaN, Infinity])).toBe("[0,null,null]");
});
