// SPDX-License-Identifier: MIT
// Every TypeScript snippet of the documentation compiles against client and server as they are.
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { compile, emptyFolder, readPage, root } from "./compiler.ts";

const client = { "durasync/client": ["../../client/index.ts"], "durasync/react": ["../../client/react.ts"] };
const server = { "durasync/server": ["../../js-shim/index.ts"], "durasync/object": ["../../js-shim/object.ts"] };

describe.each(["GUIDE", "SERVER", "MIGRATIONS"])("%s", (page) => {
  const { text, snippets } = readPage(`${page}.md`);

  test("every snippet has a name of its own", () => {
    const names = snippets.map(({ name }) => name);
    expect(names).toHaveLength([...text.matchAll(/^```tsx?$/gm)].length);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z-]+\.tsx?$/);
  });

  // A snippet that imports from the server is workerd's, one that does not is the page's.
  const isServers = ({ source }: { source: string }) => /from "durasync\/(server|object)"/.test(source);
  const both = snippets.filter(({ source }) => !/from "durasync/.test(source));

  test("every snippet for the page compiles", () => {
    compile(emptyFolder(`snippets-${page.toLowerCase()}`), snippets.filter((snippet) => !isServers(snippet)), { paths: client });
  });

  test("every snippet for the object compiles", () => {
    const folder = emptyFolder(`snippets-${page.toLowerCase()}`);
    const compilerOptions = { paths: server, lib: ["es2024", "esnext.disposable"], types: ["@cloudflare/workers-types"] };
    compile(folder, [...both, ...snippets.filter(isServers)], compilerOptions, [".", `${root}js-shim/wasm-module.d.ts`]);
  });

  test("every file that it links to is there", () => {
    for (const [, path = ""] of text.matchAll(/\]\(([^)#:]+)(#[^)]*)?\)/g)) expect(existsSync(`${root}docs/${path}`), path).toBe(true);
  });
});
