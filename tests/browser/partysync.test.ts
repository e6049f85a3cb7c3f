// SPDX-License-Identifier: MIT
// A page written for partysync, of which only the import was changed, before a real object in a real browser.
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { afterAll, afterEach, beforeAll, test } from "vitest";
import { Stage } from "./stage.ts";
import { eventually, type TodoWindow } from "./todo-window.ts";

const source = fileURLToPath(new URL("../../build/partysync-page/", import.meta.url));
const html = '<!doctype html><title>partysync</title><div id="root"></div><script type="module" src="./main.tsx"></script>';
const main = `
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import App from "../../tests/client/partysync-todo.tsx";
createRoot(document.getElementById("root")).render(<StrictMode><App /></StrictMode>);
`;

const stage = new Stage("tests/browser/wrangler.toml");
beforeAll(async () => {
  mkdirSync(source, { recursive: true });
  writeFileSync(`${source}index.html`, html);
  writeFileSync(`${source}main.tsx`, main);
  await build({ root: source, configFile: false, logLevel: "warn", build: { outDir: "dist", emptyOutDir: true } });
  await stage.start();
});
afterEach(async () => await stage.closeWindows());
afterAll(async () => await stage.dispose());

test("it adds, deletes and keeps in step with the page that was written for durasync, offline and back", async () => {
  // The page is in the room "default", and so is whoever names none.
  const [theirs, ours] = await stage.openTwo("default");
  await theirs.install(`${source}dist/`);
  await theirs.page.goto(theirs.line.url);
  await ours.add("from ours");
  await shows(theirs, ["from ours"]);
  await add(theirs, "from theirs");
  await ours.shows(["from theirs", "from ours"], "2 2 0");
  await theirs.page.getByRole("button", { name: "from ours" }).click();
  await shows(theirs, ["from theirs"]);
  await ours.shows(["from theirs"], "1 1 0");

  await theirs.checkbox("from theirs").click();
  await ours.shows(["[x] from theirs"], "1 0 1");
  await ours.toggle("from theirs");
  await eventually(async () => await theirs.checkbox("from theirs").isChecked()).toBe(false);

  theirs.expectLostLine();
  await theirs.line.cut();
  await add(theirs, "offline");
  await shows(theirs, ["from theirs", "offline"]);
  await theirs.page.reload();
  await shows(theirs, ["from theirs", "offline"]);
  await ours.shows(["from theirs"], "1 1 0");
  await theirs.line.open();
  await ours.shows(["offline", "from theirs"], "2 2 0");
  await theirs.page.reload();
  await shows(theirs, ["from theirs", "offline"]);
  await ours.shows(["offline", "from theirs"], "2 2 0");
}, 60_000);

/** The todos of the page, which come in no order that it asked for. */
async function shows({ page }: TodoWindow, texts: string[]): Promise<void> {
  await eventually(async () => (await page.getByRole("button").allInnerTexts()).toSorted()).toEqual(texts);
}

async function add({ page }: TodoWindow, text: string): Promise<void> {
  await page.getByRole("textbox").fill(text);
  await page.getByRole("textbox").press("Enter");
}
