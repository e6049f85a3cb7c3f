// SPDX-License-Identifier: MIT
// The TypeScript compiler, on sources that a test writes to a folder of its own below build/, where packages are found.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";

export const root = fileURLToPath(new URL("../..", import.meta.url));

export type Source = { name: string; source: string };

/** A page of docs/ with its TypeScript snippets: each is a module of its own, named in its first line. */
export function readPage(name: string): { text: string; snippets: Source[] } {
  const text = readFileSync(`${root}docs/${name}`, "utf8");
  const found = text.matchAll(/^```tsx?\n\/\/ (\S+)\n([\s\S]*?)^```$/gm);
  return { text, snippets: [...found].map(([, name = "", source = ""]): Source => ({ name, source })) };
}

/** The guide. */
export const { text: guide, snippets } = readPage("GUIDE.md");

/** An empty folder of this name below build/; everything that was in it is gone. */
export function emptyFolder(name: string): string {
  const folder = `${root}build/${name}`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Compiles these sources, and what else `include` names, and asserts that the compiler has nothing to say. */
export function compile(folder: string, sources: Source[], compilerOptions: object, include = ["."]): void {
  for (const { name, source } of sources) writeFileSync(`${folder}/${name}`, source);
  // Said here, too: whatever becomes of the project's own options, nothing is written beside its sources.
  const config = { extends: `${root}tsconfig.json`, compilerOptions: { noEmit: true, ...compilerOptions }, include, exclude: [] };
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(config));
  const { stdout, status } = spawnSync(`${root}node_modules/.bin/tsc`, ["-p", folder], { encoding: "utf8", timeout: 60_000 });
  expect(stdout).toBe("");
  expect(status).toBe(0);
}
