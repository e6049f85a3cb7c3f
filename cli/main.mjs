#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// The command `durasync`.
import { readFileSync, statSync } from "node:fs";
import { relative } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { BuildError } from "../wasm/build-error.mjs";
import { build } from "../wasm/build.mjs";
import { InitError, init } from "./init.mjs";
import { become, watchSources } from "./watch.mjs";

const usage = `durasync init [folder] [--c]
    begins an app in the folder (the working folder unless named); --c for one whose server is C
durasync build <file.c|folder> [-o path] [--watch [-- command]]
    compiles an app in C to a module, beside it unless told otherwise; --watch does so again after every change, while the command runs
durasync --version`;

class UsageError extends Error {}

const commands = { init: runInit, build: runBuild };

const options = {
  c: { type: "boolean" },
  output: { type: "string", short: "o" },
  watch: { type: "boolean", short: "w" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
};

async function main(typed) {
  const end = typed.includes("--") ? typed.indexOf("--") : typed.length;
  const { values, positionals } = parse(typed.slice(0, end));
  const command = typed.slice(end + 1);
  const [name, ...operands] = positionals;
  if (values.help) return console.log(usage);
  if (values.version) return console.log(JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version);
  if (name === undefined || !Object.hasOwn(commands, name)) throw new UsageError(name === undefined ? "What is to be done?" : `There is no command ${name}.`);
  await commands[name](operands, values, command);
}

function parse(args) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error.message);
  }
}

function runInit([folder = ".", ...rest], { c = false, output, watch }, command) {
  if (rest.length > 0 || output !== undefined || watch || command.length > 0) throw new UsageError("init takes one folder, and --c.");
  const { files } = init(folder, c ? "c" : "ts");
  const steps = [...(folder === "." ? [] : [`cd ${folder}`]), "npm install", "npm run dev"];
  console.log(`${files.map((file) => `  ${file}\n`).join("")}\nNext:\n\n${steps.map((step) => `  ${step}\n`).join("")}`);
}

async function runBuild([app, ...rest], { c, output, watch }, command) {
  if (app === undefined || rest.length > 0 || c) throw new UsageError("build takes one file or folder.");
  if (command.length > 0 && !watch) throw new UsageError("A command runs with --watch.");
  const module = output ?? `${app.replace(/(\.c|\/+)$/, "")}.wasm`;
  printSize(await build(app, module));
  if (!watch) return;
  if (command.length > 0) become(command);
  await watchSources(app, async () => await rebuild(app, module));
}

function printSize(path) {
  const bytes = readFileSync(path);
  console.log(`${relative(".", path)}: ${bytes.length.toLocaleString("en")} bytes, ${gzipSync(bytes).length.toLocaleString("en")} gzipped`);
}

// What does not compile leaves the module as it is, and the next change tries again.
async function rebuild(app, module) {
  const { mtimeMs } = statSync(module);
  try {
    await build(app, module);
    if (statSync(module).mtimeMs !== mtimeMs) printSize(module);
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(error.message);
  }
}

main(process.argv.slice(2)).catch((error) => {
  const isExpected = error instanceof BuildError || error instanceof InitError || error instanceof UsageError;
  console.error(isExpected ? error.message : error);
  if (error instanceof UsageError) console.error(`\n${usage}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
