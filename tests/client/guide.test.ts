// SPDX-License-Identifier: MIT
// Every TypeScript snippet of the guide is a module of its own, named in its first line, and compiles against the client as it is.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const guide = readFileSync(`${root}docs/GUIDE.md`, "utf8");
const snippets = [...guide.matchAll(/^```tsx?\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)].map(([, name = "", source = ""]) => ({ name, source }));

test("every snippet has a name of its own", () => {
  const names = snippets.map(({ name }) => name);
  expect(names).toHaveLength([...guide.matchAll(/^```tsx?$/gm)].length);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z-]+\.tsx?$/);
});

test("every snippet compiles", () => {
  const folder = `${root}build/guide`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { name, source } of snippets) writeFileSync(`${folder}/${name}`, source);
  const paths = { "durasync/client": ["../../client/index.ts"], "durasync/react": ["../../client/react.ts"] };
  const config = { extends: "../../tsconfig.json", compilerOptions: { paths }, include: ["."], exclude: [] };
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(config));
  const { stdout, status } = spawnSync(`${root}node_modules/.bin/tsc`, ["-p", folder], { encoding: "utf8", timeout: 60_000 });
  expect(stdout).toBe("");
  expect(status).toBe(0);
});
