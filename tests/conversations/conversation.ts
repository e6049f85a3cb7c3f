// SPDX-License-Identifier: MIT
// Runs the notation of README.md through the Wasm module. tests/native/conversation.c does the same natively.
import { Core, type Delivery, type Frame } from "../../js-shim/core.ts";
import type { Script, Sockets, Surroundings } from "../../js-shim/host.ts";
import { SqliteStorage } from "./sqlite-storage.ts";

export interface Statement {
  readonly line: number;
  readonly text: string;
}

export interface Conversation {
  readonly name: string;
  readonly statements: readonly Statement[];
}

/** The conversations of a file: one for each heading of the second level. */
export function parse(file: string): Conversation[] {
  const conversations: { name: string; statements: { line: number; text: string }[] }[] = [];
  let inside = false;
  file.split("\n").forEach((text, i) => {
    const statements = conversations.at(-1)?.statements;
    const last = statements?.at(-1);
    if (inside && text.startsWith("```")) inside = false;
    else if (!inside && text === "```conversation") inside = true;
    else if (!inside && text.startsWith("## ")) conversations.push({ name: text.slice(3), statements: [] });
    else if (inside && text.startsWith(" ") && last) last.text += text.trimStart();
    else if (inside && text !== "") statements?.push({ line: i + 1, text });
  });
  return conversations;
}

/** The app that conversations are held with: its module and, for one in JavaScript, who speaks for it. */
export interface Subject {
  readonly module: WebAssembly.Module;
  readonly script?: (storage: SqliteStorage) => Script;
}

interface Socket {
  readonly name: string;
  attachment: string | null;
  readonly frames: string[];
}

class World implements Sockets, Surroundings {
  readonly storage = new SqliteStorage();
  readonly #subject: Subject;
  readonly #sockets = new Map<number, Socket>();
  #core: Core;
  #nextSocket = 0;
  #nextByte = 0;
  clock = 1700000000000;

  constructor(subject: Subject) {
    this.#subject = subject;
    this.#core = this.#newCore();
  }

  #newCore(): Core {
    return new Core(this.#subject.module, this.storage, this, this, this.#subject.script?.(this.storage)).start();
  }

  sleep(): void {
    this.#core = this.#newCore();
  }

  open(name: string): number {
    this.#sockets.set(this.#nextSocket, { name, attachment: null, frames: [] });
    return this.#nextSocket++;
  }

  close(socket: number): void {
    this.#sockets.delete(socket);
    this.#core.close(socket);
  }

  /** A turn, and those that follow by themselves. */
  turn(frames: readonly Frame[]): void {
    const own: Frame[] = [];
    for (const { kind, sockets, text, ...delivery } of this.#core.turn(frames)) {
      if (kind === "again") for (const socket of sockets) own.push({ socket, message: text, own: true });
      else this.#deliver({ kind, sockets, text, ...delivery });
    }
    if (own.length > 0) this.turn(own);
  }

