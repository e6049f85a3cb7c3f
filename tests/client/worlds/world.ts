// SPDX-License-Identifier: MIT
// Pages of one browser, an object, and what happens to them: a list of events makes a world, the same one each time.
import { expect, vi } from "vitest";
import type { SyncAction } from "../../../client/action.ts";
import type { SyncRecord } from "../../../client/frames.ts";
import type { Stage } from "../../../client/receipt.ts";
import { Store } from "../../../client/store.ts";
import { View } from "../../../client/view.ts";
import { rowsOf } from "../../rows.ts";
import { asPage, Browser, type Resident } from "./browser.ts";
import { channels, LedgerObject, Line, type Name } from "./object.ts";

/** Numbers name a page, a count or a key; each event takes them as far as they make sense, so that any event can be left out. */
export type Event =
  | { do: "open" }
  | { do: "dial"; page: number }
  | { do: "cut"; page: number }
  | { do: "stall"; page: number }
  | { do: "abort"; page: number }
  | { do: "clear"; page: number }
  | { do: "close"; page: number }
  | { do: "act"; page: number; type: ActionType; key: number }
  | { do: "turn"; count: number; pages: number; fatal: number }
  | { do: "hear"; page: number; count: number }
  | { do: "run"; kind: "disk" | "locks" | "messages"; count: number }
  | { do: "break"; page: number; how: Resident["broken"] }
  | { do: "kill"; page: number; loses: boolean }
  | { do: "stop"; writes: number }
  | { do: "write"; rows: number; key: number }
  | { do: "wait"; seconds: number }
  | { do: "flow" }
  | { do: "sleep" }
  | { do: "crash" }
  | { do: "backup" }
  | { do: "restore" };

export type ActionType = "put" | "add" | "both" | "drop" | "refuse";

/** An action and what its author knows of it. */
type Act = {
  readonly tag: string;
  readonly type: ActionType;
  readonly page: Page;
  readonly abort: AbortController;
  stage: Stage;
  /** "committed", or the code of its rejection; null before. */
  told: string | null;
  result?: unknown;
  /** The next page will find it. */
  kept: boolean;
  /** Something has happened after which it may be there or not: its page was wiped, say, or the machine stopped. */
  excused: boolean;
};

const MAX_PAGES = 3;
const SCOPE = "ledger";

class Page implements Resident {
  dead = false;
  broken: Resident["broken"] = "no";
  readonly line: Line;
  readonly store: Store;
  readonly view: View<SyncRecord, SyncAction>;
  readonly #world: World;

  constructor(world: World, object: LedgerObject, browser: Browser) {
    this.#world = world;
    this.line = new Line(object);
    this.store = asPage(this, () => new Store(this.line, { cache: browser.cacheOf(this), scope: SCOPE }));
    this.view = new View<SyncRecord, SyncAction>(this.store, "notes", reducer);
    this.store.onRejected(({ code }, { payload }) => {
      // Its timers run on when it is dead.
      if (!this.dead) world.refused((payload as { tag: string }).tag, code);
    });
    for (const channel of channels) this.in(() => this.store.subscribe(channel, () => this.#look()));
  }

  in<T>(code: () => T): T | undefined {
    return this.dead ? undefined : asPage(this, code);
  }

  status(channel: Name) {
    return this.store.getState(channel).status;
  }

  #look(): void {
    if (!this.dead) this.#world.notice(() => this.#world.look(this));
  }
}

function reducer(records: SyncRecord[], { type, payload }: SyncAction): SyncRecord[] {
  const { id, tag } = payload as { id: string; tag: string };
  const others = records.filter(([key]) => key !== id);
  if (type === "put" || type === "both") return [...others, [id, tag]];
  return type === "drop" ? others : records;
}

/** The same to JSON, and to nothing else. */
function dress(payload: object, shape: number): object {
  if (shape % 4 === 1) return new Proxy(payload, {});
  if (shape % 4 === 2) return { ...payload, onDone: () => {}, none: undefined };
  return shape % 4 === 3 ? { toJSON: () => payload } : payload;
}

/** Lets every promise that can go on do so. */
const realImmediate = setImmediate;
const settle = () => new Promise<void>((resolve) => realImmediate(resolve));

export class World {
  readonly object: LedgerObject;
  readonly browser = new Browser();
  pages: Page[] = [];
  readonly acts: Act[] = [];
  #written = 0;
  #failure: unknown = null;
  /** The storage has failed a page, or has forgotten what was written. */
  #forgetful = false;
  /** Actions that did not show though nobody had told their authors. */
  readonly #vanished = new Set<Act>();
  /** Somebody has cleared; whose actions that concerns is settled when each page hears of it. */
  #cleared = false;

