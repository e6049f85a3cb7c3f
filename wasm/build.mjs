// SPDX-License-Identifier: MIT
// Links an app with the core (src/) and the border (here) to a module. `node wasm/build.mjs fixtures/todo` makes wasm/build/todo.wasm of a folder of C files;
// the command `durasync build` (cli/) does it for people who have the package.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { deserialize, serialize } from "node:v8";
import { BuildError } from "./build-error.mjs";
import { findCompiler, findShrinker, flags } from "./compilers.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const core = [join(root, "src"), join(root, "wasm")];

// Where imports are declared. The second header is the prebuilt core's, which only the repository builds.
const importHeaders = [join(root, "wasm/host.h"), join(root, "wasm/scripted/script.h")];

/** Where the repository keeps the module of an app. */
export function moduleOf(app) {
  return join(root, "wasm/build", `${basename(app)}.wasm`);
}

/**
 * Builds `app`, a C file or a folder of them, to the file `output`, unless that is up to date: the module itself carries the hash of what it was made of.
 * A file sees what lies beside it, a folder is compiled as a whole, without its subfolders. `caps` names a header of the folder that is compiled in front of
 * every file, the core's too: tests make caps small by it. Returns the output; rejects with a BuildError.
 */
export async function build(app, output = moduleOf(app), caps = "") {
  const path = resolve(app);
  if (!output.endsWith(".wasm")) throw new BuildError("bad_output", `The output is to be a .wasm file, not ${output}.`);
  const own = appUnits(app, path);
  const files = [...core.flatMap(cFiles), ...cFiles(isFolder(path) ? path : dirname(path))];
  const sources = Object.fromEntries(files.map((file) => [nameOf(file), readFileSync(file, "utf8")]));
  const [compiler, shrinker] = [findCompiler(), findShrinker()];
  const inputs = fingerprint([compiler.name, shrinker.name, caps ? [...flags, caps] : flags], own, files);
  if (existsSync(output) && inputsOf(readFileSync(output)) === inputs.toString("hex")) return output;

  const options = core.map((folder) => `-I${nameOf(folder)}`);
  if (caps) options.push(`-include${nameOf(join(path, caps))}`);
  const compileCore = async () => await compiler.compile(core.flatMap(cFiles).filter(isUnit).map(nameOf), options, sources);
  const compiled = await compiler.link([
    await (caps ? compileCore() : kept(fingerprint([compiler.name, ...flags], [], core.flatMap(cFiles)), compileCore)),
    await compiler.compile(own.map(nameOf), options, sources),
  ]);
  checkImports(app, compiled);
  mkdirSync(dirname(resolve(output)), { recursive: true });
  replaceFile(output, Buffer.concat([await shrinker.shrink(compiled), customSection(inputs)]));
  return output;
}

function isFolder(path) {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

const isUnit = (path) => path.endsWith(".c");

// The app's own files to compile.
function appUnits(app, path) {
  if (!existsSync(path)) throw new BuildError("no_source", `${app}: there is no such file or folder.`);
  if (!isFolder(path)) {
    if (!isUnit(path)) throw new BuildError("no_source", `${app} is neither a folder nor a .c file.`);
    return [path];
  }
  const units = cFiles(path).filter(isUnit);
  if (units.length === 0) throw new BuildError("no_source", `${app}: there is no .c file in this folder.`);
  return units;
}

// The core's objects: what the last build has kept, if it was made of the same, so that only the app is compiled.
async function kept(inputs, compileCore) {
  const beside = dirname(root);
  const modules = basename(beside) === "node_modules" ? beside : join(root, "node_modules");
  const path = join(modules, ".cache/durasync/core.objects");
  const found = readKept(path);
  if (found && inputs.equals(found.inputs)) return found.objects;
  const objects = await compileCore();
  try {
    mkdirSync(dirname(path), { recursive: true });
    replaceFile(path, serialize({ inputs, objects }));
  } catch {
    // Where nothing may be written, the next build takes as long as this one.
  }
  return objects;
}

function readKept(path) {
  try {
    return deserialize(readFileSync(path));
  } catch {
    return undefined; // there is none, or none that can be read
  }
}

// What a compilation can read of a folder, in one fixed order.
function cFiles(folder) {
  return readdirSync(folder).filter((name) => /\.(c|h|def)$/.test(name)).sort().map((name) => join(folder, name));
}

// What the compiler calls a file: the way to it from the working folder where it lies inside, so that its messages lead there.
function nameOf(path) {
  const way = relative(process.cwd(), path);
  const name = way.startsWith("..") || isAbsolute(way) ? path : way;
  return name.split(sep).join("/");
}

// The same wherever the files lie.
function fingerprint(tools, own, files) {
  const contents = files.map((file) => [basename(file), own.includes(file), readFileSync(file, "utf8")]);
  return createHash("sha256").update(JSON.stringify([tools, contents])).digest().subarray(0, 16);
}

const SECTION = "durasync";

// A module's custom section: id 0, size, the name with its size, the content. All sizes are below 128 and thus one byte.
function customSection(content) {
  const name = Buffer.from(SECTION);
  return Buffer.concat([Buffer.from([0, 1 + name.length + content.length, name.length]), name, content]);
}

// The hash that a module carries, or undefined.
function inputsOf(bytes) {
  if (!WebAssembly.validate(bytes)) return undefined;
  const [section] = WebAssembly.Module.customSections(new WebAssembly.Module(bytes), SECTION);
  return section && Buffer.from(section).toString("hex");
}

function checkImports(app, bytes) {
  const headers = importHeaders.filter(existsSync).map((path) => readFileSync(path, "utf8")).join("\n");
  const declared = [...headers.matchAll(/^DS_IMPORT\("([^"]+)"\)/gm)].map(([, name]) => `durasync.${name}`);
  const asked = WebAssembly.Module.imports(new WebAssembly.Module(bytes)).map(({ module, name }) => `${module}.${name}`);
  const foreign = asked.filter((name) => !declared.includes(name));
  if (foreign.length === 0) return;
  const hint = "An object has no files, no clock and no environment of C's: leave out printf, fopen, assert, time, getenv, exit and their like.";
  throw new BuildError("foreign_import", `${app} calls what an object does not have: ${foreign.join(", ")}.\n${hint} Everything it has is in durasync.h.`);
}

// A reader (a running `wrangler dev`) sees the old file or the new one, never a half.
function replaceFile(path, content) {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const apps = process.argv.slice(2);
  if (apps.length === 0) throw new Error("Say which apps: node wasm/build.mjs fixtures/todo");
  try {
    for (const app of apps) console.log(relative(process.cwd(), await build(app)));
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
