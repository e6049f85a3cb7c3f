// SPDX-License-Identifier: MIT
// The test objects in workerd, and raw sockets to talk to them frame by frame.
import { fileURLToPath } from "node:url";
import { createTestHarness } from "wrangler";

export type ObjectClass = "Todos" | "Schema" | "Broken" | "Parts" | "Scripted" | "Seed" | "ConformC" | "ConformTs" | "ReleaseC" | "ReleaseTs" | "Troubled" | "TroubledEarly" | "Cramped" | "Redefined" | "Guarded" | "Migrated" | "Ending" | "EndingC" | "Crowd";

/** A socket that keeps what it gets until a test asks for it. */
export class TestSocket {
  readonly #socket: WebSocket;
  readonly #frames: string[] = [];
  readonly #waiting: ((frame: string) => void)[] = [];
  closed: { code: number; reason: string } | undefined;
  /** The subprotocol that the object chose; empty for none. */
  get protocol(): string {
    return this.#socket.protocol;
  }
  /** Resolves with the code and the reason when the socket closes. */
  readonly end: Promise<{ code: number; reason: string }>;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const next = this.#waiting.shift();
      if (next) next(String(data));
      else this.#frames.push(String(data));
    });
    this.end = new Promise((resolve) => socket.addEventListener("close", ({ code, reason }) => resolve((this.closed = { code, reason }))));
  }

  /** Sends a text as it is, anything else as JSON. */
  send(frame: unknown): void {
    this.#socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  sendBytes(bytes: Uint8Array<ArrayBuffer>): void {
    this.#socket.send(bytes);
  }

  /** The next message. */
  async receive(): Promise<string> {
    const frame = this.#frames.shift();
    if (frame !== undefined) return frame;
    return await new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next message, as JSON. */
  async frame(): Promise<Record<string, unknown>> {
    return JSON.parse(await this.receive()) as Record<string, unknown>;
  }

  /** Says hello and subscribes, and returns the answer to the subscription. */
  async subscribe(client: string, channel: string, cursor: unknown = null): Promise<Record<string, unknown>> {
    await this.hello(client);
    this.send({ type: "subscribe", channel, cursor });
    return await this.frame();
  }

  async hello(client: string): Promise<Record<string, unknown>> {
    this.send({ type: "hello", protocol: 2, client });
    return await this.frame();
  }

  /** Sends one action and returns the next frame. */
  async act(number: number, channel: string, type: string, payload: unknown): Promise<Record<string, unknown>> {
    this.send({ type: "actions", acknowledged: number - 1, actions: [{ number, channel, type, payload }] });
    return await this.frame();
  }

  /** A round trip through the object: whatever it was to send before has come by then. Returns the messages that have. */
  async settle(): Promise<string[]> {
    this.send({ type: "nothing" });
    const frames: string[] = [];
    for (;;) {
      const frame = await this.receive();
      if (frame.includes("`type` is not known")) return frames;
      frames.push(frame);
    }
  }

  close(): void {
    this.#socket.close();
  }
}

/** The class as it stands in an address. */
export const partyOf = (objectClass: ObjectClass): string => objectClass.replace(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase();

export interface ConnectOptions {
  readonly user?: string;
  readonly origin?: string;
  readonly protocols?: readonly string[];
}

/** Opens a socket to an object of the server at `url`. */
export async function connect(url: URL | string, objectClass: ObjectClass, name: string, options: ConnectOptions = {}): Promise<TestSocket> {
  const address = new URL(`/parties/${partyOf(objectClass)}/${encodeURIComponent(name)}`, url);
  address.protocol = "ws:";
  if (options.user !== undefined) address.searchParams.set("user", options.user);
  // Node's WebSocket takes headers, which a browser's does not: that is how a test says where its page comes from.
  const headers = options.origin === undefined ? {} : { origin: options.origin };
  const socket = new WebSocket(address, { protocols: options.protocols ?? [], headers } as unknown as string[]);
  const test = new TestSocket(socket);
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve(), { once: true });
    socket.addEventListener("error", () => reject(new Error(`no connection to ${address.pathname}`)), { once: true });
  });
  return test;
}

export interface Server {
  readonly url: URL;
  connect(objectClass: ObjectClass, name: string, options?: ConnectOptions): Promise<TestSocket>;
  fetch(path: string): Promise<string>;
  /** Hibernates the object: what it had in memory is gone, its sockets stay. */
  hibernate(objectClass: ObjectClass, name: string): Promise<void>;
  sql(objectClass: ObjectClass, name: string, query: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

/** Starts workerd with every test object in it. */
export async function startServer(): Promise<Server> {
  const root = fileURLToPath(new URL(".", import.meta.url));
  const harness = createTestHarness({ root, workers: [{ configPath: "wrangler.toml" }] });
  const { url } = await harness.listen();
  const worker = harness.getWorker();
  return {
    url: new URL(url),
    connect: async (objectClass, name, options) => await connect(url, objectClass, name, options),
    fetch: async (path) => await (await worker.fetch(new URL(path, url))).text(),
    hibernate: async (objectClass, name) => await worker.evictDurableObject(objectClass, { name, webSockets: "hibernate" }),
    sql: async (objectClass, name, query) => (await (await worker.getDurableObjectStorage(objectClass, { name })).exec(query)) as Record<string, unknown>[],
    close: async () => await harness.close(),
  };
}
