// SPDX-License-Identifier: MIT
// Rooms of ten thousand todos, and of a hundred thousand: the page keeps few rows, and all of them can be reached.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { connect } from "../workerd/server.ts";
import { Stage } from "./stage.ts";
import { eventually, type TodoWindow } from "./todo-window.ts";

const TODOS_A_FRAME = 500;
/** Rows in the page at most, however long the list is. */
const MAX_ROWS = 200;

const stage = new Stage();
beforeAll(async () => await stage.start());
afterEach(async () => await stage.closeWindows());
afterAll(async () => await stage.dispose());

test("10,000 todos load, scroll to their end, and take one more", async () => {
  await seed("large", 10_000);
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

test("100,000 todos: the first are shown while the rest come, and any of them can be scrolled to", async () => {
  await seed("huge", 100_000);
  const a = await stage.open("before huge");
  await a.page.addInitScript(recordProgress);
  await a.goto(`${a.line.url}/?room=huge`);
  await eventually(async () => (await a.shown()).counts).toBe("100000 100000 0");
  const seen = await a.page.evaluate(() => window.progress);
  expect(seen.filter(({ status, rows }) => /^Syncing \d+%$/.test(status) && rows > 5).length).toBeGreaterThan(2);
  expect(seen.map(({ rows }) => rows).toSorted((x, y) => y - x)[0]).toBeLessThan(MAX_ROWS);

  for (const share of [0.25, 0.5, 0.75, 1]) {
    await a.page.evaluate((share) => scrollTo(0, share * document.documentElement.scrollHeight), share);
    await expectFewRows(a);
    await eventually(async () => await placesInView(a)).toSatisfy(isWithoutHoles);
  }
  await eventually(async () => await inView(a, "todo 00000")).toBe(true);
  // By the wheel, upwards, as fast as the page takes it.
  await a.page.mouse.move(500, 400);
  for (let i = 0; i < 40; i++) await a.page.mouse.wheel(0, -5000);
  await eventually(async () => await placesInView(a)).toSatisfy(isWithoutHoles);
  await expectFewRows(a);
  expect((await placesInView(a))[0]).toBeLessThan(99_900);

  await a.add("one more");
  await eventually(async () => await inView(a, "one more")).toBe(true);
  await a.live();
  expect(pagesAskedBy(a)).toBeGreaterThan(2);

  // The next visit starts from what is kept, and asks for none of it.
  await eventually(async () => await a.page.evaluate(countKeptRows)).toBe(100_001);
  a.sent.length = 0;
  await a.reload();
  await eventually(async () => (await a.shown()).counts).toBe("100001 100001 0");
  expect(pagesAskedBy(a)).toBe(0);
}, 180_000);

const pagesAskedBy = ({ sent }: TodoWindow) => sent.filter((frame) => frame.startsWith('{"type":"page"')).length;

/** Runs in the page. */
function countKeptRows(): Promise<number> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("durasync");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const counting = opening.result.transaction("rows").objectStore("rows").count();
      counting.onsuccess = () => resolve(counting.result);
      counting.onerror = () => reject(counting.error);
      opening.result.close();
    };
  });
}

declare global {
  interface Window {
    progress: { status: string; rows: number }[];
  }
}

/** Runs in the page: notes how it stands, and how many rows it keeps, whenever that changes. */
function recordProgress() {
  window.progress = [];
  const observer = new MutationObserver(() => {
    const status = document.querySelector("[role=status]")?.textContent ?? "";
    if (status !== window.progress.at(-1)?.status) window.progress.push({ status, rows: document.querySelectorAll("li").length });
  });
  observer.observe(document, { childList: true, subtree: true, characterData: true });
}

/** Places in the list of the rows that stand in the window, from top to bottom. */
async function placesInView(window: TodoWindow): Promise<number[]> {
  return await window.rows.evaluateAll((rows) =>
    rows
      .map((row) => ({ top: row.getBoundingClientRect().top, place: Number(row.ariaPosInSet) }))
      .filter(({ top }) => top >= 0 && top < innerHeight)
      .toSorted((a, b) => a.top - b.top)
      .map(({ place }) => place),
  );
}

function isWithoutHoles(places: number[]): boolean {
  return places.length > 5 && places.every((place, i) => place === (places[0] ?? 0) + i);
}

async function seed(room: string, count: number): Promise<void> {
  const socket = await connect(stage.server.url, "Todos", room);
  await socket.hello("seed");
  for (let from = 0; from < count; from += TODOS_A_FRAME) {
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