  constructor(module: WebAssembly.Module) {
    this.object = new LedgerObject(module);
  }

  end(): void {
    for (const page of this.pages) this.#kill(page, true);
    this.object.end();
  }

  async live(events: readonly Event[]): Promise<void> {
    for (const event of events) {
      await this.#happen(event);
      await settle();
      this.#complain();
    }
  }

  /** A check in a function that the client calls: what it throws is kept, since the client goes on after a listener that throws. */
  notice(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#failure ??= error;
    }
  }

  /** A page has heard of a rejection, for its author or in that one's stead. */
  refused(tag: string, code: string): void {
    const act = this.acts.find((other) => other.tag === tag);
    if (act?.page.dead) act.told ??= code;
    if (!act || code !== "client_forgotten") return;
    // Nobody knows what became of the action. Only a storage that fails or forgets may bring that about.
    this.notice(() => expect(this.#forgetful, `${tag} may be doubted`).toBe(true));
    act.excused = true;
  }

  #complain(): void {
    // Authors are told right after the step in which an action was rejected.
    for (const { tag, told } of this.#vanished) if (told === null || told === "committed") expect.fail(`${tag}, which its author has added, does not show`);
    this.#vanished.clear();
    if (this.#failure !== null) throw this.#failure;
  }

  // --- events

  async #happen(event: Event): Promise<void> {
    if (event.do === "open") return this.#open();
    if (event.do === "run") return this.#run(event.kind, event.count);
    if (event.do === "stop") return this.#stop(event.writes);
    if (event.do === "turn") return this.#turn(event.count, event.pages, event.fatal);
    if (event.do === "wait") return void (await vi.advanceTimersByTimeAsync(event.seconds * 1000));
    if (event.do === "write") return this.#write(event.rows, event.key);
    if (event.do === "flow") return void (await this.#flow());
    if (event.do === "sleep") return this.object.sleep();
    if (event.do === "crash") return this.object.crash(this.pages.flatMap(({ line }) => line.takeUp(3)));
    if (event.do === "backup") return this.object.backUp();
    if (event.do === "restore") return this.#restore();
    const page = this.pages[event.page % Math.max(1, this.pages.length)];
    if (page) page.in(() => this.#happenTo(page, event));
  }

  #happenTo(page: Page, event: Extract<Event, { page: number }>): void {
    if (event.do === "dial") page.line.dial();
    else if (event.do === "cut") page.line.cut();
    else if (event.do === "stall") page.line.stalled = true;
    else if (event.do === "act") this.#act(page, event.type, event.key);
    else if (event.do === "hear") for (let i = 0; i < event.count; i++) page.line.hear();
    else if (event.do === "break") page.broken = event.how;
    else if (event.do === "abort") this.acts.findLast((act) => act.page === page && act.told === null)?.abort.abort();
    else if (event.do === "clear") this.#clear(page);
    else if (event.do === "close") this.#close(page);
    else this.#kill(page, event.loses);
  }

  #open(): void {
    if (this.pages.length < MAX_PAGES) this.pages.push(new Page(this, this.object, this.browser));
  }

  #act(page: Page, type: ActionType, key: number): void {
    const tag = `t${this.acts.length}`;
    const abort = new AbortController();
    const act: Act = { tag, type, page, abort, stage: "new", told: null, kept: false, excused: false };
    this.acts.push(act);
    const onStage = (stage: Stage) => {
      if (page.dead) return;
      act.stage = stage;
      act.kept ||= stage === "saved" && page.status("notes").storage === "persistent";
    };
    const payload = dress({ id: type === "add" ? tag : `k${key}`, tag }, this.acts.length);
    const receipt = page.store.send("notes", { type: type === "add" ? "put" : type, payload }, { onStage, signal: abort.signal });
    const tell = (what: string, result?: unknown) => {
      if (page.dead) return;
      this.notice(() => expect(act.told, `${tag} is told once`).toBeNull());
      Object.assign(act, { told: what, result });
      // What a broken storage holds cannot be taken back.
      if (what === "aborted") act.excused ||= page.status("notes").storage === "memory";
    };
    receipt.then(
      ({ result }) => tell("committed", result),
      ({ code }: { code: string }) => tell(code),
    );
  }

  #turn(count: number, pages: number, fatal: number): void {
    const frames = this.pages.filter((_, i) => (pages >> i) & 1).flatMap(({ line }) => line.takeUp(count));
    this.object.turn(frames, fatal);
  }

