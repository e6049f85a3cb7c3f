// SPDX-License-Identifier: MIT
// Lines that break and servers that die: nothing is lost, nothing happens twice, and the page says how it stands.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Stage } from "./stage.ts";
import { eventually } from "./todo-window.ts";

const stage = new Stage();
beforeAll(async () => await stage.start());
afterEach(async () => await stage.closeWindows());
afterAll(async () => await stage.dispose());

test("the server is killed: both windows say so, work on, and converge once it is back", async () => {
  const [a, b] = await stage.openTwo("killed");
  await a.add("before");
  await b.shows(["before"], "1 1 0");
  await stage.whileKilled(async () => {
    for (const window of [a, b]) await eventually(async () => await window.status()).toBe("Offline");
    await a.add("a1", "a2");
    await a.toggle("before");
    await b.add("b1");
    await a.shows(["a2", "a1", "[x] before"], "3 2 1");
    await b.shows(["b1", "before"], "2 2 0");
    expect(await a.unsaved()).toEqual(["a2", "a1", "before"]);
    expect(await b.unsaved()).toEqual(["b1"]);
    expect(await a.status()).toBe("Offline, 3 waiting");
    expect(await b.status()).toBe("Offline, 1 waiting");
  });
  for (const window of [a, b]) await window.live();
  // Who was back first is chance, and so is the order of what they bring.
  await eventually(async () => (await b.shown()).todos.toSorted()).toEqual(["[x] before", "a1", "a2", "b1"]);
  const { todos } = await b.shown();
  expect(todos.filter((text) => text.startsWith("a"))).toEqual(["a2", "a1"]);
  await a.shows(todos, "4 3 1");
  await a.reload();
  await a.shows(todos, "4 3 1");
}, 90_000);

test("the server is killed with actions on their way and answers on theirs: each todo is there exactly once", async () => {
  const [a, b] = await stage.openTwo("in flight");
  await a.add("answered");
  await a.live();
  a.line.holdAnswers();
  await a.add("done, unanswered 1", "done, unanswered 2");
  await b.shows(["done, unanswered 2", "done, unanswered 1", "answered"], "3 3 0");
  a.line.holdRequests();
  await a.add("never arrived 1", "never arrived 2");
  const todos = ["never arrived 2", "never arrived 1", "done, unanswered 2", "done, unanswered 1", "answered"];
  await a.shows(todos, "5 5 0");
  expect(await a.unsaved()).toEqual(todos.slice(0, 4));
  await stage.whileKilled(async () => {
    await a.goOffline();
    expect(await a.status()).toBe("Offline, 4 waiting");
  });
  await a.goOnline();
  await a.live();
  for (const window of [a, b]) await window.shows(todos, "5 5 0");
  await a.reload();
  await a.shows(todos, "5 5 0");
}, 90_000);

test("a window that was cut off gets what it missed, deletions included, and brings what it did meanwhile", async () => {
  const [a, b] = await stage.openTwo("cut off");
  await a.add("stays", "goes", "goes too");
  await b.shows(["goes too", "goes", "stays"], "3 3 0");
  await a.goOffline();
  await b.remove("goes");
  await b.toggle("goes too");
  await b.button("Clear completed").click();
  await b.add("new");
  await b.shows(["new", "stays"], "2 2 0");
  await a.add("mine");
  await a.shows(["mine", "goes too", "goes", "stays"], "4 4 0");
  expect(await a.unsaved()).toEqual(["mine"]);
  await a.goOnline();
  await a.live();
  for (const window of [a, b]) await window.shows(["mine", "new", "stays"], "3 3 0");
}, 60_000);

