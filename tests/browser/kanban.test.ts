// SPDX-License-Identifier: MIT
// The board in Chromium, with two people who may not see the same. What arrives is read off the sockets: a page that merely hides something would not pass.
import { chromium, type Browser, type Locator, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ServerProcess } from "../workerd/process.ts";
import { chromiumOptions } from "./chromium.ts";
import { eventually } from "./todo-window.ts";

const server = new ServerProcess("tests/browser/kanban.wrangler.toml");
let browser: Browser;
let windows: BoardWindow[] = [];

beforeAll(async () => void ([browser] = await Promise.all([chromium.launch(chromiumOptions()), server.start()])));
afterEach(async () => {
  const complaints = windows.flatMap((window) => window.complaints);
  for (const window of windows) await window.page.context().close();
  windows = [];
  expect(complaints).toEqual([]);
});
afterAll(async () => {
  await browser.close();
  await server.dispose();
});

/** One person's window on a board. */
class BoardWindow {
  readonly page: Page;
  /** Every frame that the page has got. */
  readonly frames: string[] = [];
  readonly complaints: string[] = [];

  constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(15_000);
    page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => void this.frames.push(String(payload))));
    page.on("pageerror", (error) => void this.complaints.push(String(error)));
    page.on("console", (message) => void (message.type() === "error" && this.complaints.push(message.text())));
  }

  column(name: string): Locator {
    return this.page.getByRole("region", { name, exact: true });
  }

  card(title: string): Locator {
    return this.page.getByRole("article", { name: title, exact: true });
  }

  async add(column: string, ...titles: string[]): Promise<void> {
    const field = this.column(column).getByRole("textbox", { name: `Add a card to ${column}` });
    for (const title of titles) {
      await field.fill(title);
      await field.press("Enter");
      await this.card(title).waitFor();
    }
  }

  /** The cards by column, in their order. */
  async shown(): Promise<Record<string, string[]>> {
    const columns = this.page.getByRole("region");
    return await columns.evaluateAll((all) => Object.fromEntries(all.map((column) => [column.ariaLabel, [...column.querySelectorAll("article")].map((card) => card.ariaLabel)])));
  }

  async activity(): Promise<string[]> {
    return await this.page.getByRole("log").locator("li span").allInnerTexts();
  }

  async shows(columns: Record<string, string[]>): Promise<void> {
    await eventually(async () => await this.shown()).toEqual({ "To do": [], Doing: [], Done: [], ...columns });
  }

  async settled(): Promise<void> {
    await eventually(async () => await this.page.getByRole("status").innerText()).toBe("Live");
    await eventually(async () => await this.page.locator("[data-pending=true]").count()).toBe(0);
  }
}

async function open(board: string, user: string): Promise<BoardWindow> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 760 }, locale: "en-US" });
  const window = new BoardWindow(await context.newPage());
  windows.push(window);
  await window.page.goto(`${server.url}/?board=${board}&user=${user}`);
  await window.settled();
  return window;
}

test("whatever one does, by keys, by mouse and by the fields, the other sees, with its history", async () => {
  const [ann, bob] = [await open("two", "ann"), await open("two", "bob")];
  await ann.add("To do", "Write", "Test", "Ship");
  await bob.shows({ "To do": ["Write", "Test", "Ship"] });
  await bob.card("Ship").press("ArrowUp");
  await ann.shows({ "To do": ["Write", "Ship", "Test"] });
  await bob.card("Ship").press("ArrowRight");
  await ann.shows({ "To do": ["Write", "Test"], Doing: ["Ship"] });
  await eventually(async () => await bob.card("Ship").evaluate((card) => card === document.activeElement)).toBe(true);
  await bob.page.keyboard.press("ArrowRight");
  await ann.shows({ "To do": ["Write", "Test"], Done: ["Ship"] });
  await ann.card("Test").dragTo(ann.column("Doing"));
  await bob.shows({ "To do": ["Write"], Doing: ["Test"], Done: ["Ship"] });
  await ann.card("Test").press("Enter");
  await ann.page.keyboard.type("Prove");
  await ann.page.keyboard.press("Enter");
  await bob.shows({ "To do": ["Write"], Doing: ["Prove"], Done: ["Ship"] });
  await bob.card("Write").press("Delete");
  await ann.shows({ Doing: ["Prove"], Done: ["Ship"] });
  await bob.column("Doing").getByRole("textbox", { name: "Name of Doing" }).fill("At work");
  await bob.page.keyboard.press("Enter");
  await eventually(async () => Object.keys(await ann.shown())).toEqual(["To do", "At work", "Done"]);
  const history = ["Write removed by bob", "Prove renamed by ann", "Test moved to Doing by ann", "Ship moved to Done by bob", "Ship moved to Doing by bob", "Ship added by ann"];
  for (const window of [ann, bob]) await eventually(async () => (await window.activity()).slice(0, 6)).toEqual(history);
  expect(await ann.page.getByRole("list", { name: "Members" }).getByRole("listitem").evaluateAll((all) => all.map((member) => member.ariaLabel))).toEqual(["ann", "bob"]);
});