  #write(rows: number, key: number): void {
    const text = `w${this.#written++}`;
    const channel = channels[key % 2] ?? "notes";
    if (rows === 0) this.object.write(`DELETE FROM ${channel} WHERE id LIKE 'o%' AND id > 'o${key}'`);
    else this.object.write(`WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows - 1}) REPLACE INTO ${channel} SELECT 'o' || (i + ${key}), '${text}' FROM n`);
  }

  async #run(kind: "disk" | "locks" | "messages", count: number): Promise<void> {
    for (let i = 0; i < count && (await this.browser.run(kind)); i++) await settle();
  }

  #clear(page: Page): void {
    this.#cleared = true;
    for (const act of this.acts) act.excused = true;
    page.store.clear().catch(() => {});
  }

  /** The page goes in peace: its code hears of it. */
  #close(page: Page): void {
    page.store.close();
    this.#kill(page, false);
  }

  /** Nothing of the page's code runs any more. */
  #kill(page: Page, loses: boolean): void {
    page.line.close();
    page.dead = true;
    // What it has left behind waits no longer.
    page.broken = "no";
    this.pages = this.pages.filter((other) => other !== page);
    this.browser.bury(page, loses);
  }

  async #stop(writes: number): Promise<void> {
    for (const page of this.pages) this.#kill(page, true);
    for (const act of this.acts) act.excused ||= writes > 0;
    this.#forgetful ||= writes > 0;
    await this.browser.forget(writes);
  }

  #restore(): void {
    this.object.restore();
    for (const act of this.acts) act.excused ||= this.object.undone.has(act.tag);
  }

  // --- what must hold at every moment

  look(page: Page): void {
    this.#forgetful ||= page.status("notes").storage === "memory";
    const states = channels.map((channel) => ({ channel, kept: page.store.dehydrate(channel), live: page.status(channel).state === "live" }));
    for (const { channel, kept, live } of states) {
      if (live) expect(kept, `${channel} is live and there`).not.toBeNull();
      if (kept) expect(JSON.stringify(rowsOf(kept)), `${channel} at ${kept.version}`).toBe(this.object.rowsAt(kept.epoch, channel, kept.version));
    }
    if (states.every(({ live }) => live)) {
      const versions = states.map(({ kept }) => kept?.version ?? -1);
      expect(this.object.wasAt(states[0]?.kept?.epoch ?? "", versions), `a commit left the channels at ${versions}`).toBe(true);
    }
    // A channel that the object could not answer waits half a minute before it asks again, and says so; receipts do not wait for it.
    if (page.status("notes").state === "failed") return;
    const shown = new Set(page.view.getSnapshot().records.map(([id]) => id));
    for (const act of this.acts) {
      const counts = act.type === "add" && act.page === page && act.told === null && !act.excused && !this.#cleared && !act.abort.signal.aborted;
      if (counts && !shown.has(act.tag)) this.#vanished.add(act);
    }
  }

  // --- what must hold in the end

  /** Everything works from now on; comes to rest, which takes as long as the client waits for anything. */
  async quiet(): Promise<void> {
    for (let idle = 0, round = 0; idle < 6; round++) {
      expect(round, "rounds until everything rests").toBeLessThan(400);
      for (const page of this.pages) page.broken = "no";
      const moved = await this.#flow();
      this.#complain();
      idle = moved ? 0 : idle + 1;
      // A storage that works answers at once: only what has just been asked of it may wait.
      for (let seconds = 0; seconds < (moved ? 1 : 20) && this.browser.disk.length === 0; seconds++) {
        await vi.advanceTimersByTimeAsync(moved ? 500 : 1000);
      }
    }
  }

  /** Whatever waits comes to pass, and every line is up. True if anything did. */
  async #flow(): Promise<boolean> {
    const ran = await this.#runAll();
    const moved = ran || this.object.busy || this.pages.some(({ line }) => line.readyState !== 1 || line.busy);
    for (const page of this.pages) page.in(() => page.line.dial());
    await settle();
    this.#turn(100, -1, 0);
    for (const page of this.pages) while (page.in(() => page.line.hear())) await settle();
    return moved;
  }

  async #runAll(): Promise<boolean> {
    let ran = false;
    for (const kind of ["disk", "locks", "messages"] as const) {
      while (await this.browser.run(kind)) {
        ran = true;
        await settle();
      }
    }
    return ran;
  }

  /** Whoever is there has everything, and has been told of everything. */
  checkPages(): void {
    for (const page of this.pages) {
      for (const channel of channels) {
        const { records, pending, status } = page.store.getState(channel);
        expect({ ...status, version: 0 }, channel).toEqual({ state: "live", pending: 0, storage: "persistent", version: 0 });
        expect(JSON.stringify(records), channel).toBe(this.object.rowsOf(channel));
        expect(pending, "what shows over the records").toEqual([]);
      }
      this.look(page);
    }
    for (const { page, told, tag } of this.acts) if (!page.dead) expect(told, `what the author of ${tag} was told`).not.toBeNull();
    this.checkLedger(false);
  }

  /** The ledger has what authors were told; `complete`: and what pages that are gone had saved. */
  checkLedger(complete: boolean): void {
    const tags = this.object.tags();
    const count = (tag: string) => tags.filter((other) => other === tag).length;
    for (const { tag, type, told, result, kept, excused, abort } of this.acts) {
      const times = count(tag);
      expect(times, `times that ${tag} was carried out`).toBeLessThanOrEqual(1);
      if (type === "refuse") expect(times, `${tag} was refused`).toBe(0);
      if (told === "committed" && type === "both") expect(result, `what ${tag} came to`).toBe(tag);
      if (told === "aborted" && !excused) expect(times, `${tag} was taken back`).toBe(0);
      if (told === "internal") expect(times, `${tag} met a failing storage`).toBe(0);
      if (told === "conflict") expect(type).toBe("refuse");
      if (excused || (this.#cleared && told === "cleared")) continue;
      expect([null, "committed", "conflict", "aborted", "internal"], `what ${tag} was told`).toContain(told);
      if (told === "committed") expect(times, `${tag} was told committed`).toBe(1);
      if (complete && told === null && kept && !abort.signal.aborted && type !== "refuse") expect(times, `${tag} was saved`).toBe(1);
    }
  }

  /** Everything comes to rest, then a new page goes on where all others have ended, and at last one sees only what is kept. */
  async conclude(): Promise<void> {
    this.#open();
    await this.quiet();
    this.checkPages();
    for (const page of this.pages) this.#kill(page, false);
    this.#open();
    await this.quiet();
    this.checkPages();
    this.checkLedger(true);
    for (const page of this.pages) this.#kill(page, false);
    await settle();
    await this.#runAll();
    const offline = new Page(this, this.object, this.browser);
    while (await this.#runAll()) await settle();
    for (const channel of channels) expect(JSON.stringify(offline.store.getState(channel).records), `${channel} as kept`).toBe(this.object.rowsOf(channel));
    this.look(offline);
    this.#kill(offline, true);
  }
}
