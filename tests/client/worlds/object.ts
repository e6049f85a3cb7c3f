// SPDX-License-Identifier: MIT
// The other end of a world's lines: the real core on SQLite, with the app in ledger/. Whatever it has committed is remembered.
import { Core, type Delivery, type Frame } from "../../../js-shim/core.ts";
import type { Sockets, Storage, Surroundings } from "../../../js-shim/host.ts";
import { SqliteStorage } from "../../conversations/sqlite-storage.ts";

export const channels = ["notes", "others"] as const;
export type Name = (typeof channels)[number];

/** What a commit left of a channel. */
type State = { version: number; rows: string };

/** A page's line to the object: a socket that keeps the order of its frames, and loses those under way when it is cut. */
export class Line extends EventTarget {
  readyState = 0;
  readonly roomUrl = "wss://host/parties/ledger/one";
  shouldReconnect = true;
  /** Neither end hears of the other, and neither knows. */
  stalled = false;
  readonly #object: LedgerObject;
  #number = -1;
  #up: string[] = [];
  #down: string[] = [];

  constructor(object: LedgerObject) {
    super();
    this.#object = object;
  }

  /** True while frames are under way; pings and pongs are none. */
  get busy(): boolean {
    return [...this.#up, ...this.#down].some((text) => text.startsWith("{"));
  }

  dial(): void {
    if (this.readyState === 1 || !this.shouldReconnect) return;
    this.#number = this.#object.open(this);
    this.readyState = 1;
    this.stalled = false;
    this.dispatchEvent(new Event("open"));
  }

  /** Both ends lose it. */
  cut(code = 1006, reason = ""): void {
    if (this.readyState !== 1) return;
    this.readyState = 3;
    [this.#up, this.#down] = [[], []];
    this.#object.close(this.#number);
    this.dispatchEvent(Object.assign(new Event("close"), { code, reason }));
  }

  send(data: string): void {
    if (this.readyState !== 1) throw new Error("sent on a socket that is not open");
    if (!this.stalled) this.#up.push(data);
  }

  reconnect(): void {
    this.shouldReconnect = true;
    this.cut(1000);
  }

  close(): void {
    this.shouldReconnect = false;
    this.cut(1000);
  }

  /** What has arrived at the object, at most `count` frames. A ping is answered by the host. */
  takeUp(count: number): { socket: number; message: string }[] {
    if (this.stalled) return [];
    const taken = this.#up.splice(0, count);
    for (const text of taken) if (text === "ping") this.#down.push("pong");
    return taken.filter((text) => text !== "ping").map((message) => ({ socket: this.#number, message }));
  }

  deliver(text: string): void {
    if (!this.stalled) this.#down.push(text);
  }

  /** Hands the page its next frame; false if there is none. */
  hear(): boolean {
    const data = this.stalled ? undefined : this.#down.shift();
    if (data !== undefined) this.dispatchEvent(new MessageEvent("message", { data }));
    return data !== undefined;
  }
}

export class LedgerObject implements Sockets, Surroundings {
  /** Tags of actions whose effects a restore has undone. */
  readonly undone = new Set<string>();
  readonly #module: WebAssembly.Module;
  readonly #lines = new Map<number, Line>();
  readonly #attachments = new Map<number, string>();
  readonly #states = new Map<string, string>();
  readonly #moments = new Set<string>();
  #storage = new SqliteStorage();
  #core: Core;
  #next = 0;
  #byte = 0;
  #backup: Uint8Array | null = null;
  /** Frames of the core's own, for its next turn. */
  #own: Frame[] = [];
  /** SQL calls until one fails; 0 for never. */
  #fatal = 0;

  constructor(module: WebAssembly.Module) {
    this.#module = module;
    this.#core = this.#wake();
    this.#note();
  }

  end(): void {
    this.#storage.close();
  }

  // --- what happens to it

  /** One turn of the frames that have arrived. `fatal`: the SQL call that fails, 0 for none. */
  turn(frames: { socket: number; message: string }[], fatal = 0): void {
    this.#fatal = fatal;
    const deliveries = this.#core.turn([...this.#own.splice(0), ...frames]);
    this.#fatal = 0;
    this.#note();
    for (const delivery of deliveries) this.#carryOut(delivery);
  }

  /** True while answers go on. */
  get busy(): boolean {
    return this.#own.length > 0;
  }

  /** It forgets all that is only in memory. That happens after the turn that tells what was written from outside, and after those that answers go on in, which the shim sees to. */
  sleep(): void {
    do this.turn([]);
    while (this.busy);
    this.#core = this.#wake();
  }

  /** It dies after the commit of these frames, with nothing sent. */
  crash(frames: { socket: number; message: string }[]): void {
    this.#core.turn([...this.#own.splice(0), ...frames]);
    this.#note();
    this.#core = this.#wake();
    for (const line of [...this.#lines.values()]) line.cut();
  }

  /** Somebody writes past the core, which tells it with its next turn. */
  write(sql: string): void {
    this.#storage.sql.exec(sql).raw();
    this.#note();
  }

  backUp(): void {
    this.#backup = this.#storage.image();
  }

  /** An earlier state comes back, and what follows is another history. */
  restore(): void {
    if (!this.#backup) return;
    const before = this.tags();
    for (const line of [...this.#lines.values()]) line.cut();
    this.#storage.close();
    this.#storage = new SqliteStorage(this.#backup);
    this.#core = this.#wake();
    for (const delivery of this.#core.renew()) this.#carryOut(delivery);
    this.#note();
    const after = new Set(this.tags());
    for (const tag of before) if (!after.has(tag)) this.undone.add(tag);
  }

  // --- what it knows

  /** Of every action that was carried out, its tag. */
  tags(): string[] {
    return this.#storage.rows("SELECT tag FROM ledger").map(([tag]) => String(tag));
  }

  /** A channel's rows as they are, as JSON. */
  rowsOf(channel: Name): string {
    return JSON.stringify(this.#storage.rows(`SELECT id, text FROM ${channel} ORDER BY id`));
  }

  /** A channel's rows as they were; undefined if no commit left it at that version. */
  rowsAt(epoch: string, channel: Name, version: number): string | undefined {
    return this.#states.get(JSON.stringify([epoch, channel, version]));
  }

  /** True if one commit left the channels at these versions. */
  wasAt(epoch: string, versions: number[]): boolean {
    return this.#moments.has(JSON.stringify([epoch, versions]));
  }

  #note(): void {
    const epoch = String(this.#storage.rows("SELECT epoch FROM durasync_meta")[0]?.[0]);
    const states = channels.map((channel): State => {
      const version = Number(this.#storage.rows(`SELECT ifnull(max(version), 0) FROM durasync_log_${channel}`)[0]?.[0]);
      return { version, rows: this.rowsOf(channel) };
    });
    channels.forEach((channel, i) => this.#states.set(JSON.stringify([epoch, channel, states[i]?.version]), states[i]?.rows ?? ""));
    this.#moments.add(JSON.stringify([epoch, states.map(({ version }) => version)]));
  }

  // --- its sockets

  open(line: Line): number {
    this.#lines.set(++this.#next, line);
    return this.#next;
  }

  close(number: number): void {
    this.#lines.delete(number);
    this.#attachments.delete(number);
    this.#own = this.#own.filter(({ socket }) => socket !== number);
    this.#core.close(number);
  }

  after(socket: number): number {
    for (const number of this.#lines.keys()) if (number > socket) return number;
    return -1;
  }

  backlog(): number {
    return 0;
  }

  attachment(socket: number): string | null {
    return this.#attachments.get(socket) ?? null;
  }

  #carryOut({ kind, sockets, text, code }: Delivery): void {
    for (const number of sockets) {
      const line = this.#lines.get(number);
      if (!line) continue;
      if (kind === "send") line.deliver(text);
      else if (kind === "attach") this.#attachments.set(number, text);
      else if (kind === "again") this.#own.push({ socket: number, message: text, own: true });
      else line.cut(code, text);
    }
  }

  // --- its surroundings

  #wake(): Core {
    const storage: Storage = {
      sql: {
        exec: (query, ...bindings) => {
          if (this.#fatal > 0 && --this.#fatal === 0) throw new Error("disk I/O error: SQLITE_IOERR");
          return this.#storage.sql.exec(query, ...bindings);
        },
      },
      transactionSync: (step) => this.#storage.transactionSync(step),
      setAlarm: () => {},
    };
    return new Core(this.#module, storage, this, this).start();
  }

  now(): number {
    return Date.now();
  }

  random(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.#byte++ & 0xff;
  }

  log(): void {
    // The operator's log is no part of a world.
  }
}
