// SPDX-License-Identifier: MIT
// One window of the todo app, worked and read as a person does: by roles and labels.
import { fileURLToPath } from "node:url";
import type { ConsoleMessage, Locator, Page } from "playwright-core";
import { expect } from "vitest";
import type { Line } from "./line.ts";

const dist = fileURLToPath(new URL("../../fixtures/todo/dist/", import.meta.url));

export type Filter = "All" | "Active" | "Completed";

/** What a window shows: the todos in order, completed ones as "[x] text", and the counts of All, Active and Completed. */
export interface Shown {
  readonly todos: string[];
  readonly counts: string;
}

/** Retries until the value that `read` returns passes the assertion: a page is never in step at once. */
export function eventually<T>(read: () => T | Promise<T>) {
  return expect.poll(read, { timeout: 45_000, interval: 50 });
}

export class TodoWindow {
  readonly page: Page;
  readonly line: Line;
  /** Errors on the console and uncaught ones, but for those that a cut line must cause. */
  readonly complaints: string[] = [];
  /** What the page has sent over its sockets. */
  readonly sent: string[] = [];
  #lostLine = false;

  constructor(page: Page, line: Line) {
    this.page = page;
    this.line = line;
    page.setDefaultTimeout(15_000);
    page.on("console", (message) => this.#onConsole(message));
    page.on("pageerror", (error) => void this.complaints.push(String(error)));
    page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => void this.sent.push(payload.toString())));
  }

  /** Loads the page and waits until it is in step. */
  async goto(url: string): Promise<void> {
    await this.page.goto(url);
    await this.live();
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.live();
  }

  /** From now on the browser has the page itself at hand, as an installed app has, whatever becomes of the line. */
  async install(folder = dist): Promise<void> {
    const { origin } = new URL(this.line.url);
    // A page that comes from no address may not call one of this machine without being let.
    await this.page.context().grantPermissions(["local-network-access"], { origin });
    await this.page.context().route(
      (url) => url.origin === origin,
      async (route) => {
        const { pathname } = new URL(route.request().url());
        await route.fulfill({ path: folder + (pathname === "/" ? "index.html" : pathname.slice(1)) });
      },
    );
  }

  async close(): Promise<void> {
    await this.page.context().close();
    await this.line.cut();
  }

  get field(): Locator {
    return this.page.getByRole("textbox", { name: "New todo" });
  }

  get rows(): Locator {
    return this.page.getByRole("listitem");
  }

  get alerts(): Locator {
    return this.page.getByRole("alert");
  }

  checkbox(text: string): Locator {
    return this.page.getByRole("checkbox", { name: text, exact: true });
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  row(text: string): Locator {
    return this.rows.filter({ has: this.checkbox(text) });
  }

  filterButton(filter: Filter): Locator {
    return this.page.getByRole("group", { name: "Show" }).getByRole("button", { name: new RegExp(`^${filter} `) });
  }

  async add(...texts: string[]): Promise<void> {
    for (const text of texts) {
      await this.field.fill(text);
      await this.field.press("Enter");
    }
  }

  async edit(text: string, changed: string): Promise<void> {
    await this.row(text).getByText(text, { exact: true }).dblclick();
    const editor = this.page.getByRole("textbox", { name: /^Edit todo/ });
    await editor.fill(changed);
    await editor.press("Enter");
  }

  async toggle(text: string): Promise<void> {
    await this.checkbox(text).click();
  }

  async remove(text: string): Promise<void> {
    await this.row(text).hover();
    await this.button(`Delete ${text}`).click();
  }

  async show(filter: Filter): Promise<void> {
    await this.filterButton(filter).click();
  }

  async shown(): Promise<Shown> {
    const todos = await this.rows.evaluateAll((rows) =>
      rows
        .toSorted((a, b) => Number(a.ariaPosInSet) - Number(b.ariaPosInSet))
        .map((row) => row.querySelector<HTMLInputElement>("input[type=checkbox]"))
        .map((box) => `${box?.checked ? "[x] " : ""}${box?.ariaLabel}`),
    );
    const counts = await this.page.getByRole("group", { name: "Show" }).getByRole("button").allInnerTexts();
    return { todos, counts: counts.map((text) => text.replace(/\D/g, "")).join(" ") };
  }

  /** Asserts that the window comes to show this. */
  async shows(todos: string[], counts: string): Promise<void> {
    await eventually(async () => await this.shown()).toEqual({ todos, counts });
  }

  /** Texts of the todos that are marked as not saved. */
  async unsaved(): Promise<string[]> {
    const boxes = this.rows.filter({ hasText: "not saved yet" }).getByRole("checkbox");
    return await boxes.evaluateAll((all) => all.map((box) => box.ariaLabel ?? ""));
  }

  async status(): Promise<string> {
    return (await this.page.getByRole("status").innerText()).trim();
  }

  /** Asserts that the window comes to say where it keeps things. */
  async keepsIn(storage: "memory" | "persistent"): Promise<void> {
    await eventually(async () => await this.page.getByRole("status").getAttribute("data-storage")).toBe(storage);
  }

  /** Asserts that the window comes to be in step, with nothing on its way. */
  async live(): Promise<void> {
    await eventually(async () => await this.status()).toBe("Live");
    await eventually(async () => await this.unsaved()).toEqual([]);
  }

  /** Cuts this window's line, and waits until the page knows. */
  async goOffline(): Promise<void> {
    this.expectLostLine();
    await this.line.cut();
    await eventually(async () => await this.status()).toMatch(/^Offline/);
  }

  async goOnline(): Promise<void> {
    await this.line.open();
  }

  /** Has the page dial at once, as after an outage of the network, instead of in a second. */
  async hurry(): Promise<void> {
    await this.page.evaluate(() => dispatchEvent(new Event("online")));
  }

  /** From now on the browser may report that a WebSocket cannot connect. */
  expectLostLine(): void {
    this.#lostLine = true;
  }

  #onConsole(message: ConsoleMessage): void {
    if (message.type() !== "error") return;
    if (this.#lostLine && /^WebSocket connection to 'ws:\S+' failed/.test(message.text())) return;
    this.complaints.push(message.text());
  }
}
