// SPDX-License-Identifier: MIT
// workerd with one target in it, in a process of its own, with its storage on disk.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleWorker } from "./bundle.ts";
import type { Rows } from "./measured.ts";
import { cpuTime, mainThreadTime, peakMemory, residentMemory, resetPeak } from "./process.ts";
import { openWire, type Wire } from "./wire.ts";

export type ObjectClass = "Todos" | "Wide";

// The binary that wrangler brings: the package says where it is.
const { default: workerd } = createRequire(import.meta.url)("workerd") as { default: string };
const SEED_STEP = 20_000;
const LOG = 4000; // characters of workerd's own words that are kept

interface Ports {
  readonly http?: number;
  readonly inspector?: number;
}

// What workerd says of itself: a line of JSON for each port, its own ones first.
function portsIn(control: string): Ports {
  const port = (event: string) => new RegExp(`"event":"${event}".*"port":(\\d+)`).exec(control)?.[1];
  const [http, inspector] = [port("listen"), port("listen-inspector")];
  return { ...(http === undefined ? {} : { http: Number(http) }), ...(inspector === undefined ? {} : { inspector: Number(inspector) }) };
}

export class BenchServer {
  readonly #folder: string;
  readonly #module: string;
  readonly #inspected: boolean;
  #config: string | undefined;
  #child: ChildProcess | undefined;
  readonly #seeded = new Set<string>();
  #ports: Ports = {};
  #log = "";

  /**
   * @param module the path of the target's Worker
   * @param inspected whether workerd lets an inspector in, which costs what is measured a little
   */
  constructor(module: string, inspected = false) {
    this.#module = module;
    this.#inspected = inspected;
    this.#folder = mkdtempSync(join(tmpdir(), "durasync-bench-"));
  }

  /** The last that workerd had to say, for when something goes wrong. */
  get log(): string {
    return this.#log;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error("the server does not run");
    return this.#child.pid;
  }

  /** Where an inspector connects (Chrome DevTools protocol). */
  get inspector(): string {
    if (this.#ports.inspector === undefined) throw new Error("the server lets no inspector in");
    return `ws://127.0.0.1:${this.#ports.inspector}/main`;
  }

  /** Starts workerd on the storage that it left. Resolves with the milliseconds that it took. */
  async start(): Promise<number> {
    if (this.#config === undefined) {
      mkdirSync(join(this.#folder, "state"));
      this.#config = await bundleWorker(this.#module, this.#folder, join(this.#folder, "state"));
    }
    const begin = performance.now();
    const options = ["--experimental", "--verbose", "--control-fd=3", ...(this.#inspected ? ["--inspector-addr=127.0.0.1:0"] : [])];
    const child = spawn(workerd, ["serve", ...options, this.#config], { stdio: ["ignore", "ignore", "pipe", "pipe"] });
    this.#child = child;
    child.stderr?.on("data", (bytes: Buffer) => (this.#log = (this.#log + bytes.toString()).slice(-LOG)));
    this.#ports = await new Promise<Ports>((resolve, reject) => {
      let text = "";
      child.stdio[3]?.on("data", (bytes: Buffer) => {
        text += bytes.toString();
        const ports = portsIn(text);
        if (ports.http !== undefined && (ports.inspector !== undefined || !this.#inspected)) resolve(ports);
      });
      child.once("exit", (code) => reject(new Error(`workerd ended with ${code}: ${this.#log}`)));
    });
    return performance.now() - begin;
  }

  /** Ends workerd; its storage stays. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  }

  /** Ends workerd and removes its storage at once, for a process that ends. */
  kill(): void {
    this.#child?.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Where an object's sockets connect. */
  address(name: string, objectClass: ObjectClass = "Todos"): string {
    return `ws://127.0.0.1:${this.#ports.http}/object/${objectClass}/${name}`;
  }

  async connect(name: string, { deflate, objectClass = "Todos" }: { deflate: boolean; objectClass?: ObjectClass }): Promise<Wire> {
    return await openWire(this.address(name, objectClass), deflate);
  }

  /** Calls a method of an object. */
  async call(name: string, method: string, args: readonly unknown[] = [], objectClass: ObjectClass = "Todos"): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.#ports.http}/call/${objectClass}/${name}/${method}`, { method: "POST", body: JSON.stringify(args) });
    if (!response.ok) throw new Error(`${method}: ${await response.text()}. workerd says:\n${this.#log}`);
    return await response.json();
  }

  /** Gives the object `count` rows, unless it has been given them before. */
  async seed(name: string, count: number, size = 40): Promise<void> {
    if (this.#seeded.has(name)) return;
    this.#seeded.add(name);
    for (let at = 0; at < count; at += SEED_STEP) await this.call(name, "seed", [at, Math.min(SEED_STEP, count - at), size]);
  }

  /** Hibernates the object: what it had in memory is gone, its sockets stay. */
  async hibernate(name: string): Promise<void> {
    await this.call(name, "evict");
  }

  async rows(name: string, objectClass: ObjectClass = "Todos"): Promise<Rows> {
    return (await this.call(name, "rows", [], objectClass)) as Rows;
  }

  /** Milliseconds of CPU that workerd has used. */
  cpu(): number {
    return cpuTime(this.pid);
  }

  /** Of that, what its main thread has used: the one that runs JavaScript. */
  mainThread(): number {
    return mainThreadTime(this.pid);
  }

  memory(): number {
    return residentMemory(this.pid);
  }

  peak(): number {
    return peakMemory(this.pid);
  }

  resetPeak(): void {
    resetPeak(this.pid);
  }
}