  #deliver({ kind, sockets, text }: Delivery): void {
    for (const number of sockets) {
      const socket = this.#sockets.get(number);
      if (kind === "send") socket?.frames.push(text);
      else if (socket) socket.attachment = text;
    }
  }

  receive(socket: number): string | undefined {
    return this.#sockets.get(socket)?.frames.shift();
  }

  /** The sockets that have got frames nobody has received. */
  unheard(): Socket[] {
    return [...this.#sockets.values()].filter((socket) => socket.frames.length > 0);
  }

  after(socket: number): number {
    for (const number of this.#sockets.keys()) if (number > socket) return number;
    return -1;
  }

  backlog(): number {
    return 0;
  }

  attachment(socket: number): string | null {
    return this.#sockets.get(socket)?.attachment ?? null;
  }

  now(): number {
    return this.clock;
  }

  random(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.#nextByte++ & 0xff;
  }

  log(): void {
    // The operator's log is no part of a conversation.
  }
}

/** Runs the statements in order; throws at the first that does not hold, with its line. */
export function run(subject: Subject, statements: readonly Statement[]): void {
  const runner = new Runner(subject);
  try {
    for (const statement of statements) runner.run(statement);
    runner.end();
  } finally {
    runner.dispose();
  }
}

class Runner {
  readonly #world: World;
  readonly #sockets = new Map<string, number>();
  readonly #names = new Map<string, string>();
  #sent: Frame[] = [];
  #rows = "[]";
  #line = 0;

  constructor(subject: Subject) {
    this.#world = new World(subject);
  }

  dispose(): void {
    this.#world.storage.close();
  }

  run({ line, text }: Statement): void {
    this.#line = line;
    const [, word = "", mark = "", rest = ""] = /^(\S+) ?([<>!](?= |$))? ?(.*)$/.exec(text) ?? [];
    if (word === "=") this.#expectRows(rest);
    else if (word === "turn" && this.#sent.length > 0) this.#settle();
    else if (mark === "<") this.#expectFrame(word, rest);
    else if (mark !== "") this.#send(word, rest, mark === "!");
    else this.#command(word, rest);
  }

  end(): void {
    this.#expectSilence();
  }

  #command(word: string, rest: string): void {
    this.#expectSilence();
    if (word === "open") this.#sockets.set(rest, this.#world.open(rest));
    else if (word === "close") this.#world.close(this.#socket(rest));
    else if (word === "turn") this.#world.turn([]);
    else if (word === "sql") this.#rows = JSON.stringify(this.#world.storage.rows(rest));
    else if (word === "clock") this.#world.clock = Number(rest);
    else if (word === "sleep") this.#world.sleep();
    else this.#fail(`no such line: ${word}`);
  }

  #send(name: string, text: string, poisoned: boolean): void {
    if (this.#sent.length === 0) this.#expectSilence();
    this.#sent.push({ socket: this.#socket(name), message: this.#message(text), poisoned });
  }

  #message(text: string): string | ArrayBuffer {
    if (text === "(binary)") return new ArrayBuffer(8);
    const [, count, part = ""] = /^\(repeat (\d+) (.*)\)$/.exec(text) ?? [];
    return count === undefined ? this.#filledIn(text) : part.repeat(Number(count));
  }

  #expectFrame(name: string, text: string): void {
    this.#settle();
    const frame = this.#world.receive(this.#socket(name)) ?? this.#fail(`nothing was sent, expected\n  ${text}`);
    this.#learnNames(text, frame);
    this.#expectSame(frame, this.#filledIn(text));
  }

  #expectRows(expected: string): void {
    const rows = this.#rows;
    this.#rows = "[]";
    this.#expectSame(rows, expected);
  }

  #expectSame(actual: string, expected: string): void {
    if (actual !== expected) this.#fail(`got\n  ${actual}\nexpected\n  ${expected}`);
  }

  /** Runs the turn of the frames sent, if there are any. */
  #settle(): void {
    if (this.#sent.length === 0) return;
    const frames = this.#sent;
    this.#sent = [];
    this.#world.turn(frames);
  }

  /** Everything heard must have been expected. */
  #expectSilence(): void {
    this.#settle();
    const [unheard] = this.#world.unheard();
    if (unheard) this.#fail(`unexpected before this line: ${unheard.name} < ${unheard.frames[0]}`);
    if (this.#rows !== "[]") this.#fail(`rows that are not compared: ${this.#rows}`);
  }

  #socket(name: string): number {
    return this.#sockets.get(name) ?? this.#fail(`the socket ${name} is not open`);
  }

  #filledIn(text: string): string {
    return text.replaceAll(/\$([a-z]+)/g, (whole, name: string) => this.#names.get(name) ?? whole);
  }

  /** Gives every name that is new in `expected` the text that stands in its place in `actual`, as far as the two agree. */
  #learnNames(expected: string, actual: string): void {
    for (const { 1: name = "", index } of expected.matchAll(/\$([a-z]+)/g)) {
      if (this.#names.has(name)) continue;
      const before = this.#filledIn(expected.slice(0, index));
      if (!actual.startsWith(before)) return;
      this.#names.set(name, /^[^"]*/.exec(actual.slice(before.length))?.[0] ?? "");
    }
  }

  #fail(what: string): never {
    throw new Error(`line ${this.#line}: ${what}`);
  }
}
