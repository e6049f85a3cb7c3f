// SPDX-License-Identifier: MIT
// One app written twice, in C (tests/apps/conform, tests/apps/release-*) and in TypeScript (conform-worker.ts), held to one set of expectations.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { limits } from "../../wasm/build/protocol.ts";
import { rowsOf } from "../rows.ts";
import { partyOf, startServer, type ConnectOptions, type Server, type TestSocket } from "./server.ts";

let server: Server;
beforeAll(async () => void (server = await startServer()));
afterAll(async () => await server.close());

type Frame = Record<string, unknown>;
const outcomesOf = (frame: Frame) => frame["outcomes"] as { number: number; status: string; code?: string }[];
const internal = "The object failed while it handled the frame; nothing of it was kept.";
const refused = "A constraint of the table refused the change.";

/** What an action is answered by: its outcome, and what it put and deleted. Each runs on an object of its own, which holds the note "1" of ann's beside that of the start. */
const actions: [type: string, payload: unknown, outcome: object, changes: object[]][] = [
  ["create", { id: "2", text: "milk" }, { status: "committed" }, [{ put: [["2", "milk", "ann"]] }]],
  ["create", { id: "é🧑‍🚀", text: "\u0000\\\"\u2028" }, { status: "committed" }, [{ put: [["é🧑‍🚀", "\u0000\\\"\u2028", "ann"]] }]],
  ["rename", { id: "1", text: "oat milk" }, { status: "committed" }, [{ set: [{ columns: [1], rows: [["1", "oat milk"]] }] }]],
  ["rename", { id: "1", text: "first" }, { status: "committed" }, []],
  ["count", null, { status: "committed", result: { count: 2 } }, []],
  ["who", undefined, { status: "committed", result: { user: "ann", role: "guest" } }, []],
  ["many", { count: 3 }, { status: "committed" }, [{ put: [["00001", "one of many", null], ["00002", "one of many", null], ["00003", "one of many", null]] }]],
  ["no such type", {}, { status: "rejected", code: "unknown_action", message: "The channel has no action of that type." }, []],
  ["create", { text: "x" }, { status: "rejected", code: "invalid_payload", message: "`id` must be a string of 1 to 64 bytes, and not blank.", data: { path: ["id"] } }, []],
  ["create", { id: "x", text: 1 }, { status: "rejected", code: "invalid_payload", message: "`text` must be a string of 0 to 2000 bytes.", data: { path: ["text"] } }, []],
  ["create", { id: "é".repeat(33), text: "" }, { status: "rejected", code: "invalid_payload", message: "`id` must be a string of 1 to 64 bytes, and not blank.", data: { path: ["id"] } }, []],
  ["create", "milk", { status: "rejected", code: "invalid_payload", message: "The payload must be an object.", data: { path: [] } }, []],
  ["create", undefined, { status: "rejected", code: "invalid_payload", message: "The payload must be an object.", data: { path: [] } }, []],
  ["create", { id: "1", text: "again" }, { status: "rejected", code: "constraint", message: refused, data: { constraint: "unique", name: "notes.id" } }, []],
  ["create", { id: "2", text: "x".repeat(100) }, { status: "rejected", code: "constraint", message: refused, data: { constraint: "check", name: "short" } }, []],
  ["nothing", { id: "2" }, { status: "rejected", code: "constraint", message: refused, data: { constraint: "not null", name: "notes.text" } }, []],
  ["large", { id: "2" }, { status: "rejected", code: "record_too_large", message: "The record would be larger than a frame can carry." }, []],
  ["large result", { id: "2", text: "" }, { status: "rejected", code: "internal", message: internal }, []],
  ["rename", { id: "9", text: "" }, { status: "rejected", code: "not_found", message: "The record does not exist." }, []],
  ["conflict", { id: "2", text: "" }, { status: "rejected", code: "conflict", message: "Somebody was faster.", data: { winner: "b" } }, []],
  ["refuse", { id: "2", text: "" }, { status: "rejected", code: "rejected", message: "The application refused the action." }, []],
  ["wipe", null, { status: "rejected", code: "forbidden", message: "The client may not do that." }, []],
  ["fail", { id: "2", text: "" }, { status: "rejected", code: "internal", message: internal }, []],
];

