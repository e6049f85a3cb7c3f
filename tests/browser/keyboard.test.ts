// SPDX-License-Identifier: MIT
// The app without a mouse, for a screen reader, and on a phone.
import type { Locator } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Stage } from "./stage.ts";
import { eventually, type TodoWindow } from "./todo-window.ts";

/** Presses of Tab within which everything in a short list is reached. */
const MAX_TABS = 40;
/** Pixels of the smallest thing that a finger hits. */
const FINGER = 36;
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitän".repeat(4);
const namedRoles = ["button", "checkbox", "textbox", "link"];

const stage = new Stage();
beforeAll(async () => await stage.start());
afterEach(async () => await stage.closeWindows());
afterAll(async () => await stage.dispose());

test("everything can be done by keyboard", async () => {
  const a = await stage.open("keyboard");
  const { keyboard } = a.page;
  await focused(a.field);
  await keyboard.type("milk");
  await keyboard.press("Enter");
  await focused(a.field);
  await keyboard.type("bread");
  await keyboard.press("Enter");
  await a.shows(["bread", "milk"], "2 2 0");

  await tabTo(a, a.checkbox("bread"));
  await keyboard.press("Space");
  await a.shows(["[x] bread", "milk"], "2 1 1");
  await focused(a.checkbox("bread"));

  const editor = a.page.getByRole("textbox", { name: /^Edit todo/ });
  await tabTo(a, a.button("Edit milk"));
  await keyboard.press("Enter");
  await focused(editor);
  await keyboard.type("oat milk");
  await keyboard.press("Escape");
  await a.shows(["[x] bread", "milk"], "2 1 1");
  await focused(a.button("Edit milk"));
  await keyboard.press("Enter");
  await focused(editor);
  await keyboard.type("oat milk");
  await keyboard.press("Enter");
  await a.shows(["[x] bread", "oat milk"], "2 1 1");
  await focused(a.button("Edit oat milk"));

  await tabTo(a, a.filterButton("Active"));
  await keyboard.press("Enter");
  await a.shows(["oat milk"], "2 1 1");
  await tabTo(a, a.button("Clear completed"));
  await keyboard.press("Enter");
  await a.shows(["oat milk"], "1 1 0");
  await a.live();
});

test("whatever is deleted, the focus goes to a neighbour and in the end to the field, never nowhere", async () => {
  const a = await stage.open("focus");
  await a.add("one", "two", "three");
  await a.shows(["three", "two", "one"], "3 3 0");
  await tabTo(a, a.button("Delete two"));
  await a.page.keyboard.press("Enter");
  await a.shows(["three", "one"], "2 2 0");
  await focused(a.button("Delete one"));
  await a.page.keyboard.press("Enter");
  await a.shows(["three"], "1 1 0");
  await focused(a.button("Delete three"));
  await a.page.keyboard.press("Enter");
  await a.shows([], "0 0 0");
  await focused(a.field);
});

test("a button that has nothing left to do does not take the focus with it", async () => {
  const a = await stage.open("focus of buttons");
  await a.field.fill("one");
  await tabTo(a, a.button("Add"));
  await a.page.keyboard.press("Enter");
  await a.shows(["one"], "1 1 0");
  await keepsFocus(a);
  await a.toggle("one");
  await tabTo(a, a.button("Clear completed"));
  await a.page.keyboard.press("Enter");
  await a.shows([], "0 0 0");
  await keepsFocus(a);
});

test("a todo that leaves the filter by being ticked does not take the focus with it", async () => {
  const a = await stage.open("focus in a filter");
  await a.add("one", "two");
  await a.show("Active");
  await a.checkbox("two").focus();
  await a.page.keyboard.press("Space");
  await a.shows(["one"], "2 1 1");
  await keepsFocus(a);
  await a.checkbox("one").focus();
  await a.page.keyboard.press("Space");
  await a.shows([], "2 0 2");
  await keepsFocus(a);
});

test("a dismissed notice gives the focus back to the page", async () => {
  const [a, b] = await stage.openTwo("focus after a notice");
  await a.add("doomed");
  await b.shows(["doomed"], "1 1 0");
  await a.goOffline();
  await a.edit("doomed", "rewritten");
  await b.remove("doomed");
  await a.goOnline();
  await a.alerts.getByRole("button", { name: "Dismiss" }).focus();
  await a.page.keyboard.press("Enter");
  await eventually(async () => await a.alerts.count()).toBe(0);
  await keepsFocus(a);
});

test("every control has a name, and changes are told to a screen reader", async () => {
  const a = await stage.open("names");
  await a.add("milk", "bread");
  await a.toggle("milk");
  await a.live();
  await expectNames(a, 2 + 3 * 2);
  await a.button("Edit milk").click();
  await expectNames(a, 2 + 2);
  expect(await a.page.getByRole("heading", { level: 1 }).count()).toBe(1);
  expect(await a.page.getByRole("main").count()).toBe(1);
  expect(await a.page.getByRole("list").getByRole("listitem").count()).toBe(2);
  await a.page.keyboard.press("Escape");
  await a.remove("bread");
  await eventually(async () => await a.page.getByRole("log").innerText()).toBe("Deleted bread");
});

test("a phone scrolls in one direction only, and everything is large enough to touch", async () => {
  const a = await stage.open("phone", PHONE);
  await a.add(LONG_WORD, ...Array.from({ length: 30 }, (_, i) => `todo ${i}`));
  await a.live();
  expect(await overflow(a)).toBe(0);
  await a.page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await eventually(async () => await a.checkbox(LONG_WORD).isVisible()).toBe(true);
  expect(await overflow(a)).toBe(0);
  await a.button(`Delete ${LONG_WORD}`).tap();
  await eventually(async () => (await a.shown()).counts).toBe("30 30 0");
  await a.button("Edit todo 0").tap();
  expect(await overflow(a)).toBe(0);
  await a.page.keyboard.press("Escape");
  for (const button of await a.page.getByRole("button").all()) {
    const box = await button.boundingBox();
    expect(box?.width, await button.innerText()).toBeGreaterThanOrEqual(FINGER);
    expect(box?.height, await button.innerText()).toBeGreaterThanOrEqual(FINGER);
  }
});

/** Asserts that the focus comes to be there. */
async function focused(target: Locator): Promise<void> {
  await eventually(async () => await hasFocus(target)).toBe(true);
}

async function hasFocus(target: Locator): Promise<boolean> {
  return await target.evaluateAll((elements) => elements.some((element) => element === document.activeElement));
}

/** Asserts that the focus is on something of the page, or goes there at once. */
async function keepsFocus(window: TodoWindow): Promise<void> {
  await eventually(async () => await window.page.evaluate(() => document.activeElement?.tagName)).not.toBe("BODY");
}

async function tabTo(window: TodoWindow, target: Locator): Promise<void> {
  for (let presses = 0; presses < MAX_TABS; presses++) {
    if (await hasFocus(target)) return;
    await window.page.keyboard.press("Tab");
  }
  throw new Error(`${MAX_TABS} presses of Tab do not reach ${String(target)}`);
}

/** Asserts that everything one can work has a name, and that there are at least so many of them. */
async function expectNames(window: TodoWindow, atLeast: number): Promise<void> {
  const session = await window.page.context().newCDPSession(window.page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  const controls = nodes.filter((node) => !node.ignored && namedRoles.includes(String(node.role?.value)));
  expect(controls.length).toBeGreaterThanOrEqual(atLeast);
  expect(controls.filter((node) => !node.name?.value)).toEqual([]);
}

/** Pixels by which the page is wider than the window. */
async function overflow(window: TodoWindow): Promise<number> {
  return await window.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
