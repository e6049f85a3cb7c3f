// SPDX-License-Identifier: MIT
// C to Wasm, by one of two compilers with the same flags: wasi-sdk's clang where WASI_SDK_PATH is set, otherwise the one that npm has installed
// (@yowasp/clang). Binaryen then goes over what they leave, if it is installed.
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { BuildError } from "./build-error.mjs";

export const flags = [
  "-std=c11",
  "-Oz",
  "-flto",
  "-Wall",
  "-Wextra",
  "-Wno-missing-field-initializers", // what an app leaves out of its tables is zero
  "-Wconversion",
  "-Werror",
  "-mexec-model=reactor",
  "-Wl,--strip-all",
  "-Wl,-z,stack-size=65536",
  "-Wl,--stack-first", // an overflowing stack traps instead of eating the globals
  "-Wl,--initial-memory=131072", // the stack and the data; the arenas grow it by what they need
  "-Wl,--max-memory=67108864", // of the 128 MB that an isolate has, JavaScript and SQLite's rows need the rest
];

/**
 * The compiler of this machine: its `name`, which changes with its version, and `compile(units, includes, sources)`, which returns the module's bytes.
 * Files are called as in `sources`, {name: text}: relative to the working folder, or absolute. Throws a BuildError if there is no compiler; so does
 * `compile`, with the compiler's words.
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
  const shrunk = module.emitBinary();
  module.dispose();
  return shrunk;
}

// Old releases know only the target wasm32-wasi, new ones only wasm32-wasip1: the sysroot tells.
function sdkCompiler(sdk) {
  const clang = join(sdk, "bin/clang");
  if (!existsSync(clang)) throw new BuildError("no_compiler", `WASI_SDK_PATH is ${sdk}, but there is no bin/clang in it.`);
  const target = existsSync(join(sdk, "share/wasi-sysroot/lib/wasm32-wasip1")) ? "wasm32-wasip1" : "wasm32-wasi";
  return {
    name: `${sdk} ${target}`,
    async compile(units, includes) {
      const scratch = mkdtempSync(join(tmpdir(), "durasync-build-"));
      const output = join(scratch, "module.wasm");
      const args = [`--target=${target}`, `--sysroot=${join(sdk, "share/wasi-sysroot")}`, ...flags, ...includes, ...units, "-o", output];
      try {
        // clang runs any wasm-opt that it finds on PATH, and that one may be too old for the module: it gets a PATH without one.
        await promisify(execFile)(clang, args, { env: { ...process.env, PATH: join(sdk, "bin") } });
        return readFileSync(output);
      } catch (error) {
        throw new BuildError("does_not_compile", error.stderr || error.message);
      } finally {
        rmSync(scratch, { recursive: true, force: true });
      }
    },
  };
}

// clang and wasi-libc as one npm package. It is Wasm itself and sees only the files that it is given.
function packagedCompiler() {
  const version = installedVersion("@yowasp/clang");
  if (version === undefined) throw new BuildError("no_compiler", missingCompiler());
  return {
    name: `@yowasp/clang ${version}`,
    async compile(units, includes, sources) {
      const { commands } = await import("@yowasp/clang");
      let messages = "";
      const decoder = new TextDecoder();
      const collect = (bytes) => void (messages += decoder.decode(bytes ?? undefined, { stream: bytes !== null }));
      const options = { stdout: collect, stderr: collect };
      try {
        await commands.clang(null, {}, { fetchProgress: () => {} }); // loads the compiler without a word, which compiling would not
        const files = await commands.clang([...flags, ...includes, ...units, "-o", "module.wasm"], fileTree(sources), options);
        return files["module.wasm"];
      } catch (error) {
        throw new BuildError("does_not_compile", messages || error.message);
      }
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