describe.each(["ConformC", "ConformTs"] as const)("%s", (app) => {
  const connect = async (name: string, options?: ConnectOptions) => await server.connect(app, name, options);
  const notes = async (name: string) => (await server.sql(app, name, "SELECT id FROM notes WHERE id <> '0' ORDER BY id")).map(({ id }) => id);
  const act = async (socket: TestSocket, number: number, type: string, payload?: unknown) => await socket.act(number, "notes", type, payload);

  async function follow(name: string, client: string, user = "ann"): Promise<TestSocket> {
    const socket = await connect(name, { user });
    await socket.subscribe(client, "notes");
    return socket;
  }

  test("what the start makes is there before anybody is answered, and whatever is missing is made at the next", async () => {
    const a = await connect("start");
    expect(await a.subscribe("a", "notes")).toEqual({
      type: "page", channel: "notes", epoch: expect.any(String), shape: expect.any(String), version: 0, first: true,
      columns: ["id", "text", "author"], key: [0], total: 1, next: 0, cells: [["0"], ["made at the start"], [null]],
    });
    await server.sql(app, "start", "DELETE FROM notes");
    expect(await a.frame()).toMatchObject({ changes: [{ del: [["0"]] }] });
    await server.hibernate(app, "start");
    a.send({ type: "actions", acknowledged: 0, actions: [{ number: 1, channel: "notes", type: "count" }] });
    const frames = [await a.frame()];
    while (!frames.some((frame) => outcomesOf(frame).length > 0)) frames.push(await a.frame());
    expect(frames.flatMap((frame) => frame["changes"])).toMatchObject([{ put: [["0", "made at the start", null]] }]);
  });

  test.each(actions)("the action %s %j", async (type, payload, outcome, changes) => {
    const name = `${type} ${JSON.stringify(payload)}`.slice(0, 100);
    const a = await follow(name, "a");
    await act(a, 1, "create", { id: "1", text: "first" });
    const b = await follow(name, "b");
    const before = await notes(name);
    const answer = await act(a, 2, type, payload);
    expect(outcomesOf(answer)).toEqual([{ number: 2, ...outcome }]);
    expect(answer).toMatchObject({ type: "patch", changes: changes.map((change) => ({ channel: "notes", ...change })) });
    expect(answer["changes"]).toHaveLength(changes.length);
    expect(JSON.stringify(answer)).not.toMatch(/secret|SQL|nowhere/);
    if (changes.length === 0) expect(await notes(name)).toEqual(before);
    else expect(await b.frame()).toMatchObject({ changes: answer["changes"], outcomes: [] });
    expect(await b.settle()).toEqual([]);
    expect(outcomesOf(await act(a, 3, "count"))).toMatchObject([{ number: 3, status: "committed" }]);
  });

  test("an action on a channel that is not declared, or out of its order, is told so", async () => {
    const a = await follow("astray", "a");
    expect(outcomesOf(await a.act(1, "sqlite_master", "create", {}))).toEqual([{ number: 1, status: "rejected", code: "unknown_channel", message: "No channel of that name is declared." }]);
    a.send({ type: "actions", acknowledged: 0, actions: [{ number: 3, channel: "notes", type: "create", payload: { id: "3", text: "" } }] });
    expect(await a.frame()).toEqual({ type: "error", code: "out_of_order", message: "The action's number is not the next one of its client.", expected: 2 });
  });

  test("outcomes that nobody acknowledges are kept up to their limit, and then the outbox is full", async () => {
    const a = await follow("full", "a");
    let number = 0;
    const batch = (count: number) => Array.from({ length: count }, () => ({ number: ++number, channel: "notes", type: "wipe" }));
    for (const count of [500, 500, 1]) a.send({ type: "actions", acknowledged: 0, actions: batch(count) });
    const codes: string[] = [];
    for (let frame: Frame = {}; frame["type"] !== "error"; ) {
      frame = await a.frame();
      if (frame["type"] === "patch") codes.push(...outcomesOf(frame).map(({ code = "" }) => code));
      else expect(frame).toMatchObject({ code: "outbox_full" });
    }
    while (codes.length < limits.maxOutcomes) codes.push(...outcomesOf(await a.frame()).map(({ code = "" }) => code));
    expect(new Set(codes)).toEqual(new Set(["forbidden"]));
    expect(codes).toHaveLength(limits.maxOutcomes);
    expect(outcomesOf(await a.act(1001, "notes", "count", null))).toMatchObject([{ number: 1001, status: "committed" }]);
  });

  test("an action may change several channels; each reaches those who follow it, and those only who may read it", async () => {
    const root = await connect("channels", { user: "root" });
    await root.subscribe("root", "notes");
    root.send({ type: "subscribe", channel: "secrets", cursor: null });
    expect(await root.frame()).toMatchObject({ type: "page", channel: "secrets", total: 0, cells: [[]] });
    const ann = await follow("channels", "ann");
    ann.send({ type: "subscribe", channel: "secrets", cursor: null });
    expect(await ann.frame()).toEqual({ type: "error", code: "forbidden", message: "The client may not do that.", channel: "secrets" });
    expect(await ann.act(1, "secrets", "keep", { id: "s" })).toMatchObject({ changes: [{ channel: "notes", put: [["s", "a secret was kept", null]] }], outcomes: [{ status: "committed" }] });
    expect(await root.frame()).toMatchObject({ changes: [{ channel: "notes" }, { channel: "secrets", put: [["s"]] }] });
    expect(await ann.settle()).toEqual([]);
    expect(outcomesOf(await root.act(1, "notes", "wipe", null))).toMatchObject([{ status: "committed" }]);
  });

  test("a channel that asks who reads shows everybody rows of their own, across a hibernation", async () => {
    const [ann, bob] = [await connect("mine", { user: "ann" }), await connect("mine", { user: "bob" })];
    await act(await follow("mine", "writer", "ann"), 1, "create", { id: "1", text: "ann's" });
    expect(await ann.subscribe("ann", "mine")).toMatchObject({ total: 1, cells: [["1"], ["ann's"], ["ann"]] });
    expect(await bob.subscribe("bob", "mine")).toMatchObject({ total: 0, cells: [[], [], []] });
    await server.hibernate(app, "mine");
    expect(await act(bob, 1, "create", { id: "2", text: "bob's" })).toMatchObject({ changes: [{ channel: "mine", put: [["2", "bob's", "bob"]] }] });
    expect(await act(bob, 2, "rename", { id: "1", text: "still ann's" })).toMatchObject({ changes: [], outcomes: [{ status: "committed" }] });
    expect(await ann.settle()).toEqual([expect.stringContaining('"set":[{"columns":[1],"rows":[["1","still ann\'s"]]}]')]);
    expect(await bob.settle()).toEqual([]);
    expect(outcomesOf(await bob.act(3, "mine", "create", { id: "3", text: "" }))).toMatchObject([{ code: "unknown_action" }]);
  });

  test("a snapshot comes in pages, the first one small, with what changes in between", async () => {
    const a = await follow("pages", "a");
    await act(a, 1, "many", { count: 5000 });
    const b = await connect("pages");
    const pages = [await b.subscribe("b", "notes")];
    expect(pages[0]).toMatchObject({ first: true, total: 5001, next: expect.any(Number) });
    expect(rowsOf(pages[0] ?? {})).toHaveLength(limits.firstPageRows);
    await act(a, 2, "create", { id: "00000", text: "in between" });
    expect(await b.frame()).toMatchObject({ type: "patch", changes: [{ put: [["00000", "in between", "ann"]] }] });
    for (let last = pages[0]; last?.["next"] !== 0; pages.push(last as Frame)) {
      b.send({ type: "page", channel: "notes", after: last?.["end"], rows: last?.["next"] });
      last = await b.frame();
    }
    const ids = pages.flatMap((page) => rowsOf(page).map(([id]) => id));
    expect(ids).toEqual(["0", ...Array.from({ length: 5000 }, (_, i) => String(i + 1).padStart(5, "0"))]);
  });

  test("who was away resumes from its cursor, deletions included", async () => {
    const a = await follow("resume", "a", "root");
    await act(a, 1, "create", { id: "1", text: "stays" });
    const b = await connect("resume");
    const { epoch, shape, version } = await b.subscribe("b", "notes");
    b.close();
    await act(a, 2, "create", { id: "2", text: "new" });
    await act(a, 3, "rename", { id: "1", text: "changed" });
    const again = await connect("resume");
    expect(await again.subscribe("b", "notes", { epoch, shape, version })).toMatchObject({ changes: [{ from: 1, to: 3, put: expect.arrayContaining([["2", "new", "root"]]) }] });
    await act(a, 4, "wipe");
    const last = await connect("resume");
    const missed = await last.subscribe("b", "notes", { epoch, shape, version });
    expect(missed).toMatchObject({ changes: [{ from: 1, to: 6, del: expect.arrayContaining([["0"], ["1"]]) }] });
  });

  test("a repeated action is answered from the store and runs once, after a sleep too", async () => {
    const a = await follow("repeat", "a");
    const frame = { type: "actions", acknowledged: 0, actions: [{ number: 1, channel: "notes", type: "create", payload: { id: "1", text: "" } }, { number: 2, channel: "notes", type: "count" }, { number: 3, channel: "notes", type: "refuse", payload: { id: "x", text: "" } }] };
    a.send(frame);
    const outcomes = outcomesOf(await a.frame());
    expect(outcomes).toMatchObject([{ status: "committed" }, { status: "committed", result: { count: 2 } }, { status: "rejected", code: "rejected" }]);
    a.send(frame);
    expect(outcomesOf(await a.frame())).toEqual(outcomes);
    await act(a, 4, "create", { id: "2", text: "" });
    await server.hibernate(app, "repeat");
    const again = await connect("repeat", { user: "ann" });
    expect(await again.hello("a")).toMatchObject({ settled: 4 });
    again.send({ ...frame, acknowledged: 3 });
    expect(outcomesOf(await again.frame()).map(({ number, status }) => [number, status])).toEqual([[1, "committed"], [2, "committed"], [3, "committed"]]);
    expect(await notes("repeat")).toEqual(["1", "2"]);
  });

  test("who connects is known to every handler, across a hibernation; nobody in particular may connect as well", async () => {
    const a = await follow("who", "a");
    await server.hibernate(app, "who");
    expect(outcomesOf(await act(a, 1, "who"))).toEqual([{ number: 1, status: "committed", result: { user: "ann", role: "guest" } }]);
    const nobody = await connect("who");
    await nobody.hello("n");
    expect(outcomesOf(await act(nobody, 1, "who"))).toEqual([{ number: 1, status: "committed", result: { user: null, role: null } }]);
  });

  test("who may not connect is turned away for good: by name, or as a page of another origin than the object's own", async () => {
    for (const options of [{ user: "mallory" }, { user: "ann", origin: "https://evil.example" }]) {
      expect(await (await connect("door", options)).end).toEqual({ code: 4403, reason: "forbidden" });
    }
    const own = await connect("door", { user: "ann", origin: server.url.origin });
    expect(await own.hello("a")).toMatchObject({ type: "welcome" });
  });

  test("who came while the object could not start is asked who they are when it can", async () => {
    await connect("shut");
    await server.sql(app, "shut", "CREATE TRIGGER shut BEFORE INSERT ON notes BEGIN SELECT RAISE(ABORT, 'not today'); END");
    await server.sql(app, "shut", "DELETE FROM notes");
    await server.hibernate(app, "shut");
    const uninvited = [await connect("shut", { user: "mallory" }), await connect("shut", { user: "root", origin: "https://evil.example" }), await connect("shut")];
    for (const socket of uninvited) expect(await socket.hello("m")).toMatchObject({ type: "error", code: "unavailable" });
    await server.sql(app, "shut", "DROP TRIGGER shut");
    await server.hibernate(app, "shut");
    for (const socket of uninvited) {
      socket.send({ type: "hello", protocol: 2, client: "m" });
      socket.send({ type: "actions", acknowledged: 0, actions: [{ number: 1, channel: "notes", type: "create", payload: { id: "1", text: "" } }] });
      expect(await socket.end).toEqual({ code: 1012, reason: "unavailable" });
    }
    expect(await notes("shut")).toEqual([]);
  });

  test("a page that is too old or too new is told so", async () => {
    const a = await connect("versions");
    for (const [version, type, code] of [[1, "error", "app_too_old"], [4, "error", "app_too_new"], [2, "welcome"], [3, "welcome"]]) {
      a.send({ type: "hello", protocol: 2, client: "a", app: version });
      expect(await a.frame()).toMatchObject({ type, ...(code !== undefined && { code }) });
    }
  });

  test("what an alarm and a request write reaches the subscribers, after a sleep too", async () => {
    const a = await follow("writers", "a");
    const request = async (id: string) => await server.fetch(`/parties/${partyOf(app)}/writers?id=${id}`);
    expect(await request("r1")).toBe("made");
    expect(await a.frame()).toMatchObject({ changes: [{ put: [["r1", "made by a request", null]] }], outcomes: [] });
    await server.hibernate(app, "writers");
    await request("r2");
    expect(await a.frame()).toMatchObject({ changes: [{ put: [["r2", "made by a request", null]] }] });
    expect(await act(a, 1, "remind")).toMatchObject({ outcomes: [{ status: "committed" }] });
    expect(await a.frame()).toMatchObject({ changes: [{ put: [["alarm", "made by the alarm", null]] }], outcomes: [] });
  });

  test("version 1 syncs, acts, and hears what went wrong", async () => {
    const a = await connect("v1");
    a.send({ channel: "notes", sync: true, from: null });
    expect(await a.frame()).toEqual({ channel: "notes", sync: true, payload: [["0", "made at the start", null]] });
    const b = await connect("v1");
    b.send({ channel: "notes", sync: true });
    await b.frame();
    a.send({ channel: "notes", rpc: true, id: "r1", action: { type: "create", payload: { id: "1", text: "milk" } } });
    expect(await a.frame()).toEqual({ type: "success", rpc: true, channel: "notes", id: "r1", result: [["1", "milk", null]] });
    expect(await b.frame()).toEqual({ broadcast: true, channel: "notes", type: "update", payload: [["1", "milk", null]] });
    await a.frame();
    for (const [type, error] of [["conflict", "conflict: Somebody was faster."], ["wipe", "forbidden: The client may not do that."], ["fail", `internal: ${internal}`], ["nope", "unknown_action: The channel has no action of that type."]]) {
      a.send({ channel: "notes", rpc: true, id: `r ${type}`, action: { type, payload: { id: "2", text: "" } } });
      expect(await a.frame()).toEqual({ type: "error", rpc: true, channel: "notes", id: `r ${type}`, error: [error] });
    }
    expect(await notes("v1")).toEqual(["1"]);
    const ann = await connect("v1", { user: "ann" });
    ann.send({ channel: "secrets", rpc: true, id: "r2", action: { type: "keep", payload: { id: "s" } } });
    expect(await ann.frame()).toEqual({ type: "success", rpc: true, channel: "secrets", id: "r2", result: [] }); // who may not read it gets no records of it
  });
});

