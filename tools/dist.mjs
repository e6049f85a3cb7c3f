// SPDX-License-Identifier: MIT
// Builds dist/, what the package carries besides its C: the client and the shim as JavaScript, with declarations and source maps. `npm pack` runs it first.
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const node = (...args) => execFileSync(process.execPath, args, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });

rmSync(join(root, "dist"), { recursive: true, force: true });
node("wasm/generate.mjs");
for (const project of ["tsconfig.package.json", "js-shim/tsconfig.package.json"]) node("node_modules/typescript/bin/tsc", "-p", project);
