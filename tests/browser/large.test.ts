// SPDX-License-Identifier: MIT
// A room of ten thousand todos stays quick to hold: the page keeps few rows, and all of them can be reached.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { connect } from "../workerd/server.ts";
import { Stage } from "./stage.ts";
import { eventually, type TodoWindow } from "./todo-window.ts";

const TODOS = 10_000;
const TODOS_A_FRAME = 500;
/** Rows in the page at most, however long the list is. */
const MAX_ROWS = 200;

const stage = new Stage();
beforeAll(async () => await stage.start());
afterEach(async () => await stage.closeWindows());
afterAll(async () => await stage.dispose());

test("10,000 todos load, scroll to their end, and take one more", async () => {
  await seed("large");
  const [a, b] = await stage.openTwo("large");
  for (const window of [a, b]) await eventually(async () => (await window.shown()).counts).toBe("10000 10000 0");
  expect(await a.filterButton("All").innerText()).toMatch(/10,000$/);
  expect((await a.shown()).todos[0]).toBe("todo 09999");
  await expectFewRows(a);

  await a.page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await eventually(async () => await inView(a, "todo 00000")).toBe(true);
  expect(await a.row("todo 00000").getAttribute("aria-posinset")).toBe("10000");
  await expectFewRows(a);

  await a.add("one more");
  for (const window of [a, b]) await eventually(async () => (await window.shown()).counts).toBe("10001 10001 0");
  for (const window of [a, b]) await eventually(async () => await inView(window, "one more")).toBe(true);
  await a.live();

  await b.button("Mark all done").click();
  for (const window of [a, b]) await eventually(async () => (await window.shown()).counts).toBe("10001 0 10001");
  await b.live();
  await b.button("Clear completed").click();
  for (const window of [a, b]) await window.shows([], "0 0 0");
}, 120_000);

async function seed(room: string): Promise<void> {
  const socket = await connect(stage.server.url, "Todos", room);
  await socket.hello("seed");
  for (let from = 0; from < TODOS; from += TODOS_A_FRAME) {
    const actions = Array.from({ length: TODOS_A_FRAME }, (_, i) => {
      const id = `${from + i}`.padStart(5, "0");
      return { number: from + i + 1, channel: "todos", type: "create", payload: { id, text: `todo ${id}` } };
    });
    socket.send({ type: "actions", acknowledged: from, actions });
    expect(await socket.frame()).toMatchObject({ type: "patch" });
  }
  socket.close();
}

async function expectFewRows(window: TodoWindow): Promise<void> {
  const rows = await window.rows.count();
  expect(rows).toBeGreaterThan(5);
  expect(rows).toBeLessThan(MAX_ROWS);
}

async function inView(window: TodoWindow, text: string): Promise<boolean> {
  const box = await window.row(text).boundingBox({ timeout: 1000 }).catch(() => null);
  const height = window.page.viewportSize()?.height ?? 0;
  return box !== null && box.y >= 0 && box.y + box.height <= height;
}