describe.each(["ReleaseC", "ReleaseTs"] as const)("%s", (app) => {
  /** Deploys a release: the object wakes with its code. A real deploy closes the sockets as well; here they stay, which is harder. */
  async function deploy(release: number, name?: string): Promise<void> {
    await server.fetch(`/deploy?release=${release}`);
    if (name !== undefined) await server.hibernate(app, name);
  }
  beforeEach(async () => await deploy(1));

  const add = (id: string) => ({ type: "actions", acknowledged: 0, actions: [{ number: 1, channel: "items", type: "add", payload: { id, text: "milk" } }] });
  const cursorOf = ({ epoch, shape, version }: Frame) => ({ epoch, shape, version });

  /** An object of the first release, with an item, and what a client holds of its two channels. */
  async function first(name: string) {
    const a = await server.connect(app, name);
    const items = await a.subscribe("a", "items");
    a.send({ type: "subscribe", channel: "others", cursor: null });
    const others = await a.frame();
    a.send(add("1"));
    const added = await a.frame();
    expect(added).toMatchObject({ changes: [{ channel: "items", put: [["1", "milk"]] }], outcomes: [{ status: "committed" }] });
    return { a, items: { ...cursorOf(items), version: 1 }, others: cursorOf(others) };
  }

  test("a page with an old cache fetches anew what a migration has changed, and resumes the rest", async () => {
    const { a, items, others } = await first("cache");
    a.close();
    await deploy(2, "cache");
    const again = await server.connect(app, "cache");
    expect(await again.subscribe("a", "items", items)).toMatchObject({ type: "page", first: true, columns: ["id", "title", "done"], cells: [["1"], ["milk"], [0]] });
    again.send({ type: "subscribe", channel: "others", cursor: others });
    expect(await again.frame()).toMatchObject({ type: "patch", changes: [{ channel: "others", from: 0, to: 0 }] });
  });

  test("an old tab that stays connected hears that its records have another shape, and acts on", async () => {
    const { a, items } = await first("tab");
    await deploy(2, "tab");
    a.send({ ...add("2"), actions: [{ ...add("2").actions[0], number: 2 }] });
    const frame = await a.frame();
    expect(frame).toMatchObject({ outcomes: [{ number: 2, status: "committed" }] });
    const [change] = frame["changes"] as Frame[];
    expect(change?.["shape"]).not.toBe(items.shape);
    a.send({ type: "subscribe", channel: "items", cursor: items });
    expect(await a.frame()).toMatchObject({ type: "page", columns: ["id", "title", "done"], cells: [["1", "2"], ["milk", "milk"], [0, 0]] });
  });

  test("a new tab on the old object is told to wait, and let in when the object is new", async () => {
    await first("new tab");
    const b = await server.connect(app, "new tab");
    b.send({ type: "hello", protocol: 2, client: "b", app: 2 });
    expect(await b.frame()).toMatchObject({ type: "error", code: "app_too_new" });
    await deploy(2, "new tab");
    b.send({ type: "hello", protocol: 2, client: "b", app: 2 });
    expect(await b.frame()).toMatchObject({ type: "welcome" });
  });

  test("a failed migration leaves the object as it was, answers everybody by code, and is mended by other code", async () => {
    const { a, items } = await first("failed");
    await deploy(3, "failed");
    a.send(add("2"));
    expect(await a.frame()).toMatchObject({ type: "error", code: "unavailable", message: "The object could not start; nothing was changed." });
    const b = await server.connect(app, "failed");
    b.send({ type: "hello", protocol: 2, client: "b" });
    expect(await b.frame()).toMatchObject({ type: "error", code: "unavailable" });
    expect(await server.sql(app, "failed", "SELECT * FROM items")).toEqual([{ id: "1", name: "milk" }]);
    expect(await server.sql(app, "failed", "SELECT name FROM sqlite_master WHERE name = 'others'")).toHaveLength(1);
    await deploy(2, "failed");
    const again = await server.connect(app, "failed");
    expect(await again.subscribe("a", "items", items)).toMatchObject({ type: "page", columns: ["id", "title", "done"], cells: [["1"], ["milk"], [0]] });
  });

  test("code that is older than the storage does not touch it", async () => {
    const { a } = await first("older");
    await deploy(2, "older");
    a.send({ ...add("2"), actions: [{ ...add("2").actions[0], number: 2 }] });
    await a.frame();
    await deploy(1, "older");
    a.send({ ...add("3"), actions: [{ ...add("3").actions[0], number: 3 }] });
    expect(await a.frame()).toMatchObject({ type: "error", code: "unavailable" });
    expect(await server.sql(app, "older", "SELECT id, title FROM items ORDER BY id")).toEqual([{ id: "1", title: "milk" }, { id: "2", title: "milk" }]);
  });
});
