// SPDX-License-Identifier: MIT
// `durasync init`: copies a starter, what both kinds of app have in common and then what is the kind's own.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const starter = fileURLToPath(new URL("starter", import.meta.url));

/** The name that a starter's files go by until its folder has given it one. */
const NAME = "durasync-app";

/** Why nothing was written. The message is for people. */
export class InitError extends Error {}

/**
 * Writes the starter of a `kind`, "ts" or "c", to a folder, and names the app after it. Returns the files, relative to the folder.
 * If one of them is there already, it throws an InitError and writes nothing.
 */
export function init(folder, kind) {
  const files = { ...filesIn(join(starter, "common")), ...filesIn(join(starter, kind)) };
  const taken = Object.keys(files).filter((name) => existsSync(join(folder, name)));
  if (taken.length > 0) throw new InitError(`Nothing was written, since this is there already in ${resolve(folder)}: ${taken.join(", ")}`);
  const name = packageName(basename(resolve(folder)));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text.replaceAll(NAME, name), { flag: "wx" });
  }
  return { files: Object.keys(files).sort() };
}

// {"server/index.ts": text}. npm leaves every .gitignore out of a package, so the starter's goes without its dot.
function filesIn(folder) {
  const names = readdirSync(folder, { recursive: true }).filter((name) => statSync(join(folder, name)).isFile());
  return Object.fromEntries(names.map((name) => [name.replaceAll("\\", "/").replace(/^gitignore$/, ".gitignore"), readFileSync(join(folder, name), "utf8")]));
}

// Letters, digits and dashes: what npm takes as a name, and Cloudflare as that of a Worker.
function packageName(folder) {
  return folder.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 54) || NAME;
}
