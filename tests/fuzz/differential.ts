// SPDX-License-Identifier: MIT
// A conversation (see conversation.c, personal.c) through the Wasm module on SQLite's Wasm build: its transcript is to be that of the native core, byte by byte.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { Core, type Delivery, type Frame } from "../../js-shim/core.ts";
import type { Sockets, Surroundings } from "../../js-shim/host.ts";
import { SqliteStorage } from "../conversations/sqlite-storage.ts";

const SOCKETS = 4;
const MAX_STEPS = 200;
const DAY = 86_400_000;
const BATCH = 32;

/** The fuzzers that hold conversations, with the modules of the apps they talk with. */
const modules = { conversation: moduleOf("todo"), personal: moduleOf("personal") };
export type Talker = keyof typeof modules;
export const talkers = Object.keys(modules) as Talker[];

function moduleOf(app: string): WebAssembly.Module {
  return Reflect.construct(WebAssembly.Module, [readFileSync(`wasm/build/${app}.wasm`)]);
}

interface Socket {
  attachment: string | null;
  readonly frames: string[];
}

class Talk implements Sockets, Surroundings {
  readonly #storage = new SqliteStorage();
  readonly #open = new Map<number, Socket>();
  readonly #numbers: number[] = [];
  readonly #transcript: string[] = [];
  readonly #module: WebAssembly.Module;
  #core: Core;
  #sent: Frame[] = [];
  #made = 0;
  #random = 0;
  #clock = 1_700_000_000_000;

  constructor(module: WebAssembly.Module) {
    this.#module = module;
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
    return new Core(this.#module, this.#storage, this, this).start();
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

  // Turns, until every answer has come to its end.
  #turn(): void {
    do for (const delivery of this.#core.turn(this.#sent.splice(0))) this.#deliver(delivery);
    while (this.#sent.length > 0);
    this.#numbers.forEach((number, i) => {
      for (const frame of this.#open.get(number)?.frames.splice(0) ?? []) this.#transcript.push(`${i}< ${frame}\n`);
    });
  }

  #deliver({ kind, sockets, text }: Delivery): void {
    for (const number of sockets) {
      if (kind === "send") this.#open.get(number)?.frames.push(text);
      else if (kind === "attach") this.#attach(number, text);
      else if (kind === "close") this.#open.delete(number);
      else if (kind === "again" && this.#open.has(number)) this.#sent.push({ socket: number, message: text, own: true });
    }
  }

  #attach(number: number, text: string): void {
    const socket = this.#open.get(number);
    if (socket) socket.attachment = text;
  }
}

/** Where the two cores part in the conversations of these files, by path; those in which both say the same are not in it. */
export function differences(talker: Talker, paths: readonly string[], scratch: string): Map<string, string> {
  mkdirSync(scratch, { recursive: true });
  const parted = new Map<string, string>();
  for (let at = 0; at < paths.length; at += BATCH) compareBatch(talker, paths.slice(at, at + BATCH), scratch, parted);
  return parted;
}

// Starting a process under sanitizers takes longer than most conversations.
function compareBatch(talker: Talker, paths: readonly string[], scratch: string, parted: Map<string, string>): void {
  // What is no UTF-8 can come through no text message.
  const texts = paths.map((path) => readFileSync(path).toString("utf8").toWellFormed());
  const copies = texts.map((_, i) => `${scratch}/${i}`);
  copies.forEach((copy, i) => writeFileSync(copy, texts[i] ?? ""));
  const native = spawnSync(`build/fuzz/replay-${talker}`, copies, { encoding: "utf8", env: { ...process.env, TRANSCRIPT: "1" }, maxBuffer: 1 << 28 });
  const transcripts = native.stdout.split(/^= .*\n/m).slice(1);
  texts.forEach((text, i) => {
    const [path, transcript] = [paths[i] ?? "", transcripts[i]];
    const ended = native.status !== 0 && i >= transcripts.length - 1;
    const where = ended || transcript === undefined ? `the native core ended with ${native.status}: ${native.stderr.slice(0, 500)}` : firstDifference(transcript, new Talk(modules[talker]).hold(text));
    if (where !== null) parted.set(path, where);
  });
}

function firstDifference(native: string, wasm: string): string | null {
  if (native === wasm) return null;
  const [ours, theirs] = [native.split("\n"), wasm.split("\n")];
  const at = ours.findIndex((line, i) => line !== theirs[i]);
  return `line ${at + 1}\n  native ${ours[at]?.slice(0, 300)}\n  wasm   ${theirs[at]?.slice(0, 300)}`;
}
