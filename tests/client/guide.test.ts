// SPDX-License-Identifier: MIT
// Every TypeScript snippet of the guide compiles against the client as it is.
import { expect, test } from "vitest";
import { compile, emptyFolder, guide, snippets } from "./compiler.ts";

test("every snippet has a name of its own", () => {
  const names = snippets.map(({ name }) => name);
  expect(names).toHaveLength([...guide.matchAll(/^```tsx?$/gm)].length);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z-]+\.tsx?$/);
});

test("every snippet compiles", () => {
  const paths = { "durasync/client": ["../../client/index.ts"], "durasync/react": ["../../client/react.ts"] };
  compile(emptyFolder("guide"), snippets, { paths });
});
