// SPDX-License-Identifier: MIT
// The golden conversations, through the Wasm module on sqlite3's Wasm build.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse, run } from "./conversation.ts";

const folder = import.meta.dirname;
// The types here are workerd's, where modules are compiled beforehand; in Node they can be constructed.
const module: WebAssembly.Module = Reflect.construct(WebAssembly.Module, [readFileSync(join(folder, "../../wasm/build/todo.wasm"))]);
const files = readdirSync(folder).filter((name) => name.endsWith(".md") && name !== "README.md");

test("there are conversations", () => {
  expect(files.length).toBeGreaterThan(0);
});

describe.each(files)("%s", (name) => {
  for (const conversation of parse(readFileSync(join(folder, name), "utf8"))) {
    test(conversation.name, () => {
      expect(conversation.statements.length, "statements").toBeGreaterThan(0);
      run(module, conversation.statements);
    });
  }
});

describe("the runner notices", () => {
  const said = (...lines: string[]) => lines.map((text, i) => ({ line: i + 1, text }));
  const hello = 'a > {"type":"hello","protocol":2,"client":"a"}';

  test("a frame that is not expected", () => {
    expect(() => run(module, said("open a", hello))).toThrow("unexpected before this line");
  });

  test("a frame that is missing", () => {
    expect(() => run(module, said("open a", "a < {}"))).toThrow("nothing was sent");
  });

  test("another frame than expected, in a name's place too", () => {
    expect(() => run(module, said("open a", hello, "a < {}"))).toThrow("line 3: got");
    const welcome = 'a < {"type":"welcome","protocol":2,"epoch":"$epoch","settled":0,"now":1700000000000}';
    expect(() => run(module, said("open a", hello, welcome, hello, welcome.replace("$epoch", "x$epoch")))).toThrow("line 5: got");
  });

  test("other rows than expected, and rows that nobody looks at", () => {
    expect(() => run(module, said("sql SELECT 1", "= [[2]]"))).toThrow("line 2: got");
    expect(() => run(module, said("sql SELECT 1", "open a"))).toThrow("rows that are not compared");
  });
});
