// SPDX-License-Identifier: MIT
// What one sees: nothing is cut off that one needs, nothing is too faint to read, and nothing jumps.
import type { Locator } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Stage } from "./stage.ts";
import { eventually } from "./todo-window.ts";

/** What WCAG asks of text at the least. */
const READABLE = 4.5;
const LONG_TEXT = "Write to the landlord about the heating, and the window in the kitchen. ".repeat(5).trim();

const stage = new Stage();
beforeAll(async () => await stage.start());
afterEach(async () => await stage.closeWindows());
afterAll(async () => await stage.dispose());

test("a long text is edited as a whole, in the place where it is read", async () => {
  const a = await stage.open("long text");
  await a.add(LONG_TEXT);
  await a.live();
  const text = a.row(LONG_TEXT).getByText(LONG_TEXT, { exact: true });
  const read = await text.boundingBox();
  await text.dblclick();
  const editor = a.page.getByRole("textbox", { name: /^Edit todo/ });
  const hidden = () => editor.evaluate((field) => field.scrollHeight - field.clientHeight);
  expect(await hidden()).toBe(0);
  expect((await editor.boundingBox())?.height).toBeGreaterThan(60);
  expect((await editor.boundingBox())?.y).toBe(read?.y);
  await editor.press("End");
  await editor.pressSequentially(" And the noise from the pipes.");
  expect(await hidden()).toBe(0);
  await editor.press("Enter");
  await a.shows([`${LONG_TEXT} And the noise from the pipes.`], "1 1 0");
});

test("a row does not change its height while it is pending", async () => {
  const a = await stage.open("no jumps");
  await a.add(LONG_TEXT);
  await a.live();
  const height = async () => (await a.row(LONG_TEXT).boundingBox())?.height;
  const before = await height();
  await a.goOffline();
  await a.toggle(LONG_TEXT);
  await eventually(async () => await a.unsaved()).toEqual([LONG_TEXT]);
  expect(await height()).toBe(before);
}, 60_000);

test.each(["light", "dark"] as const)("pending rows are readable in %s colours, done ones, too", async (colorScheme) => {
  const a = await stage.open(`contrast ${colorScheme}`, { colorScheme });
  await a.goOffline();
  await a.add("open", "done");
  await a.toggle("done");
  await eventually(async () => await a.unsaved()).toEqual(["done", "open"]);
  for (const name of ["open", "done"]) {
    const text = a.row(name).getByText(name, { exact: true });
    // Its colour changes in steps: only the last one counts.
    await text.evaluate((element) => Promise.all(element.getAnimations().map((animation) => animation.finished)));
    expect(await contrast(text)).toBeGreaterThanOrEqual(READABLE);
  }
}, 60_000);

test.each([390, 1000])("%i pixels: a long room name gives way to how things stand, and can be had in full", async (width) => {
  const room = "a room whose name somebody typed without end ".repeat(6).trim();
  const a = await stage.open(room, { viewport: { width, height: 800 } });
  const [name, status] = [a.page.getByTitle(room), a.page.getByRole("status")];
  expect(await name.evaluate((element) => element.scrollWidth > element.clientWidth && getComputedStyle(element).textOverflow)).toBe("ellipsis");
  expect((await a.page.getByRole("heading").boundingBox())?.height).toBeLessThan(60);
  expect(await status.evaluate((element) => element.scrollWidth - element.clientWidth)).toBe(0);
  expect(await a.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBeLessThanOrEqual(0);
});

/** Contrast of an element's text with what is behind it, from 1 to 21. */
async function contrast(text: Locator): Promise<number> {
  const { colors, opacities } = await text.evaluate((element) => {
    const lineage: Element[] = [];
    for (let at: Element | null = element; at; at = at.parentElement) lineage.push(at);
    const styles = lineage.map((at) => getComputedStyle(at));
    const behind = styles.map(({ backgroundColor }) => backgroundColor).find((color) => color !== "rgba(0, 0, 0, 0)");
    return { colors: [styles[0]?.color ?? "", behind ?? "rgb(255, 255, 255)"], opacities: styles.map(({ opacity }) => opacity) };
  });
  expect(new Set(opacities)).toEqual(new Set(["1"]));
  const [light = 0, dark = 0] = colors.map(luminance).toSorted((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

/** As WCAG defines it. */
function luminance(color: string): number {
  const channels = (color.match(/[\d.]+/g) ?? []).slice(0, 3).map((channel) => Number(channel) / 255);
  const [red = 0, green = 0, blue = 0] = channels.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
