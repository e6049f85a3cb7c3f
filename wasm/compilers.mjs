// SPDX-License-Identifier: MIT
// C to Wasm, by one of two compilers with the same flags: wasi-sdk's clang where WASI_SDK_PATH is set, otherwise the one that npm has installed
// (@yowasp/clang). Binaryen then goes over what they leave, if it is installed.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { BuildError } from "./build-error.mjs";

/** For what is compiled: the link takes them, too, since the code is generated there (-flto). */
const compileFlags = [
  "-std=c11",
  "-Oz",
  "-flto",
  "-Wall",
  "-Wextra",
  "-Wno-missing-field-initializers", // what an app leaves out of its tables is zero
  "-Wconversion",
  "-Werror",
];

const linkFlags = [
  ...compileFlags,
  "-mexec-model=reactor",
  "-Wl,--strip-all",
  "-Wl,-z,stack-size=65536",
  "-Wl,--stack-first", // an overflowing stack traps instead of eating the globals
  "-Wl,--initial-memory=131072", // the stack and the data; the arenas grow it by what they need
  "-Wl,--max-memory=67108864", // of the 128 MB that an isolate has, JavaScript and SQLite's rows need the rest
];

/** Whatever else decides what becomes of a source. */
export const flags = linkFlags;

/**
 * The compiler of this machine: its `name`, which changes with its version; `compile(units, options, sources)`, which returns an object file of each
 * unit, {name: bytes}; and `link(groups)`, which returns the bytes of the module that several such make. Files are called as in `sources`, {name: text}:
 * relative to the working folder, or absolute; no two units of a group have the same name but for their folders. Throws a BuildError if there is no
 * compiler; so do `compile` and `link`, with the compiler's words.
 */
export function findCompiler() {
  const sdk = process.env["WASI_SDK_PATH"];
  return sdk ? sdkCompiler(sdk) : packagedCompiler();
}

/** What shrinks a module, in the form of a compiler: its `name`, and `shrink(bytes)`. Without Binaryen, bytes stay as they are. */
export function findShrinker() {
  const version = installedVersion("binaryen");
  if (version === undefined) return { name: "no binaryen", shrink: async (bytes) => bytes };
  return { name: `binaryen ${version}`, shrink };
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
  module.runPasses(["reorder-functions"]); // those called most often get the shortest numbers
  const shrunk = module.emitBinary();
  module.dispose();
  return shrunk;
}

// Old releases know only the target wasm32-wasi, new ones only wasm32-wasip1: the sysroot tells.
function sdkCompiler(sdk) {
  const clang = join(sdk, "bin/clang");
  if (!existsSync(clang)) throw new BuildError("no_compiler", `WASI_SDK_PATH is ${sdk}, but there is no bin/clang in it.`);
  const target = existsSync(join(sdk, "share/wasi-sysroot/lib/wasm32-wasip1")) ? "wasm32-wasip1" : "wasm32-wasi";
  const run = async (...args) => {
    try {
      // clang runs any wasm-opt that it finds on PATH, and that one may be too old for the module: it gets a PATH without one.
      const env = { ...process.env, PATH: join(sdk, "bin") };
      await promisify(execFile)(clang, [`--target=${target}`, `--sysroot=${join(sdk, "share/wasi-sysroot")}`, ...args], { env });
    } catch (error) {
      throw new BuildError("does_not_compile", error.stderr || error.message);
    }
  };
  const inScratch = async (work) => {
    const scratch = mkdtempSync(join(tmpdir(), "durasync-build-"));
    try {
      return await work(scratch);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  };
  return {
    name: `${sdk} ${target}`,
    compile: async (units, options) =>
      await inScratch(async (scratch) => {
        const objects = {};
        for (const unit of units) {
          const name = objectOf(unit);
          await run(...compileFlags, "-c", ...options, unit, "-o", join(scratch, name));
          objects[name] = readFileSync(join(scratch, name));
        }
        return objects;
      }),
    link: async (groups) =>
      await inScratch(async (scratch) => {
        const paths = [];
        for (const [i, group] of groups.entries()) {
          mkdirSync(join(scratch, `${i}`));
          for (const [name, bytes] of Object.entries(group)) {
            paths.push(join(scratch, `${i}`, name));
            writeFileSync(paths.at(-1), bytes);
          }
        }
        await run(...linkFlags, ...paths, "-o", join(scratch, "module.wasm"));
        return readFileSync(join(scratch, "module.wasm"));
      }),
  };
}

const objectOf = (unit) => basename(unit).replace(/\.c$/, ".o");

// clang and wasi-libc as one npm package. It is Wasm itself and sees only the files that it is given.
function packagedCompiler() {
  const version = installedVersion("@yowasp/clang");
  if (version === undefined) throw new BuildError("no_compiler", missingCompiler());
  const run = async (args, files) => {
    const { commands } = await import("@yowasp/clang");
    let messages = "";
    const decoder = new TextDecoder();
    const collect = (bytes) => void (messages += decoder.decode(bytes ?? undefined, { stream: bytes !== null }));
    try {
      await commands.clang(null, {}, { fetchProgress: () => {} }); // loads the compiler without a word, which compiling would not
      return await commands.clang(args, files, { stdout: collect, stderr: collect });
    } catch (error) {
      throw new BuildError("does_not_compile", messages || error.message);
    }
  };
  return {
    name: `@yowasp/clang ${version}`,
    async compile(units, options, sources) {
      const files = await run([...compileFlags, "-c", ...options, ...units], fileTree(sources));
      return Object.fromEntries(units.map(objectOf).map((name) => [name, files[name]]));
    },
    async link(groups) {
      const folders = Object.fromEntries(groups.entries());
      const paths = groups.flatMap((group, i) => Object.keys(group).map((name) => `${i}/${name}`));
      return (await run([...linkFlags, ...paths, "-o", "module.wasm"], folders))["module.wasm"];
    },
  };
}

function missingCompiler() {
  const { peerDependencies } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return `There is no C compiler here. Install the one that npm has:

  npm install --save-dev "@yowasp/clang@${peerDependencies["@yowasp/clang"]}"

or set WASI_SDK_PATH to the folder of a wasi-sdk.`;
}

// The version of an installed package, or undefined: found as Node finds it from here, without loading it.
function installedVersion(name) {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? [];
  const manifest = folders.map((folder) => join(folder, name, "package.json")).find(existsSync);
  return manifest && JSON.parse(readFileSync(manifest, "utf8")).version;
}

// {"src/a.c": text} as the nested folders that @yowasp/clang takes.
function fileTree(sources) {
  const tree = {};
  for (const [path, text] of Object.entries(sources)) {
    const folders = path.split("/").filter((part) => part !== "");
    const name = folders.pop();
    let folder = tree;
    for (const part of folders) folder = folder[part] ??= {};
    folder[name] = text;
  }
  return tree;
}
