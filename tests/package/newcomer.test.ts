// SPDX-License-Identifier: MIT
// What README tells a newcomer to type, typed in an empty folder, as it stands and for an app in C: it ends with a page that two windows share.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { launchChromium } from "../browser/chromium.ts";
import { Project } from "./project.ts";
import { Registry, root } from "./registry.ts";

const readme = readFileSync(join(root, "README.md"), "utf8");
const commands = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = ""]) => block).find((block) => block.includes("durasync init")) ?? "";

// Installing and compiling take as long as the machine is busy.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 240_000 });

interface Kind {
  readonly name: string;
  readonly typed: string;
  /** A line of the server, and what makes it store texts in capitals. */
  readonly change: readonly [file: string, from: string, to: string];
}

const kinds: Kind[] = [
  { name: "README's commands", typed: commands, change: ["server/index.ts", "payload.text)", "payload.text.toUpperCase())"] },
  { name: "the same for C", typed: commands.replace("my-app", "my-app --c"), change: ["server/todos.c", "(:id, :text)", "(:id, upper(:text))"] },
];

const registry = new Registry();
let browser: Browser;

beforeAll(async () => {
  [browser] = await Promise.all([launchChromium(), registry.start()]);
});

afterAll(async () => {
  await browser?.close();
  registry.stop();
});

test("README has the commands, and the last one serves", () => {
  const lines = commands.trim().split("\n");
  expect(lines[0]).toBe("npx durasync init my-app");
  expect(lines.at(-1)).toBe("npm run dev");
});

describe.each(kinds)("$name", ({ typed, change: [file, from, to] }) => {
  let project: Project;
  let url = "";

  beforeAll(async () => {
    project = new Project(registry.settings);
    url = await project.start(typed, /Local:\s+(http:\/\/localhost:\d+\/)/);
  });

  afterAll(async () => await project?.dispose());

  async function openWindow(complaints: string[]): Promise<Page> {
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(20_000);
    page.on("pageerror", (error) => void complaints.push(String(error)));
    page.on("console", (message) => void (message.type() === "error" && complaints.push(message.text())));
    await page.goto(url);
    await page.getByRole("status").getByText("live").waitFor();
    return page;
  }

  async function add(page: Page, text: string): Promise<void> {
    await page.getByRole("textbox", { name: "New todo" }).fill(text);
    await page.keyboard.press("Enter");
  }

  test("what one window does, the other shows, and a reload brings it back", async () => {
    const complaints: string[] = [];
    const [a, b] = [await openWindow(complaints), await openWindow(complaints)];
    await add(a, "milk");
    await add(b, "bread");
    for (const page of [a, b]) for (const text of ["milk", "bread"]) await page.getByRole("checkbox", { name: text }).waitFor();
    await a.getByRole("checkbox", { name: "bread" }).check();
    await b.getByRole("checkbox", { name: "bread", checked: true }).waitFor();
    await b.reload();
    await b.getByRole("checkbox", { name: "bread", checked: true }).waitFor();
    await b.getByRole("checkbox", { name: "milk", checked: false }).waitFor();
    expect(complaints).toEqual([]);
  });

  test("a change of the server is served without a restart", async () => {
    const page = await openWindow([]);
    const source = readFileSync(join(project.folder, "my-app", file), "utf8");
    expect(source).toContain(from);
    project.write(join("my-app", file), source.replace(from, to));
    const loud = async () => {
      await add(page, "tea");
      return await page.getByRole("checkbox", { name: "TEA", exact: true }).count();
    };
    await expect.poll(loud, { timeout: 60_000, interval: 1000 }).toBeGreaterThan(0);
  });

  test("the types hold, it builds for production, and wrangler would take it as it is", async () => {
    for (const command of ["npm run types", "npm run deploy -- --dry-run"]) {
      const { status, said } = await project.run(`cd my-app && ${command}`);
      expect(status, said).toBe(0);
      expect(said).not.toContain("WARNING");
    }
  });

  test("a second init in the same folder writes nothing", async () => {
    project.write("my-app/page/todos.tsx", "mine");
    const { status, said } = await project.run("cd my-app && npx durasync init");
    expect(status).toBe(1);
    expect(said).toContain("Nothing was written");
    expect(readFileSync(join(project.folder, "my-app/page/todos.tsx"), "utf8")).toBe("mine");
  });
});
