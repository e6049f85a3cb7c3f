// SPDX-License-Identifier: MIT
// The todo app in workerd and Chromium: a test opens windows on it, cuts their lines, kills the server.
import { chromium, type Browser, type BrowserContextOptions } from "playwright-core";
import { expect } from "vitest";
import { ServerProcess } from "../workerd/process.ts";
import { Line } from "./line.ts";
import { TodoWindow } from "./todo-window.ts";

// Nothing that a browser does of its own accord, and no sandbox, which a container may not have.
const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", ...quiet];

export class Stage {
  readonly server = new ServerProcess("tests/browser/wrangler.toml");
  #browser: Browser | undefined;
  #windows: TodoWindow[] = [];

  async start(): Promise<void> {
    const executablePath = process.env["CHROMIUM"];
    if (!executablePath) throw new Error("CHROMIUM is to be the path of a Chromium");
    [this.#browser] = await Promise.all([chromium.launch({ executablePath, args: flags }), this.server.start()]);
  }

  /** Opens a room in a browser of its own, over a line of its own: nothing is shared with other windows but the server. */
  async open(room: string, options: BrowserContextOptions = {}): Promise<TodoWindow> {
    if (!this.#browser) throw new Error("the stage is not started");
    const context = await this.#browser.newContext({ viewport: { width: 1000, height: 800 }, locale: "en-US", ...options });
    const line = new Line(Number(new URL(this.server.url).port));
    await line.open();
    const window = new TodoWindow(await context.newPage(), line);
    this.#windows.push(window);
    await window.goto(`${line.url}/?room=${encodeURIComponent(room)}`);
    return window;
  }

  /** Opens a room in two browsers. */
  async openTwo(room: string): Promise<[TodoWindow, TodoWindow]> {
    return await Promise.all([this.open(room), this.open(room)]);
  }

  /** Kills the server, does what is to be done meanwhile, and starts it again on its storage. */
  async whileKilled(meanwhile: () => Promise<void>): Promise<void> {
    for (const window of this.#windows) window.expectLostLine();
    await this.server.kill();
    try {
      await meanwhile();
    } finally {
      await this.server.start();
    }
  }

  /** Closes the windows of a test, none of which may have complained. */
  async closeWindows(): Promise<void> {
    const windows = this.#windows;
    this.#windows = [];
    const complaints = windows.flatMap((window) => window.complaints);
    await Promise.all(windows.map(async (window) => await window.close()));
    expect(complaints).toEqual([]);
  }

  async dispose(): Promise<void> {
    await this.#browser?.close();
    await this.server.dispose();
  }
}
