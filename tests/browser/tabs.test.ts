// SPDX-License-Identifier: MIT
// Tabs of one browser, and one tab after another: what waits to be sent is seen by all, survives them, and is sent once.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Stage } from "./stage.ts";
import { eventually, type TodoWindow } from "./todo-window.ts";

const stage = new Stage();
beforeAll(async () => await stage.start());
afterEach(async () => await stage.closeWindows());
afterAll(async () => await stage.dispose());

/** Times that an action with this text went out. */
const sendings = (windows: TodoWindow[], text: string) =>
  windows.flatMap(({ sent }) => sent).filter((frame) => frame.includes('"type":"actions"') && frame.includes(text)).length;

test("two tabs show each other's pending actions at once, though neither has a line", async () => {
  const a = await stage.open("two tabs");
  const b = await stage.openTab(a);
  await a.add("before");
  await b.shows(["before"], "1 1 0");
  for (const tab of [a, b]) tab.expectLostLine();
  await a.goOffline();
  await a.add("from a");
  await b.shows(["from a", "before"], "2 2 0");
  expect(await b.unsaved()).toEqual(["from a"]);
  await b.add("from b");
  await b.toggle("before");
  await eventually(async () => (await a.shown()).todos.toSorted()).toEqual(["[x] before", "from a", "from b"]);
  expect((await a.unsaved()).toSorted()).toEqual(["before", "from a", "from b"]);
  await a.goOnline();
  for (const tab of [a, b]) await tab.live();
  await eventually(async () => (await a.shown()).todos.toSorted()).toEqual(["[x] before", "from a", "from b"]);
  await b.shows((await a.shown()).todos, "3 2 1");
  for (const text of ["from a", "from b"]) expect(sendings([a, b], text)).toBe(1);
}, 60_000);

test("what a closed tab has left is adopted by one of the living, once", async () => {
  const a = await stage.open("adoption");
  const [b, c] = [await stage.openTab(a), await stage.openTab(a)];
  const elsewhere = await stage.open("adoption");
  for (const tab of [a, b, c]) tab.expectLostLine();
  await a.goOffline();
  await a.add("left behind 1", "left behind 2");
  for (const tab of [b, c]) await tab.shows(["left behind 2", "left behind 1"], "2 2 0");
  await a.page.close();
  for (const tab of [b, c]) expect(await tab.unsaved()).toEqual(["left behind 2", "left behind 1"]);
  await elsewhere.shows([], "0 0 0");
  await a.goOnline();
  for (const tab of [b, c]) await tab.live();
  for (const tab of [b, c, elsewhere]) await tab.shows(["left behind 2", "left behind 1"], "2 2 0");
  expect(sendings([a, b, c], "left behind 1")).toBe(1);
  // Nor does anybody find something to do afterwards.
  await b.reload();
  await b.shows(["left behind 2", "left behind 1"], "2 2 0");
  expect(sendings([a, b, c], "left behind")).toBe(1);
}, 60_000);

test("a page that is reloaded without a line shows what it knew and what waits, and sends that once", async () => {
  const a = await stage.open("reloaded offline");
  await a.add("known");
  await a.live();
  await a.install();
  await a.goOffline();
  await a.add("waits");
  await a.toggle("known");
  expect(await a.status()).toBe("Offline, 2 waiting");
  await a.page.reload();
  await a.shows(["waits", "[x] known"], "2 1 1");
  expect(await a.unsaved()).toEqual(["waits", "known"]);
  await eventually(async () => await a.status()).toBe("Offline, 2 waiting");
  await a.page.reload();
  await a.shows(["waits", "[x] known"], "2 1 1");
  await a.goOnline();
  await a.live();
  await a.shows(["waits", "[x] known"], "2 1 1");
  expect(sendings([a], "waits")).toBe(1);
  const b = await stage.open("reloaded offline");
  await b.shows(["waits", "[x] known"], "2 1 1");
}, 60_000);

test("the first paint of a page that was here before needs no line, and a deletion that it missed reaches it", async () => {
  const [a, b] = await stage.openTwo("painted");
  await a.add("stays", "goes");
  await a.live();
  await a.install();
  await a.goOffline();
  await a.page.goto("about:blank");
  await b.remove("goes");
  await b.live();
  await a.page.goBack();
  await a.shows(["goes", "stays"], "2 2 0");
  await a.goOnline();
  await a.live();
  await a.shows(["stays"], "1 1 0");
}, 60_000);
