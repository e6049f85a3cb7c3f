// SPDX-License-Identifier: MIT
// Who is turned away before there is an object gets to know it, and sockets of the app's own are none of the library's business.
import { PartySocket } from "partysocket";
import { afterAll, beforeAll, expect, test } from "vitest";
import { storeOf } from "../../client/index.ts";
import { TestSocket } from "./server.ts";
import { Workerd } from "./workerd.ts";

const server = new Workerd("tests/workerd/wrangler.toml");
beforeAll(async () => await server.start());
afterAll(async () => await server.dispose());

/** A socket to any address, open. */
async function dial(path: string, protocols: string[] = []): Promise<TestSocket> {
  const socket = new WebSocket(server.url.replace("http", "ws") + path, protocols);
  const test = new TestSocket(socket);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  return test;
}

const unknown = { code: 4404, reason: "unknown_object" };
const invalid = { code: 4400, reason: "invalid_name" };
const longest = "é".repeat(512);

test.each([
  ["an unknown party", "/parties/labs/room", unknown],
  ["a party in capitals", "/parties/Redefined/room", unknown],
  ["no party", "/parties", unknown],
  ["no name", "/parties/redefined/", unknown],
  ["a name that is not encoded", "/parties/redefined/50%", invalid],
  ["bytes that are no UTF-8", "/parties/redefined/%ff", invalid],
  ["a name that is too long", `/parties/redefined/${longest}x`, invalid],
  ["a name with a slash in it", "/parties/redefined/one/two", unknown],
])("a socket for %s is opened, and closed with a code", async (_, path, end) => {
  const socket = await dial(path, ["durasync", "token"]);
  expect(socket.protocol).toBe("durasync");
  expect(await socket.end).toEqual(end);
});

test.each([
  ["/parties/labs/room", 404, "There is no such object.\n"],
  ["/parties/redefined/", 404, "There is no such object.\n"],
  ["/parties/redefined/50%", 400, "The name is not URL-encoded.\n"],
  [`/parties/redefined/${longest}x`, 400, "The name has more than 1024 bytes.\n"],
  ["/parties/redefined/one/two", 200, "done"],
])("a request for %s is answered by %d", async (path, status, body) => {
  const response = await fetch(server.url + path);
  expect({ status: response.status, body: await response.text() }).toEqual({ status, body });
});

test("the log says once which parties there are", () => {
  const told = server.said.split('there is no party "labs". Those that there are: todos, schema,').length - 1;
  expect(told).toBe(1);
});

test.each([longest, "a/b", "50%", "a b", "?#"])("the name %s, encoded, is that of an object", async (name) => {
  const socket = await dial(`/parties/redefined/${encodeURIComponent(name)}`);
  expect(await socket.hello("reader")).toMatchObject({ type: "welcome" });
});

test.each([["labs", "room", "unknown_object"], ["redefined", "50%", "invalid_name"]])("a page of party %s, room %s says what is wrong, and dials no more", async (party, room, code) => {
  const socket = new PartySocket({ host: new URL(server.url).host, party, room, minReconnectionDelay: 1, maxReconnectionDelay: 1 });
  let closed = 0;
  socket.addEventListener("close", () => void closed++);
  const store = storeOf(socket);
  const failed = new Promise<void>((resolve) => store.subscribe("notes", () => store.getState("notes").status.state === "failed" && resolve()));
  await failed;
  expect(store.getState("notes").status.error).toMatchObject({ code });
  await new Promise((resolve) => setTimeout(resolve, 300)); // many dials, were there any
  expect(closed).toBe(1);
  store.close();
  socket.close();
});

const take = async (name: string, step: string): Promise<unknown> => await (await fetch(`${server.url}/parties/redefined/${name}?step=${encodeURIComponent(step)}`)).json();

test.each(["plain&tagged", "plain"])("a socket of the app's own (%s) is left alone", async (how) => {
  const name = how.replace("&", "-");
  const own = await dial(`/parties/redefined/${name}?${how}`);
  const ours = await dial(`/parties/redefined/${name}`);
  expect(await ours.subscribe("reader", "notes")).toMatchObject({ type: "page" });
  own.send({ type: "hello", protocol: 2, client: "own" }); // nobody answers but the app
  own.send("hello, echo");
  expect(await own.receive()).toBe("echo");
expect(await take(name, "sockets")).toBe(1);
  expect(await take(name, "shut everybody out")).toBe(1);
  expect(await ours.end).toMatchObject({ code: 4403 });
  const again = await dial(`/parties/redefined/${name}`);
  await again.subscribe("reader", "notes");
  await take(name, "empty"); // closes every socket of ours
  expect(await again.end).toMatchObject({ code: 1012 });
  own.send("hello, echo");
  expect(await own.receive()).toBe("echo");
  const other = await dial(`/parties/redefined/${name}?${how}`);
  other.close();
  await other.end;
  own.send("hello, echo");
  expect(await own.receive()).toBe("echo");
});
