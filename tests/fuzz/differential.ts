// SPDX-License-Identifier: MIT
// A conversation (see conversation.c) through the Wasm module on SQLite's Wasm build: its transcript is to be that of the native core, byte by byte.
import { readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { Core, type Delivery, type Frame } from "../../js-shim/core.ts";
import type { Sockets, Surroundings } from "../../js-shim/host.ts";
import { SqliteStorage } from "../conversations/sqlite-storage.ts";

const SOCKETS = 4;
const MAX_STEPS = 200;
const DAY = 86_400_000;
const module: WebAssembly.Module = Reflect.construct(WebAssembly.Module, [readFileSync("wasm/build/todo.wasm")]);

interface Socket {
  attachment: string | null;
  readonly frames: string[];
}

class Talk implements Sockets, Surroundings {
  readonly #storage = new SqliteStorage();
  readonly #open = new Map<number, Socket>();
  readonly #numbers: number[] = [];
  readonly #transcript: string[] = [];
  #core: Core;
  #sent: Frame[] = [];
  #made = 0;
  #random = 0;
  #clock = 1_700_000_000_000;

  constructor() {
    this.#core = this.#wake();
    for (let i = 0; i < SOCKETS; i++) this.#numbers.push(this.#newSocket());
  }

  /** Everything that was heard, after all steps. */
  hold(text: string): string {
    let steps = 0;
    for (const line of text.split("\n")) if (steps++ < MAX_STEPS && line !== "") this.#step(line);
    this.#turn();
    this.#storage.close();
    return this.#transcript.join("");
  }

  after(socket: number): number {
    for (const number of this.#open.keys()) if (number > socket) return number;
    return -1;
  }
  backlog = (): number => 0;
  attachment = (socket: number): string | null => this.#open.get(socket)?.attachment ?? null;
  now = (): number => this.#clock;
  log = (): void => {};
  random(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.#random++ & 0xff;
  }

  #wake(): Core {
    return new Core(module, this.#storage, this, this).start();
  }

  #newSocket(): number {
    this.#open.set(this.#made, { attachment: null, frames: [] });
    return this.#made++;
  }

  #step(line: string): void {
    const [, what = "", digit = "", , said = ""] = /^(.)([0-3])?( (.*))?/su.exec(line) ?? [];
    const at = Number(digit);
    const socket = this.#numbers[at] ?? 0;
    if (what === "|") this.#turn();
    else if (what === "+") this.#clock += DAY;
    else if (what === "z") {
      this.#turn();
      this.#core = this.#wake();
    } else if (digit === "") return;
    else if (what === ">") this.#sent.push({ socket, message: said });
    else if (what === "@") this.#attach(socket, said);
    else if (what === "x") {
      this.#turn();
      this.#open.delete(socket);
      this.#core.close(socket);
      this.#numbers[at] = this.#newSocket();
    }
  }

  #turn(): void {
    const frames = this.#sent;
    this.#sent = [];
    for (const delivery of this.#core.turn(frames)) this.#deliver(delivery);
    this.#numbers.forEach((number, i) => {
      for (const frame of this.#open.get(number)?.frames.splice(0) ?? []) this.#transcript.push(`${i}< ${frame}\n`);
    });
  }

  #deliver({ kind, sockets, text }: Delivery): void {
    for (const number of sockets) {
      if (kind === "send") this.#open.get(number)?.frames.push(text);
      else if (kind === "attach") this.#attach(number, text);
      else this.#open.delete(number);
    }
  }

  #attach(number: number, text: string): void {
    const socket = this.#open.get(number);
    if (socket) socket.attachment = text;
  }
}

/** Null if both cores say the same to the conversation in this file, otherwise where they part. */
export function difference(path: string, scratch: (text: string) => string): string | null {
  // What is no UTF-8 can come through no text message.
  const text = readFileSync(path).toString("utf8").toWellFormed();
  const native = spawnSync("build/fuzz/replay-conversation", [scratch(text)], { encoding: "utf8", env: { ...process.env, TRANSCRIPT: "1" }, maxBuffer: 1 << 28 });
  if (native.status !== 0) return `the native core ended with ${native.status}: ${native.stderr.slice(0, 500)}`;
  const [ours, theirs] = [native.stdout.split("\n"), new Talk().hold(text).split("\n")];
  const at = ours.findIndex((line, i) => line !== theirs[i]);
  if (at < 0 && ours.length === theirs.length) return null;
  return `line ${at + 1}\n  native ${ours[at]?.slice(0, 300)}\n  wasm   ${theirs[at]?.slice(0, 300)}`;
}
