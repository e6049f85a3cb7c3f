// SPDX-License-Identifier: MIT
// Prints what the client costs a page, in bytes: `node bench/client-size.mjs`. React is not counted: whoever uses the hooks has it.
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const hooks = `export * from "${root}client/react.ts"; export { storeOf, isPending, SyncError } from "${root}client/index.ts";`;
const socket = `export { PartySocket } from "partysocket";`;

/** Bundles as a page would have them, each with the dependencies that it pulls in. */
export const bundles = {
  "the store alone, with idb": `export { storeOf } from "${root}client/index.ts";`,
  "useSync, with idb": `export { useSync } from "${root}client/react.ts";`,
  "every hook, with idb": hooks,
  "every hook, with idb and partysocket": hooks + socket,
  "partysocket alone": socket,
  "idb alone": `export * from "idb";`,
};

/** Bytes of the bundle of a module's source, minified, and then gzipped. */
export async function sizeOf(source) {
  const entry = {
    name: "entry",
    resolveId: (id) => (id === "entry" ? `${root}bench/page.ts` : null),
    load: (id) => (id === `${root}bench/page.ts` ? source : null),
  };
  const bundle = await rolldown({ cwd: root, input: "entry", external: [/^react/], plugins: [entry] });
  const { output } = await bundle.generate({ format: "es", minify: true });
  await bundle.close();
  const code = output.map((chunk) => ("code" in chunk ? chunk.code : "")).join("");
  return { minified: Buffer.byteLength(code), gzipped: gzipSync(code, { level: 9 }).length };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, source] of Object.entries(bundles)) {
    const { minified, gzipped } = await sizeOf(source);
    console.log(`${name.padEnd(40)}${String(minified).padStart(7)} minified${String(gzipped).padStart(7)} gzipped`);
  }
}
