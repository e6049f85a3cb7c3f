// SPDX-License-Identifier: MIT
// Prints what the client costs a page, in bytes: `node bench/client-size.mjs`. React is not counted: whoever uses the hooks has it. Bundled
// and minified by what Vite uses. `--modules` prints where the bytes of the whole are: each module minified and gzipped by itself.
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { minifySync } from "rolldown/utils";

const root = fileURLToPath(new URL("..", import.meta.url));
const hooks = `export * from "${root}client/react.ts"; export { storeOf, isPending, SyncError } from "${root}client/index.ts";`;
const socket = `export { PartySocket } from "partysocket";`;

const whole = "every hook, with the cache and partysocket";

/** Bundles as a page would have them, each with the dependencies that it pulls in. */
export const bundles = {
  "the store alone, with the cache": `export { storeOf } from "${root}client/index.ts";`,
  "useSync, with the cache": `export { useSync } from "${root}client/react.ts";`,
  "every hook, with the cache": hooks,
  "every hook, with the cache and partysocket/ws": `${hooks}export { default as WebSocket } from "partysocket/ws";`,
  [whole]: hooks + socket,
  "partysocket alone": socket,
};

/** Bytes of the bundle of a module's source, minified, and then gzipped. */
export async function sizeOf(source) {
  return measure(await codeOf(source));
}

/** The code of one of the bundles, as a page for production has it. */
export async function bundleOf(name) {
  return codeOf(bundles[name]);
}

async function codeOf(source) {
  return (await bundle(source, true)).map(({ code }) => code).join("");
}

async function bundle(source, minify) {
  const entry = {
    name: "entry",
    resolveId: (id) => (id === "entry" ? `${root}bench/page.ts` : null),
    load: (id) => (id === `${root}bench/page.ts` ? source : null),
  };
  const bundle = await rolldown({ cwd: root, input: "entry", external: [/^react/, /^cloudflare:/, /\.wasm$/], plugins: [entry] });
  const { output } = await bundle.generate({ format: "es", minify });
  await bundle.close();
  return output.filter((chunk) => "code" in chunk);
}

function measure(code) {
  return { minified: Buffer.byteLength(code), gzipped: gzipSync(code, { level: 9 }).length };
}

/** Sizes of the modules of a bundle, by name; their sum is above the size of the whole, which shares what repeats. */
async function modulesOf(source) {
  const modules = (await bundle(source, false)).flatMap((chunk) => Object.entries(chunk.modules));
  return modules
    .filter(([, { code }]) => code)
    .map(([path, { code }]) => [path.replace(root, "").replace("node_modules/", ""), measure(minifySync(path, code, { module: false }).code)]);
}

function print(name, { minified, gzipped }) {
  console.log(`${name.padEnd(42)}${String(minified).padStart(7)} minified${String(gzipped).padStart(7)} gzipped`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, source] of Object.entries(bundles)) print(name, await sizeOf(source));
  if (process.argv.includes("--modules")) for (const [name, size] of await modulesOf(bundles[whole])) print(`  ${name}`, size);
}
