// SPDX-License-Identifier: MIT
// Builds dist/, what the package carries besides its C: the client and the shim as JavaScript, with declarations and source maps, and the prebuilt core.
// `npm pack` runs it first.
import { execFileSync } from "node:child_process";
import { copyFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "../wasm/build.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const node = (...args) => execFileSync(process.execPath, args, { cwd: root, stdio: ["ignore", 2, 2] });

rmSync(join(root, "dist"), { recursive: true, force: true });
node("wasm/generate.mjs");
for (const project of ["tsconfig.package.json", "js-shim/tsconfig.package.json"]) node("node_modules/typescript/bin/tsc", "-p", project);
const core = join(root, "dist/wasm/build/scripted.wasm");
copyFileSync(await build(join(root, "wasm/scripted")), core);
writeFileSync(`${core}.d.ts`, "declare const core: WebAssembly.Module;\nexport default core;\n");
