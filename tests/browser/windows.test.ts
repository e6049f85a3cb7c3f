// SPDX-License-Identifier: MIT
// Two windows on one room: what one does, the other shows, and a reload brings back the same.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Stage } from "./stage.ts";
import { eventually } from "./todo-window.ts";

const stage = new Stage("tests/browser/wrangler.toml");
beforeAll(async () => await stage.start());
afterEach(async () => await stage.closeWindows());
afterAll(async () => await stage.dispose());

test("whatever one window does appears in the other", async () => {
  const [a, b] = await stage.openTwo("two windows");
  const both = async (todos: string[], counts: string) => {
    for (const window of [a, b]) await window.shows(todos, counts);
  };
  await both([], "0 0 0");
  await a.add("milk", "bread");
  await both(["bread", "milk"], "2 2 0");
  await b.add("tea");
  await both(["tea", "bread", "milk"], "3 3 0");
  await b.edit("milk", "oat milk");
  await both(["tea", "bread", "oat milk"], "3 3 0");
  await a.toggle("bread");
  await both(["tea", "[x] bread", "oat milk"], "3 2 1");
  await b.toggle("bread");
  await both(["tea", "bread", "oat milk"], "3 3 0");
  await a.remove("tea");
  await both(["bread", "oat milk"], "2 2 0");
  await b.button("Mark all done").click();
  await both(["[x] bread", "[x] oat milk"], "2 0 2");
  await a.button("Mark all active").click();
  await both(["bread", "oat milk"], "2 2 0");
  await a.toggle("oat milk");
  await both(["bread", "[x] oat milk"], "2 1 1");
  await b.button("Clear completed").click();
  await both(["bread"], "1 1 0");
});

test("a filter shows its part, keeps doing so while the other window works, and is this window's own", async () => {
  const [a, b] = await stage.openTwo("filters");
  await a.add("one", "two", "three");
  await a.toggle("two");
  await b.shows(["three", "[x] two", "one"], "3 2 1");
  await b.show("Active");
  await b.shows(["three", "one"], "3 2 1");
  expect(await b.filterButton("Active").getAttribute("aria-pressed")).toBe("true");
  await a.toggle("one");
  await b.shows(["three"], "3 1 2");
  await b.show("Completed");
  await b.shows(["[x] two", "[x] one"], "3 1 2");
  await a.remove("two");
  await b.shows(["[x] one"], "2 1 1");
  await a.shows(["three", "[x] one"], "2 1 1");
});

test("texts come through as they were typed", async () => {
  const [a, b] = await stage.openTwo("texts");
  const texts = [`<b>"quotes"</b> & 'more'`, "\\u0041 {} [] \\", "日本語 🧑‍🚀 é", "😀".repeat(250)];
  await a.add(...texts);
  await a.live();
  await b.shows(texts.toReversed(), "4 4 0");
});

test("rooms do not see each other", async () => {
  const [a, b] = await Promise.all([stage.open("here"), stage.open("there")]);
  await a.add("secret");
  await a.live();
  await b.add("other");
  await b.live();
  await a.shows(["secret"], "1 1 0");
  await b.shows(["other"], "1 1 0");
});

test("a reload keeps everything in its order, and a second browser sees the same", async () => {
  const a = await stage.open("reload");
  await a.add(...Array.from({ length: 12 }, (_, i) => `todo ${i}`));
  await a.toggle("todo 3");
  await a.edit("todo 5", "todo five");
  const rest = ["todo 4", "[x] todo 3", "todo 2", "todo 1", "todo 0"];
  const todos = ["todo 11", "todo 10", "todo 9", "todo 8", "todo 7", "todo 6", "todo five", ...rest];
  await a.shows(todos, "12 11 1");
  await a.live();
  await a.reload();
  await a.shows(todos, "12 11 1");
  const b = await stage.open("reload");
  await b.shows(todos, "12 11 1");
});

test("a room without todos says so", async () => {
  const a = await stage.open("empty");
  await eventually(async () => await a.page.getByText("Nothing to do.").isVisible()).toBe(true);
  await a.add("something");
  await eventually(async () => await a.page.getByText("Nothing to do.").count()).toBe(0);
});
