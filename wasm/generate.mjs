// SPDX-License-Identifier: MIT
// The constants that C and TypeScript share are written once, in C: this reads src/errors.def and src/limits.h and writes
// wasm/build/protocol.ts and limits.ts. It refuses every line it does not understand, so that no constant can be lost in silence.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("../", import.meta.url);

/** The error codes of an errors.def: [{code, sentence}], in order. */
export function readErrors(text) {
  const errors = [];
  for (const { line, number } of codeLines(text)) {
    const match = /^DS_CODE\(([A-Z][A-Z_]*), "([a-z][a-z_]*)", "([^"\\]+)"\)$/.exec(line);
    if (!match) throw new Error(`errors.def:${number}: not a DS_CODE line: ${line}`);
    const [, name, code, sentence] = match;
    if (name.toLowerCase() !== code) throw new Error(`errors.def:${number}: ${name} and "${code}" differ`);
    if (errors.some((error) => error.code === code)) throw new Error(`errors.def:${number}: "${code}" is there twice`);
    errors.push({ code, sentence });
  }
  if (errors.length === 0) throw new Error("errors.def: no error code");
  return errors;
}

/** The limits of a limits.h: [{name, value}] with DS_MAX_FRAME as maxFrame, in order. */
export function readLimits(text) {
  const limits = [];
  for (const { line, number } of codeLines(text)) {
    if (/^#(ifndef|define) DURASYNC_LIMITS_H$/.test(line) || line === "#endif") continue;
    const match = /^#define DS_([A-Z][A-Z0-9_]*) ([1-9][0-9]*)$/.exec(line);
    if (!match) throw new Error(`limits.h:${number}: not a "#define DS_NAME number" line: ${line}`);
    const name = camelCase(match[1]);
    const value = Number(match[2]);
    if (!Number.isSafeInteger(value)) throw new Error(`limits.h:${number}: ${value} is not a safe integer`);
    if (limits.some((limit) => limit.name === name)) throw new Error(`limits.h:${number}: ${name} is there twice`);
    limits.push({ name, value });
  }
  if (limits.length === 0) throw new Error("limits.h: no limit");
  return limits;
}

/** The TypeScript file with these errors. The limits are a module of their own, so that a page loads only those that it uses. */
export function protocolFile(errors) {
  return `${head("src/errors.def")}
/** Every error code with its sentence. */
export const errors = {
${errors.map(({ code, sentence }) => `  ${code}: ${JSON.stringify(sentence)},`).join("\n")}
} as const;

export type ErrorCode = keyof typeof errors;

/** The caps of the core; src/limits.h gives the unit and the reason of each. */
export * as limits from "./limits.ts";
`;
}

/** The TypeScript file with these limits. */
export function limitsFile(limits) {
  return `${head("src/limits.h")}
${limits.map(({ name, value }) => `export const ${name} = ${value};`).join("\n")}
`;
}

function head(source) {
  return `// SPDX-License-Identifier: MIT
// Generated from ${source} by wasm/generate.mjs. Do not edit.
`;
}

function* codeLines(text) {
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line !== "" && !line.startsWith("//")) yield { line, number: index + 1 };
  }
}

function camelCase(name) {
  return name.toLowerCase().replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());
}

function generate() {
  const read = (path) => readFileSync(new URL(path, root), "utf8");
  write("wasm/build/protocol.ts", protocolFile(readErrors(read("src/errors.def"))));
  write("wasm/build/limits.ts", limitsFile(readLimits(read("src/limits.h"))));
}

function write(path, text) {
  const output = new URL(path, root);
  if (existsSync(output) && readFileSync(output, "utf8") === text) return; // whoever watches it is left in peace
  mkdirSync(new URL("./", output), { recursive: true });
  writeFileSync(output, text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) generate();
