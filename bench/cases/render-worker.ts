// SPDX-License-Identifier: MIT
// The thread of render.ts.
import { parentPort, workerData } from "node:worker_threads";
import { JSDOM } from "jsdom";
import { createElement, memo, Profiler } from "react";
import { transpose } from "../../client/frames.ts";
import type { SyncSocket } from "../../client/index.ts";

const { window } = new JSDOM("<main></main>");
Object.assign(globalThis, { window, document: window.document });
// They look for a document when they are loaded.
const { createRoot } = await import("react-dom/profiling");
const { useSync } = await import("../../client/react.ts");

const PAGE = 4000;
const SHOWN = 50;

type Todo = [id: string, text: string, completed: number];

/** The other end of the line, in memory. */
class MemorySocket extends EventTarget {
  readyState = 0;
  /** The subscription, which its pages say again. */
  id = 0;

  send(text: string): void {
    const { type, id } = JSON.parse(text) as { type: string; id: number };
    if (type === "subscribe") this.id = id;
  }

  reconnect(): void {}
  close(): void {}

  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  receive(frame: object | string): void {
    this.dispatchEvent(new MessageEvent("message", { data: typeof frame === "string" ? frame : JSON.stringify(frame) }));
  }
}

const Row = memo(({ record: [, text] }: { record: Todo }) => createElement("li", null, text));

function List({ socket }: { socket: MemorySocket }) {
  const [todos] = useSync<Todo, never>("todos", socket as unknown as SyncSocket);
  const rows = todos.slice(0, SHOWN).map((record) => createElement(Row, { key: record[0], record }));
  return createElement("ul", { "data-count": todos.length }, rows);
}

/** Resolves when `shown` holds for the document. */
async function until(shown: () => boolean): Promise<void> {
  while (!shown()) await new Promise((resolve) => setImmediate(resolve));
}

const count = workerData as number;
const key = (n: number) => String(n).padStart(8, "0");
const main = window.document.querySelector("main") as HTMLElement;
const socket = new MemorySocket();
let rendering = 0;
let commits = 0;
const onRender = (_id: string, _phase: string, actual: number) => {
  rendering += actual;
  commits++;
};
const shownCount = () => Number(main.querySelector("ul")?.dataset["count"]);

createRoot(main).render(createElement(Profiler, { id: "list", onRender }, createElement(List, { socket })));
await until(() => shownCount() === 0);
socket.open();
socket.receive({ type: "welcome", protocol: 2, epoch: "e", settled: 0, now: 1 });
await new Promise((resolve) => setTimeout(resolve, 20)); // the subscription has gone out

const frames = Array.from({ length: Math.ceil(count / PAGE) }, (_, n) => {
  const at = n * PAGE;
  const rows = Array.from({ length: Math.min(PAGE, count - at) }, (_, i): Todo => [key(at + i), "a todo of usual length", 0]);
  const more = at + PAGE < count ? { next: PAGE, end: [key(at + PAGE - 1)] } : { next: 0 };
  return JSON.stringify({ type: "page", channel: "todos", id: socket.id, epoch: "e", shape: "s", version: 10, first: at === 0, columns: ["id", "text", "completed"], key: [0], ...more, cells: transpose(rows, (cell) => cell) });
});

rendering = commits = 0;
const start = performance.now();
for (const frame of frames) {
  socket.receive(frame);
  await new Promise((resolve) => setImmediate(resolve));
}
await until(() => shownCount() === count);
const pages = { "pages, ms": performance.now() - start, "pages, rendering, ms": rendering };

rendering = commits = 0;
const changed = performance.now();
const change = { channel: "todos", shape: "s", from: 10, to: 11, set: [{ columns: [1], rows: [[key(0), "another text"]] }] };
socket.receive({ type: "patch", epoch: "e", changes: [change], outcomes: [] });
await until(() => main.querySelector("li")?.textContent === "another text");
parentPort?.postMessage({ ...pages, "one change, ms": performance.now() - changed, "one change, rendering, ms": rendering, "one change, commits": commits });
