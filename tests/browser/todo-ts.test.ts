// SPDX-License-Identifier: MIT
// The todo page on the app in TypeScript: nobody at the page could tell which of the two it is.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Stage } from "./stage.ts";
import { eventually } from "./todo-window.ts";

const stage = new Stage("tests/browser/todo-ts.wrangler.toml");
beforeAll(async () => await stage.start());
afterEach(async () => await stage.closeWindows());
afterAll(async () => await stage.dispose());

test("two windows are in step, through a reload, a lost line and a killed server", async () => {
  const [a, b] = await stage.openTwo("typescript");
  await a.add("milk", "bread");
  await b.shows(["bread", "milk"], "2 2 0");
  await b.edit("milk", "oat milk");
  await a.toggle("bread");
  await b.shows(["[x] bread", "oat milk"], "2 1 1");
  await a.goOffline();
  await a.add("tea");
  await b.button("Mark all done").click();
  await a.goOnline();
  await a.live();
  for (const window of [a, b]) await window.shows(["tea", "[x] bread", "[x] oat milk"], "3 1 2");
  await stage.whileKilled(async () => await a.toggle("tea"));
  await b.shows(["[x] tea", "[x] bread", "[x] oat milk"], "3 0 3");
  await b.toggle("bread");
  await b.button("Clear completed").click();
  await a.shows(["bread"], "1 1 0");
  await a.reload();
  await a.shows(["bread"], "1 1 0");
});

test("a rejection reads as the app in C has it", async () => {
  const [a, b] = await stage.openTwo("rejected");
  await a.add("milk");
  await b.shows(["milk"], "1 1 0");
  await a.goOffline();
  await a.edit("milk", "oat milk");
  await b.remove("milk");
  await b.live();
  await a.goOnline();
  await eventually(async () => await a.alerts.allInnerTexts()).toEqual([expect.stringContaining("That todo is gone.")]);
  await a.shows([], "0 0 0");
});
