// SPDX-License-Identifier: MIT
// The todo app in workerd and Chromium: a test opens windows on it, cuts their lines, kills the server.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions } from "playwright-core";
import { expect } from "vitest";
import { ServerProcess } from "../workerd/process.ts";
import { Workerd } from "../workerd/workerd.ts";
import { chromiumOptions, launchChromium } from "./chromium.ts";
import { Line } from "./line.ts";
import { TodoWindow } from "./todo-window.ts";

const common = { viewport: { width: 1000, height: 800 }, locale: "en-US" };

export class Stage {
  readonly server: ServerProcess | Workerd;
  #browser: Browser | undefined;
  #windows: TodoWindow[] = [];
  #profiles: string[] = [];

  /**
   * @param server what `wrangler dev` is to serve, as a wrangler.toml relative to the project's root; or a server of objects alone, to which every window brings its page along: it starts, and
   * starts again, in a fraction of the time. The latter, of the app in C, unless told otherwise
   */
  constructor(server: string | Workerd = new Workerd("tests/browser/wrangler.toml")) {
    this.server = typeof server === "string" ? new ServerProcess(server) : server;
  }

  async start(): Promise<void> {
    [this.#browser] = await Promise.all([launchChromium(), this.server.start()]);
  }

  /** Opens a room in a browser of its own, over a line of its own: nothing is shared with other windows but the server. */
  async open(room: string, options: BrowserContextOptions = {}): Promise<TodoWindow> {
    if (!this.#browser) throw new Error("the stage is not started");
    return await this.#openIn(await this.#browser.newContext({ ...common, ...options }), room);
  }

  /** Opens a room in a browser whose user lets no page keep anything. */
  async openForgetful(room: string): Promise<TodoWindow> {
    const profile = mkdtempSync(join(tmpdir(), "durasync-profile-"));
    this.#profiles.push(profile);
    mkdirSync(join(profile, "Default"));
    const BLOCK = 2;
    const preferences = { profile: { default_content_setting_values: { cookies: BLOCK } } };
    writeFileSync(join(profile, "Default/Preferences"), JSON.stringify(preferences));
    return await this.#openIn(await chromium.launchPersistentContext(profile, { ...chromiumOptions(), ...common }), room);
  }

  /** Opens another tab of a window's browser, on the same room and over the same line. */
  async openTab({ page, line }: TodoWindow): Promise<TodoWindow> {
    const tab = new TodoWindow(await page.context().newPage(), line);
    this.#windows.push(tab);
    await tab.goto(page.url());
    return tab;
  }

  async #openIn(context: BrowserContext, room: string): Promise<TodoWindow> {
    const line = new Line(Number(new URL(this.server.url).port));
    await line.open();
    const window = new TodoWindow(await context.newPage(), line);
    this.#windows.push(window);
    if (this.server instanceof Workerd) await window.install();
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
    for (const profile of this.#profiles) rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    await this.server.dispose();
  }
}
