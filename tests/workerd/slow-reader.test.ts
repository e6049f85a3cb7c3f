// SPDX-License-Identifier: MIT
// A client that stops reading while others write: it is closed before it fills the object's memory, nobody else notices, and it resumes later.
import { randomBytes } from "node:crypto";
import { connect as connectTcp, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ServerProcess } from "./process.ts";
import { connect } from "./server.ts";

const TEXT = 1;
const CLOSE = 8;
// 60 patches of 600 KB: more than the object keeps for a socket and the machine's buffers together.
const PATCHES = 60;
const PATCH_BYTES = 600_000;

const server = new ServerProcess("tests/workerd/wrangler.toml");
beforeAll(async () => await server.start());
afterAll(async () => await server.dispose());

interface Message {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** A WebSocket by hand (RFC 6455), whose client can stop reading: browsers and Node's own always read. */
class RawSocket {
  readonly #tcp: Socket;
  #bytes: Buffer[] = [];
  #size = 0;
  #parts: Buffer[] = [];
  #opcode = 0;
  #wake: (() => void) | undefined;

  private constructor(tcp: Socket) {
    this.#tcp = tcp;
    tcp.on("data", (bytes) => {
      this.#bytes.push(bytes);
      this.#size += bytes.length;
      this.#wake?.();
    });
    tcp.on("error", () => undefined); // the other side may hang up at any time
  }

  static async open(url: string, path: string): Promise<RawSocket> {
    const { hostname, port, host } = new URL(url);
    const tcp = connectTcp({ host: hostname, port: Number(port) });
    const socket = new RawSocket(tcp);
    await new Promise((resolve) => tcp.once("connect", resolve));
    const key = randomBytes(16).toString("base64");
    tcp.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`);
    let head = "";
    while (!head.endsWith("\r\n\r\n")) head += (await socket.#take(1)).toString("latin1");
    expect(head).toContain("101");
    return socket;
  }

  /** Sends a text of less than 64 KiB, masked with zeros. */
  send(frame: unknown): void {
    const text = Buffer.from(JSON.stringify(frame));
    const head = text.length < 126 ? Buffer.from([0x81, 0x80 | text.length]) : Buffer.from([0x81, 0x80 | 126, text.length >> 8, text.length & 255]);
    this.#tcp.write(Buffer.concat([head, Buffer.alloc(4), text]));
  }

  /** The next message, its fragments joined. */
  async receive(): Promise<Message> {
    for (;;) {
      const [first = 0, second = 0] = await this.#take(2);
      let size = second & 127;
      if (size === 126) size = (await this.#take(2)).readUInt16BE();
      else if (size === 127) size = Number((await this.#take(8)).readBigUInt64BE());
      const payload = await this.#take(size);
      const opcode = first & 15;
      if (opcode >= CLOSE) return { opcode, payload };
      if (opcode !== 0) this.#opcode = opcode;
      this.#parts.push(payload);
      if ((first & 128) === 0) continue;
      const whole = Buffer.concat(this.#parts);
      this.#parts = [];
      return { opcode: this.#opcode, payload: whole };
    }
  }

  /** The next text message, as JSON. */
  async frame(): Promise<Record<string, unknown>> {
    const { opcode, payload } = await this.receive();
    expect(opcode).toBe(TEXT);
    return JSON.parse(payload.toString()) as Record<string, unknown>;
  }

  stopReading(): void {
    this.#tcp.pause();
  }

  readAgain(): void {
    this.#tcp.resume();
  }

  destroy(): void {
    this.#tcp.destroy();
  }

  async #take(size: number): Promise<Buffer> {
    while (this.#size < size) await new Promise<void>((resolve) => (this.#wake = resolve));
    const all = Buffer.concat(this.#bytes);
    this.#bytes = [all.subarray(size)];
    this.#size -= size;
    return all.subarray(0, size);
  }
}

test("a client that does not read is closed, the others get everything, and it resumes", async () => {
  const slow = await RawSocket.open(server.url, "/parties/schema/slow");
  slow.send({ type: "hello", protocol: 2, client: "slow" });
  expect(await slow.frame()).toMatchObject({ type: "welcome" });
  slow.send({ type: "subscribe", channel: "kinds", cursor: null });
  const page = await slow.frame();
  expect(page).toMatchObject({ type: "page", total: 0, next: 0 });
  const reader = await connect(server.url, "Schema", "slow");
  await reader.subscribe("reader", "kinds");
  const writer = await connect(server.url, "Schema", "slow");
  await writer.hello("writer");

  slow.stopReading();
  for (let number = 1; number <= PATCHES; number++) {
    const sql = `INSERT OR REPLACE INTO kinds VALUES (1, replace(hex(zeroblob(${PATCH_BYTES})), '00', 'x') || ${number})`;
    expect(await writer.act(number, "kinds", "run", { sql })).toMatchObject({ outcomes: [{ status: "committed" }] });
    const { changes } = (await reader.frame()) as { changes: { put: [number, string][] }[] };
    expect(changes[0]?.put[0]?.[1]).toHaveLength(PATCH_BYTES + String(number).length);
  }

  slow.readAgain();
  let patches = 0;
  let message = await slow.receive();
  for (; message.opcode === TEXT; message = await slow.receive()) patches++;
  expect(message.opcode).toBe(CLOSE);
  expect(message.payload.readUInt16BE()).toBe(1013);
  expect(message.payload.subarray(2).toString()).toBe("slow_reader");
  expect(patches).toBeLessThan(PATCHES);
  slow.destroy();

  const again = await connect(server.url, "Schema", "slow");
  const missed = await again.subscribe("slow", "kinds", { epoch: page["epoch"], shape: page["shape"], version: page["version"] });
  expect(missed).toMatchObject({ type: "patch", changes: [{ from: 0, put: [[1, expect.stringMatching(`x${PATCHES}$`)]] }] });
}, 60_000);