test("of a private card nothing arrives at others, and a card made private is gone at once, with its history", async () => {
  const [ann, bob] = [await open("private", "ann"), await open("private", "bob")];
  await ann.add("To do", "Party");
  await bob.shows({ "To do": ["Party"] });
  await ann.page.getByRole("button", { name: "Private: Party" }).click();
  await bob.shows({});
  await eventually(async () => await bob.activity()).toEqual([]);
  const heard = bob.frames.length;
  await ann.card("Party").press("Enter");
  await ann.page.keyboard.type("Surprise for Bob");
  await ann.page.keyboard.press("Enter");
  await ann.card("Surprise for Bob").press("ArrowRight");
  await ann.shows({ Doing: ["Surprise for Bob"] });
  await ann.settled();
  await ann.add("To do", "Everybody's");
  await bob.shows({ "To do": ["Everybody's"] });
  const later = bob.frames.slice(heard).join();
  expect(later).toContain("Everybody's");
  expect(later).not.toContain("Surprise");
  const carol = await open("private", "carol");
  await carol.shows({ "To do": ["Everybody's"] });
  expect(carol.frames.join()).not.toMatch(/Surprise|Party/);
  await bob.page.reload();
  await bob.shows({ "To do": ["Everybody's"] });
  await ann.page.getByRole("button", { name: "Private: Surprise for Bob" }).click();
  for (const window of [bob, carol]) {
    await window.shows({ "To do": ["Everybody's"], Doing: ["Surprise for Bob"] });
    await eventually(async () => (await window.activity())[0]).toBe("Surprise for Bob shared by ann");
  }
});

test("what is due is told to everybody who may see it, by an alarm", async () => {
  const [ann, bob] = [await open("due", "ann"), await open("due", "bob")];
  await ann.add("To do", "Secret", "Pay the rent");
  await ann.page.getByRole("button", { name: "Private: Secret" }).click();
  for (const title of ["Secret", "Pay the rent"]) {
    await ann.page.getByRole("button", { name: `Due date of ${title}` }).click();
    await ann.page.getByLabel(`Due date of ${title}`).fill("2020-01-01T09:00:00");
    await ann.page.keyboard.press("Enter");
  }
  await eventually(async () => (await ann.activity()).filter((line) => line.endsWith("is due")).toSorted()).toEqual(["Pay the rent is due", "Secret is due"]);
  await eventually(async () => (await bob.activity()).filter((line) => line.endsWith("is due"))).toEqual(["Pay the rent is due"]);
  for (const window of [ann, bob]) expect(await window.card("Pay the rent").getAttribute("data-due")).toBe("true");
  await ann.page.mouse.move(0, 0);
  const picture = process.env["KANBAN_PICTURE"];
  if (picture) await ann.page.screenshot({ path: picture });
});

/** What the object says of an action that no button of the page sends. */
async function attempt({ page }: BoardWindow, board: string, user: string, type: string, payload: object): Promise<unknown> {
  const address = `${server.url.replace("http", "ws")}/parties/board/${board}?user=${user}`;
  const actions = [{ number: 1, channel: "cards", type, payload }];
  return await page.evaluate(
    async ([url, ...frames]) => {
      const socket = new WebSocket(url ?? "");
      await new Promise((resolve) => (socket.onopen = resolve));
      for (const frame of frames) socket.send(frame);
      const answer = await new Promise<string>((resolve) => (socket.onmessage = ({ data }) => String(data).includes("outcomes") && resolve(String(data))));
      socket.close();
      const [outcome] = (JSON.parse(answer) as { outcomes: { code?: string }[] }).outcomes;
      return outcome?.code;
    },
    [address, JSON.stringify({ type: "hello", protocol: 2, client: `${type}-${user}-${Math.random()}`.replace(".", "") }), JSON.stringify({ type: "actions", acknowledged: 0, actions })],
  );
}

test("who does not say who they are is asked, and another's card is not theirs to hide", async () => {
  const context = await browser.newContext();
  const window = new BoardWindow(await context.newPage());
  windows.push(window);
  await window.page.goto(`${server.url}/?board=door`);
  await window.page.getByRole("textbox", { name: "Your name" }).fill("dora");
  await window.page.keyboard.press("Enter");
  await window.settled();
  await window.add("To do", "Mine");
  const eve = await open("door", "eve");
  await eve.shows({ "To do": ["Mine"] });
  expect(await eve.page.getByRole("button", { name: "Private: Mine" }).count()).toBe(0);
  const [, id = ""] = /\[\["([0-9a-f-]{36})"\],\["todo"\],\["Mine"\]/.exec(eve.frames.join()) ?? [];
  expect(await attempt(eve, "door", "eve", "share", { id, private: 1 })).toBe("forbidden");
  await window.page.getByRole("button", { name: "Private: Mine" }).click();
  await eve.shows({});
  for (const [type, more] of [["share", { private: 0 }], ["rename", { title: "Eve's" }], ["move", { column: "done", position: 1 }], ["remove", {}]] as const)
    expect(await attempt(eve, "door", "eve", type, { id, ...more })).toBe("not_found");
  expect(await attempt(eve, "door", "eve", "rename", { id, title: " " })).toBe("invalid_payload");
  await window.shows({ "To do": ["Mine"] });
});