test("airplane mode: the page says so at once, works on, dials nothing meanwhile, and dials once when it is over", async () => {
  const [a, b] = await stage.openTwo("airplane");
  await a.add("before");
  await b.shows(["before"], "1 1 0");
  const session = await a.page.context().newCDPSession(a.page);
  const setOffline = async (offline: boolean) => {
    await session.send("Network.emulateNetworkConditions", { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  };
  let dials = 0;
  a.page.on("websocket", () => dials++);
  a.expectLostLine();
  await setOffline(true);
  await eventually(async () => await a.status()).toBe("Offline");
  await a.line.cut();
  await a.add("from above");
  await a.toggle("before");
  await b.add("from below");
  await a.shows(["from above", "[x] before"], "2 1 1");
  expect(await a.unsaved()).toEqual(["from above", "before"]);
  expect(await a.status()).toBe("Offline, 2 waiting");
  // Longer than the first few tries of a socket that would dial all the time.
  await a.page.waitForTimeout(4000);
  expect(dials).toBe(0);
  await a.line.open();
  await setOffline(false);
  await a.live();
  expect(dials).toBe(1);
  for (const window of [a, b]) await window.shows(["from above", "from below", "[x] before"], "3 2 1");
}, 60_000);

test("a line that stalls without breaking: what is not saved is marked, and goes through afterwards", async () => {
  const [a, b] = await stage.openTwo("stalled");
  await a.add("one");
  await b.shows(["one"], "1 1 0");
  a.expectLostLine();
  await a.page.context().setOffline(true);
  await a.add("two");
  await eventually(async () => await a.unsaved()).toEqual(["two"]);
  await b.remove("one");
  await b.shows([], "0 0 0");
  await a.shows(["two", "one"], "2 2 0");
  await a.page.context().setOffline(false);
  await a.live();
  for (const window of [a, b]) await window.shows(["two"], "1 1 0");
}, 60_000);

test("an edit of what another has deleted is taken back alone, and the page says why until it is dismissed", async () => {
  const [a, b] = await stage.openTwo("conflict");
  await a.add("doomed", "fine");
  await b.shows(["fine", "doomed"], "2 2 0");
  await a.goOffline();
  await a.edit("doomed", "rewritten");
  await a.edit("fine", "better");
  await a.add("third");
  await a.shows(["third", "better", "rewritten"], "3 3 0");
  await b.remove("doomed");
  await b.shows(["fine"], "1 1 0");
  expect(await a.alerts.count()).toBe(0);
  await a.goOnline();
  await a.live();
  for (const window of [a, b]) await window.shows(["third", "better"], "2 2 0");
  await eventually(async () => await a.alerts.getByRole("paragraph").allInnerTexts()).toEqual([
    "Could not change a todo to “rewritten”. That todo is gone.",
  ]);
  expect(await b.alerts.count()).toBe(0);
  await a.alerts.getByRole("button", { name: "Dismiss" }).click();
  await eventually(async () => await a.alerts.count()).toBe(0);
  await a.shows(["third", "better"], "2 2 0");
}, 60_000);

test("what somebody wrote is not lost with its rejection: a new todo is made of it, beside what is being written", async () => {
  const [a, b] = await stage.openTwo("try again");
  await a.add("doomed");
  await b.shows(["doomed"], "1 1 0");
  await a.goOffline();
  await a.edit("doomed", "a long thought");
  await b.remove("doomed");
  await b.shows([], "0 0 0");
  await a.field.fill("Wait:");
  await a.goOnline();
  await a.alerts.getByRole("button", { name: "Try again" }).click();
  await eventually(async () => await a.alerts.count()).toBe(0);
  expect(await a.field.inputValue()).toBe("Wait: a long thought");
  await a.field.press("Enter");
  for (const window of [a, b]) await window.shows(["Wait: a long thought"], "1 1 0");
}, 60_000);

test("an edit that was rejected though its todo is there opens again with what was written", async () => {
  const a = await stage.open("edit again");
  await a.add("as it was");
  await a.live();
  await a.page.routeWebSocket(/parties/, (page) => {
    const object = page.connectToServer();
    page.onMessage((message) => {
      const { actions = [] } = String(message).startsWith("{") ? JSON.parse(String(message)) : {};
      const update = actions.find(({ type }: { type: string }) => type === "update");
      const outcome = { number: update?.number, status: "rejected", code: "conflict", message: "Somebody was faster." };
      if (update) page.send(JSON.stringify({ type: "patch", epoch: "", changes: [], outcomes: [outcome] }));
      else object.send(message);
    });
  });
  await a.reload();
  await a.edit("as it was", "as it should be");
  await a.shows(["as it was"], "1 1 0");
  await a.alerts.getByRole("button", { name: "Try again" }).click();
  const editor = a.page.getByRole("textbox", { name: /^Edit todo/ });
  await eventually(async () => await editor.inputValue()).toBe("as it should be");
  expect(await a.alerts.count()).toBe(0);
}, 60_000);
