// SPDX-License-Identifier: MIT
// workerd is killed by SIGKILL again and again while pages write, some of which are reloaded meanwhile: each todo is there exactly once, for everybody.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { compare, type Figures, printFigures, ROUNDS } from "../workerd/figures.ts";
import { Workerd } from "../workerd/workerd.ts";
import { connect } from "../workerd/server.ts";
import { rowsOf } from "../rows.ts";
import { Stage } from "./stage.ts";
import { eventually, type TodoWindow } from "./todo-window.ts";

/** Rounds in a room, so that a window can show all of its todos. */
const ROUNDS_IN_ROOM = 20;
const TODOS = 4;
/** Milliseconds of writing before the kill, at most. */
const LOAD = 150;

const server = new Workerd("tests/browser/wrangler.toml");
const stage = new Stage(server);
beforeAll(async () => await stage.start());
afterEach(async () => await stage.closeWindows());
afterAll(async () => await stage.dispose());

const chance = (limit: number) => Math.floor(Math.random() * limit);

/** The texts of a room's todos, as the object has them. */
async function textsOf(room: string): Promise<string[]> {
  const reader = await connect(server.url, "Todos", room);
  const page = await reader.subscribe("reader", "todos");
  expect(page["next"]).toBe(0);
  reader.close();
  return rowsOf<string>(page).map(([, text = ""]) => text);
}

/** Both windows write, and the server dies meanwhile; now and then one of them is reloaded before it is back. */
async function round(windows: TodoWindow[], texts: string[][]): Promise<void> {
  const written = Promise.all(windows.map(async (window, i) => await window.add(...(texts[i] ?? []))));
  await new Promise((resolve) => setTimeout(resolve, chance(LOAD)));
  await server.kill();
  await written;
  if (chance(3) === 0) await windows[chance(windows.length)]?.page.reload();
  await server.start();
  for (const window of windows) await eventually(async () => (await window.hurry(), await window.status())).toBe("Live");
}

async function killInRoom(room: string, rounds: number): Promise<Pick<Figures, "sent" | "lost" | "doubled">> {
  const windows = await stage.openTwo(room);
  for (const window of windows) window.expectLostLine();
  const sent: string[] = [];
  for (let i = 1; i <= rounds; i++) {
    const texts = ["a", "b"].map((name) => Array.from({ length: TODOS }, (_, n) => `${name} ${i}.${n}`));
    sent.push(...texts.flat());
    await round(windows, texts);
  }
  for (const window of windows) {
    await window.live();
    // One that was carried out twice would have been rejected the second time.
    expect(await window.alerts.count()).toBe(0);
    await window.page.setViewportSize({ width: 1000, height: 100 * sent.length });
  }
  const there = await textsOf(room);
  for (const window of windows) await eventually(async () => (await window.shown()).todos.toSorted()).toEqual(there.toSorted());
  return { sent: sent.length, ...compare(sent, there) };
}

test(`${ROUNDS} kills while pages write: each todo is there exactly once, and both pages show all of them`, async () => {
  const figures: Figures = { restarts: 0, sent: 0, acknowledged: null, unheard: null, lost: 0, doubled: 0, unsettled: null };
  for (let left = ROUNDS; left > 0; left -= ROUNDS_IN_ROOM) {
    const room = await killInRoom(`crash ${left}`, Math.min(left, ROUNDS_IN_ROOM));
    for (const name of ["sent", "lost", "doubled"] as const) figures[name] += room[name];
    await stage.closeWindows();
  }
  figures.restarts = server.starts - 1;
  printFigures({ "pages in Chromium": figures });
  expect(figures).toMatchObject({ restarts: ROUNDS, lost: 0, doubled: 0 });
}, 60_000 + ROUNDS * 8000);
