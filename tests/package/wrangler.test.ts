// SPDX-License-Identifier: MIT
// The packed package in a project of wrangler alone: an app in C is built, it and one in TypeScript are bundled and run, and two clients in Node converge.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Project } from "./project.ts";
import { Registry, root } from "./registry.ts";

// Installing and compiling take as long as the machine is busy.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 240_000 });

const registry = new Registry();
let project: Project;

beforeAll(async () => {
  await registry.start();
  project = new Project(registry.settings);
  project.take(join(root, "tests/package/plain"));
  project.take(join(root, "cli/starter/c/server"), "server");
  project.take(join(root, "cli/starter/ts/server"), "scripted");
  project.take(join(root, "cli/starter/common/server/tsconfig.json"), "scripted/tsconfig.json");
  project.take(join(root, "cli/starter/common/shared.ts"), "shared.ts");
  for (const file of ["tsconfig.json", "server/tsconfig.json"]) project.take(join(root, "cli/starter/common", file), file);
  await succeed("npm install");
});

afterAll(async () => {
  await project.dispose();
  registry.stop();
});

async function succeed(command: string): Promise<string> {
  const { status, said } = await project.run(command);
  expect(status, said).toBe(0);
  return said;
}

async function fail(command: string): Promise<string> {
  const { status, said } = await project.run(command);
  expect(status, said).toBe(1);
  return said;
}

test("an app builds beside its source, and its size is said", async () => {
  expect(await succeed("npx durasync build server/todos.c")).toMatch(/server\/todos\.wasm: \d{2,3},\d{3} bytes, \d\d,\d{3} gzipped/);
  const module = await WebAssembly.compile(readFileSync(join(project.folder, "server/todos.wasm")));
  expect(WebAssembly.Module.imports(module).every(({ module }) => module === "durasync")).toBe(true);
});

test("a folder builds as well, to where one likes", async () => {
  expect(await succeed("npx durasync build server/ --output built/app.wasm")).toContain("built/app.wasm: ");
  expect(readFileSync(join(project.folder, "built/app.wasm"))).toEqual(readFileSync(join(project.folder, "server/todos.wasm")));
});

test("what does not build says why", async () => {
  project.write("broken/app.c", '#include "durasync.h"\n\nint answer(void) { return "42"; }\n');
  const source = readFileSync(join(project.folder, "server/todos.c"), "utf8");
  project.write("printing/app.c", `#include <stdio.h>\n${source.replace("ds_run", 'printf("%p", (void *)action);\n  ds_run')}`);
  expect(await fail("npx durasync build broken/app.c")).toContain("broken/app.c:3:27: error: incompatible pointer to integer conversion");
  expect(await fail("npx durasync build printing")).toContain("printing calls what an object does not have: wasi_snapshot_preview1.fd_close");
  expect(await fail("npx durasync build nowhere.c")).toContain("nowhere.c: there is no such file or folder.");
  expect(await fail("npx durasync build server/index.ts")).toContain("server/index.ts is neither a folder nor a .c file.");
  expect(await fail("npx durasync build node_modules")).toContain("node_modules: there is no .c file in this folder.");
  expect(await fail("npx durasync build server/todos.c -o todos.js")).toContain("The output is to be a .wasm file, not todos.js.");
  expect(await fail("WASI_SDK_PATH=/nowhere npx durasync build server")).toContain("WASI_SDK_PATH is /nowhere, but there is no bin/clang in it.");
});

test("without a compiler, it says how to come by one", async () => {
  await succeed("mv node_modules/@yowasp node_modules/.yowasp");
  const said = await fail("npx durasync build server/todos.c");
  await succeed("mv node_modules/.yowasp node_modules/@yowasp");
  expect(said).toContain('npm install --save-dev "@yowasp/clang@^22.0.0-git20542-10"');
});

test("what is asked wrongly gets the usage", async () => {
  for (const command of ["", "make", "build", "build a b", "build --c a", "init a b", "--what"]) {
    const { status, said } = await project.run(`npx durasync ${command}`);
    expect(status, command).toBe(2);
    expect(said, command).toContain("durasync build <file.c|folder>");
  }
});

describe.each([
  { language: "C", part: "server", module: "todos" },
  { language: "TypeScript", part: "scripted", module: "scripted" },
])("an app in $language", ({ part, module }) => {
  test("has types that hold for TypeScript 5.9, libraries checked", async () => {
    await succeed(`npx tsc -p ${part}`);
  });

  test("is bundled without a warning, with its module alone", async () => {
    const said = await succeed(`npx wrangler deploy ${part}/index.ts --dry-run --outdir bundled/${part}`);
    expect(said).toContain("--dry-run: exiting now.");
    expect(said).not.toContain("WARNING");
    const modules = readdirSync(join(project.folder, "bundled", part)).filter((name) => name.endsWith(".wasm"));
    expect(modules).toEqual([expect.stringMatching(new RegExp(`-${module}\\.wasm$`))]);
  });

  test("runs, and two clients converge", async () => {
    const server = `npx wrangler dev ${part}/index.ts --ip 127.0.0.1 --port 0 --persist-to state/${part} --show-interactive-dev-session=false`;
    const host = await project.start(server, /Ready on http:\/\/(127\.0\.0\.1:\d+)/);
    const clients = ["bread", "milk"].map(async (text) => await succeed(`node client.mjs ${host} ${text}`));
    for (const said of await Promise.all(clients)) expect(JSON.parse(said)).toEqual(["bread", "milk"]);
  });
});
