// SPDX-License-Identifier: MIT
// The golden conversations, through the Wasm modules on sqlite3's Wasm build: with the todo app in C, and with the one in TypeScript.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { parse, run, type Subject } from "./conversation.ts";

const folder = import.meta.dirname;
// The types here are workerd's, where modules are compiled beforehand; in Node they can be constructed.
const moduleOf = (name: string): WebAssembly.Module => Reflect.construct(WebAssembly.Module, [readFileSync(join(folder, `../../wasm/build/${name}.wasm`))]);
const todo: Subject = { module: moduleOf("todo") };

// Node takes no imports of .wasm files, and the class needs its module nowhere here. Imported by a name that the compiler does not follow: the class is workerd's.
vi.mock("../../wasm/build/scripted.wasm", () => ({ default: null }));
vi.stubGlobal("WebSocketRequestResponsePair", class {});
const { scriptOf }: { scriptOf: NonNullable<Subject["script"]> } = await import("./todo-ts-worker.ts" as string);
const subjects: [string, Subject][] = [["C", todo], ["TypeScript", { module: moduleOf("scripted"), script: scriptOf }]];

const files = readdirSync(folder).filter((name) => name.endsWith(".md") && name !== "README.md");

test("there are conversations", () => {
  expect(files.length).toBeGreaterThan(0);
});

describe.each(subjects)("the app in %s", (_, subject) => {
  describe.each(files)("%s", (name) => {
    for (const conversation of parse(readFileSync(join(folder, name), "utf8"))) {
      test(conversation.name, () => {
        expect(conversation.statements.length, "statements").toBeGreaterThan(0);
        run(subject, conversation.statements);
      });
    }
  });
});

describe("the runner notices", () => {
  const said = (...lines: string[]) => lines.map((text, i) => ({ line: i + 1, text }));
  const hello = 'a > {"type":"hello","protocol":2,"client":"a"}';

  test("a frame that is not expected", () => {
    expect(() => run(todo, said("open a", hello))).toThrow("unexpected before this line");
  });

  test("a frame that is missing", () => {
    expect(() => run(todo, said("open a", "a < {}"))).toThrow("nothing was sent");
  });

  test("another frame than expected, in a name's place too", () => {
    expect(() => run(todo, said("open a", hello, "a < {}"))).toThrow("line 3: got");
    const welcome = 'a < {"type":"welcome","protocol":2,"epoch":"$epoch","settled":0,"now":1700000000000}';
    expect(() => run(todo, said("open a", hello, welcome, hello, welcome.replace("$epoch", "x$epoch")))).toThrow("line 5: got");
  });

  test("other rows than expected, and rows that nobody looks at", () => {
    expect(() => run(todo, said("sql SELECT 1", "= [[2]]"))).toThrow("line 2: got");
    expect(() => run(todo, said("sql SELECT 1", "open a"))).toThrow("rows that are not compared");
  });
});
