#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// The command `durasync`.
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { BuildError } from "../wasm/build-error.mjs";
import { build } from "../wasm/build.mjs";
import { InitError, init } from "./init.mjs";

const usage = `durasync init [folder] [--c]              begin an app in the folder (the working folder unless named); --c for one whose server is C
durasync build <file.c|folder> [-o path]  compile an app in C to a module, beside it unless told otherwise
durasync --version`;

class UsageError extends Error {}

const commands = { init: runInit, build: runBuild };

async function main(args) {
  const options = { c: { type: "boolean" }, output: { type: "string", short: "o" }, help: { type: "boolean", short: "h" }, version: { type: "boolean" } };
  const { values, positionals } = parse(args, options);
  const [name, ...operands] = positionals;
  if (values.help) return console.log(usage);
  if (values.version) return console.log(JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version);
  if (name === undefined || !Object.hasOwn(commands, name)) throw new UsageError(name === undefined ? "What is to be done?" : `There is no command ${name}.`);
  await commands[name](operands, values);
}

function parse(args, options) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error.message);
  }
}

function runInit([folder = ".", ...rest], { c = false, output }) {
  if (rest.length > 0 || output !== undefined) throw new UsageError("init takes one folder, and --c.");
  const { files } = init(folder, c ? "c" : "ts");
  const steps = [...(folder === "." ? [] : [`cd ${folder}`]), "npm install", "npm run dev"];
  console.log(`${files.map((file) => `  ${file}\n`).join("")}\nNext:\n\n${steps.map((step) => `  ${step}\n`).join("")}`);
}

async function runBuild([app, ...rest], { c, output }) {
  if (app === undefined || rest.length > 0 || c) throw new UsageError("build takes one file or folder, and --output.");
  const path = relative(".", await build(app, output ?? `${app.replace(/(\.c|\/+)$/, "")}.wasm`));
  const bytes = readFileSync(path);
  console.log(`${path}: ${bytes.length.toLocaleString("en")} bytes, ${gzipSync(bytes).length.toLocaleString("en")} gzipped`);
}

main(process.argv.slice(2)).catch((error) => {
  const isExpected = error instanceof BuildError || error instanceof InitError || error instanceof UsageError;
  console.error(isExpected ? error.message : error);
  if (error instanceof UsageError) console.error(`\n${usage}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
