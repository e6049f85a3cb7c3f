// SPDX-License-Identifier: MIT
// Compiles an app to a Wasm module: `node wasm/build.mjs fixtures/todo` links the core (src/), the border (wasm/) and the app's C files to
// wasm/build/todo.wasm. The compiler is wasi-sdk's where WASI_SDK_PATH is set, otherwise the one that npm has installed
// (@yowasp/clang); sources and flags are the same. Nothing is done if neither the inputs nor the compiler have changed.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));

const flags = [
  "-std=c11",
  "-Oz",
  "-flto",
  "-Wall",
  "-Wextra",
  "-Wno-missing-field-initializers", // what an app leaves out of its tables is zero
  "-Wconversion",
  "-Werror",
  "-Isrc",
  "-Iwasm",
  "-mexec-model=reactor",
  "-Wl,--strip-all",
  "-Wl,-z,stack-size=65536",
  "-Wl,--stack-first", // an overflowing stack traps instead of eating the globals
  "-Wl,--initial-memory=131072", // the stack and the data; the arenas grow it by what they need
  "-Wl,--max-memory=67108864", // of the 128 MB that an isolate has, JavaScript and SQLite's rows need the rest
];

/**
 * Builds the app in `folder` (relative to the project's root) unless its module is up to date.
 * Returns the module's path; rejects, with the compiler's words, if it does not compile.
 */
export async function build(folder) {
  const sources = readSources(["src", "wasm", appFolder(folder)]);
  const compiler = process.env["WASI_SDK_PATH"] ? sdkCompiler(process.env["WASI_SDK_PATH"]) : await packagedCompiler();
  const output = join(root, "wasm/build", `${basename(folder)}.wasm`);
  const stamp = `${output}.inputs`;
  const inputs = fingerprint(sources, `${compiler.name}, binaryen ${versionOf("binaryen")}`);
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, "utf8") === inputs) return output;

  const units = Object.keys(sources).filter((path) => path.endsWith(".c"));
  const module = await shrink(await compiler.compile(units, sources));
  mkdirSync(join(root, "wasm/build"), { recursive: true });
  replaceFile(output, module);
  replaceFile(stamp, inputs);
  return output;
}

function appFolder(folder) {
  const path = relative(root, resolve(root, folder));
  if (path === "" || path.startsWith("..")) throw new Error(`${folder} is not a folder of the project`);
  return path;
}

// {"src/bytes.c": text, ...} for everything a compilation can read, in one fixed order.
function readSources(folders) {
  const paths = folders.flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`));
  const sources = paths.filter((path) => /\.(c|h|def)$/.test(path)).sort();
  return Object.fromEntries(sources.map((path) => [path, readFileSync(join(root, path), "utf8")]));
}

function fingerprint(sources, tools) {
  const everything = JSON.stringify([tools, flags, sources]);
  return `${createHash("sha256").update(everything).digest("hex")}\n`;
}

// What clang leaves, Binaryen makes a seventh smaller.
async function shrink(bytes) {
  const { default: binaryen } = await import("binaryen");
  const module = binaryen.readBinary(bytes);
  module.setFeatures(binaryen.Features.BulkMemory | binaryen.Features.BulkMemoryOpt | binaryen.Features.SignExt | binaryen.Features.NontrappingFPToInt);
  binaryen.setOptimizeLevel(2);
  binaryen.setShrinkLevel(2);
  binaryen.setLowMemoryUnused(true); // the far end of the stack lies there: nothing that a pointer could wrap around to
  binaryen.setZeroFilledMemory(true); // memory is the module's own
  module.optimize();
  module.optimize(); // a second time finds a little more
  const shrunk = module.emitBinary();
  module.dispose();
  return shrunk;
}

// wasi-sdk's clang. Old releases know only the target wasm32-wasi, new ones only wasm32-wasip1: the sysroot tells.
function sdkCompiler(sdk) {
  const target = existsSync(join(sdk, "share/wasi-sysroot/lib/wasm32-wasip1")) ? "wasm32-wasip1" : "wasm32-wasi";
  const output = join(root, "wasm/build/sdk.wasm");
  const args = [`--target=${target}`, `--sysroot=${join(sdk, "share/wasi-sysroot")}`, ...flags];
  return {
    name: `${sdk} ${target}`,
    async compile(units) {
      mkdirSync(join(root, "wasm/build"), { recursive: true });
      // clang runs any wasm-opt that it finds on PATH, and that one may be too old for the module: it gets a PATH without one.
      const env = { ...process.env, PATH: join(sdk, "bin") };
      try {
        await promisify(execFile)(join(sdk, "bin/clang"), [...args, ...units, "-o", output], { cwd: root, env });
      } catch (error) {
        throw new Error(error.stderr || error.message);
      }
      return readFileSync(output);
    },
  };
}

// clang and wasi-libc as one npm package. It is Wasm itself and sees only the files that it is given.
async function packagedCompiler() {
  return {
    name: `@yowasp/clang ${versionOf("@yowasp/clang")}`,
    async compile(units, sources) {
      const { commands } = await import("@yowasp/clang");
      let messages = "";
      const decoder = new TextDecoder();
      const collect = (bytes) => void (messages += decoder.decode(bytes ?? undefined, { stream: bytes !== null }));
      const options = { stdout: collect, stderr: collect };
      try {
        await commands.clang(null, {}, { fetchProgress: () => {} }); // loads the compiler without a word, which compiling would not
        const files = await commands.clang([...flags, ...units, "-o", "app.wasm"], fileTree(sources), options);
        return files["app.wasm"];
      } catch (error) {
        throw new Error(messages || error.message);
      }
    },
  };
}

function versionOf(tool) {
  return JSON.parse(readFileSync(join(root, "node_modules", tool, "package.json"), "utf8")).version;
}

// {"src/a.c": text} as the nested folders that @yowasp/clang takes.
function fileTree(sources) {
  const tree = {};
  for (const [path, text] of Object.entries(sources)) {
    const folders = path.split("/");
    const name = folders.pop();
    let folder = tree;
    for (const part of folders) folder = folder[part] ??= {};
    folder[name] = text;
  }
  return tree;
}

// A reader (a running `wrangler dev`) sees the old file or the new one, never a half.
function replaceFile(path, content) {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folders = process.argv.slice(2);
  if (folders.length === 0) throw new Error("Say which apps: node wasm/build.mjs fixtures/todo");
  try {
    for (const folder of folders) console.log(relative(root, await build(folder)));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
