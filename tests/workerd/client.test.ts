// SPDX-License-Identifier: MIT
// The client, over the socket that a page uses, before an object that says more than rows: reasons, events, refusals.
import { PartySocket } from "partysocket";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { storeOf, type StoreOptions } from "../../client/index.ts";
import { startServer, type Server } from "./server.ts";

let server: Server;
const ends: (() => void)[] = [];

beforeAll(async () => void (server = await startServer()));
afterEach(() => {
  for (const end of ends.splice(0)) end();
});
afterAll(async () => await server.close());

/** A page that follows a channel of an object in TypeScript. */
function open(room: string, { user, channel = "notes", ...options }: StoreOptions & { user?: string; channel?: string } = {}) {
  const socket = new PartySocket({ host: server.url.host, party: "scripted", room, ...(user && { query: { user } }) });
  const store = storeOf(socket, options);
  const end = store.subscribe(channel, () => {});
  ends.push(() => {
    end();
    store.close();
    socket.close();
  });
  const status = () => store.getState(channel).status;
  const becomes = async (state: string) => await vi.waitFor(() => expect(status().state).toBe(state), 10_000);
  return { socket, store, status, becomes };
}

test("what a handler says besides its code reaches the receipt and whoever listens to rejections", async () => {
  const { store, becomes } = open("data");
  await becomes("live");
  const told = vi.fn();
  store.onRejected(told);
  const action = { type: "conflict", payload: { id: "x" } };
  const error: unknown = await store.send("notes", action).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "conflict", message: "Somebody was faster.", data: { winner: "b" } });
  expect(told).toHaveBeenCalledExactlyOnceWith(error, action, "notes");
  const invalid = store.send("notes", { type: "checked", payload: { id: "x" } });
  await expect(invalid).rejects.toMatchObject({ code: "invalid_payload", data: { path: ["text"] } });
  const first = await store.send("notes", { type: "create", payload: { id: "y", text: "milk" } });
  expect(first.result).toEqual([["y", "milk", null]]);
  const again = store.send("notes", { type: "create", payload: { id: "y", text: "milk" } });
  await expect(again).rejects.toMatchObject({ code: "constraint", data: { constraint: "unique", name: "notes.id" } });
});

test("events reach who listens, until they do no more", async () => {
  const { store, becomes } = open("events");
  await becomes("live");
  const [heard, elsewhere] = [vi.fn(), vi.fn()];
  const end = store.onEvent("notes", heard);
  store.onEvent("secrets", elsewhere);
  await server.fetch("/scripted/broadcast?name=events&id=ann");
  await vi.waitFor(() => expect(heard).toHaveBeenCalledExactlyOnceWith({ typing: "ann" }));
  end();
  await server.fetch("/scripted/broadcast?name=events&id=bob");
  await store.send("notes", { type: "create", payload: { id: "after", text: "" } });
  expect([heard.mock.calls.length, elsewhere.mock.calls.length]).toEqual([1, 0]);
});

test.each([[1, "app_too_old"], [4, "app_too_new"]])("a page of version %i learns that it does not fit the object", async (app, code) => {
  const { status, becomes } = open("versions", { app });
  await becomes("needs-update");
  expect(status().error?.code).toBe(code);
});

test("a page of a version that fits is let in", async () => {
  await open("versions", { app: 2 }).becomes("live");
});

test("who is not let in is told so and does not knock again; who may not read a channel, only that", async () => {
  const mallory = open("door", { user: "mallory" });
  await mallory.becomes("denied");
  expect([mallory.status().error?.code, mallory.socket.shouldReconnect]).toEqual(["forbidden", false]);
  const guest = open("door", { user: "ann", channel: "secrets" });
  await guest.becomes("denied");
  await open("door", { user: "root", channel: "secrets" }).becomes("live");
});
