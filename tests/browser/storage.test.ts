// SPDX-License-Identifier: MIT
// Browsers that keep nothing, or stop keeping: the page works from memory and says so, and nothing happens twice.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Stage } from "./stage.ts";
import { eventually } from "./todo-window.ts";

const stage = new Stage();
beforeAll(async () => await stage.start());
afterEach(async () => await stage.closeWindows());
afterAll(async () => await stage.dispose());

test("a browser that refuses storage: the page works from memory, offline, too, and says what that means", async () => {
  const [a, b] = [await stage.openForgetful("refused"), await stage.open("refused")];
  await a.keepsIn("memory");
  await b.keepsIn("persistent");
  await a.add("one");
  for (const window of [a, b]) await window.shows(["one"], "1 1 0");
  await a.live();
  await a.goOffline();
  await a.add("two");
  await a.shows(["two", "one"], "2 2 0");
  expect(await a.status()).toBe("Offline, 1 waiting: keep this page open");
  await a.goOnline();
  await a.live();
  for (const window of [a, b]) await window.shows(["two", "one"], "2 2 0");
  await a.reload();
  await a.shows(["two", "one"], "2 2 0");
}, 60_000);

test("a storage that breaks while an action is being saved: the page goes on from memory, and the action is done once", async () => {
  const [a, b] = await stage.openTwo("broken");
  await a.keepsIn("persistent");
  await a.add("before");
  await b.shows(["before"], "1 1 0");
  await a.live();
  await a.page.evaluate(() => {
    IDBDatabase.prototype.transaction = () => {
      throw new DOMException("The disk is gone.", "UnknownError");
    };
  });
  await a.add("after");
  await a.keepsIn("memory");
  await a.live();
  for (const window of [a, b]) await window.shows(["after", "before"], "2 2 0");
  await a.reload();
  await a.keepsIn("persistent");
  await a.shows(["after", "before"], "2 2 0");
}, 60_000);

test("somebody clears the site's data under an open page: it goes on, and nothing is lost or doubled", async () => {
  const [a, b] = await stage.openTwo("cleared");
  await a.add("before");
  await a.live();
  const session = await a.page.context().newCDPSession(a.page);
  const { origin } = new URL(a.line.url);
  await session.send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
  await a.add("after");
  await a.toggle("before");
  for (const window of [a, b]) await window.shows(["after", "[x] before"], "2 1 1");
  await a.live();
  await a.reload();
  await a.shows(["after", "[x] before"], "2 1 1");
  await eventually(async () => await a.alerts.count()).toBe(0);
}, 60_000);
