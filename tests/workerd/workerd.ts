// SPDX-License-Identifier: MIT
// workerd by itself, with no wrangler around it: one process, which starts in a fraction of a second, is killed by its pid, and keeps its storage.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { unstable_readConfig as readConfig } from "wrangler";

const root = fileURLToPath(new URL("../..", import.meta.url));

// The very workerd that wrangler runs.
const { default: binary } = createRequire(createRequire(import.meta.url).resolve("wrangler"))("workerd") as { default: string };

export interface WorkerdOptions {
  /** Compatibility flags besides those of the wrangler.toml. */
  readonly flags?: readonly string[];
}

/** Lays out the Worker that a wrangler.toml describes as workerd wants it: objects with SQLite, nothing else bound. */
function layOut(folder: string, tomlPath: string, flags: readonly string[]): void {
  const { compatibility_date, compatibility_flags, durable_objects } = readConfig({ config: tomlPath }, { hideWarnings: true });
  const bindings: readonly { name: string; class_name: string }[] = durable_objects.bindings;
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true", WRANGLER_LOG_PATH: join(folder, "logs") };
  const wrangler = join(root, "node_modules/wrangler/bin/wrangler.js");
  const bundle = join(folder, "bundle");
  execFileSync(process.execPath, [wrangler, "deploy", "--dry-run", "--outdir", bundle, "--config", tomlPath], { env, cwd: folder, stdio: "pipe" });
  mkdirSync(join(folder, "state"));
  const text = (value: string) => JSON.stringify(value);
  const list = (items: string[]) => `[${items.join(", ")}]`;
  const module = (file: string) => {
    const name = file.endsWith(".wasm") ? `./${file}` : file;
    return `(name = ${text(name)}, ${file.endsWith(".wasm") ? "wasm" : "esModule"} = embed ${text(`bundle/${file}`)})`;
  };
  const modules = readdirSync(bundle).filter((file) => /\.(js|wasm)$/.test(file));
  // The first module is the one that is run.
  modules.sort((a, b) => Number(b.endsWith(".js")) - Number(a.endsWith(".js")));
  const lines = [
    `using Workerd = import "/workerd/workerd.capnp";`,
    `const config :Workerd.Config = (`,
    `  services = [(name = "main", worker = .main), (name = "state", disk = (path = ${text(join(folder, "state"))}, writable = true))],`,
    `  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]);`,
    `const main :Workerd.Worker = (`,
    `  modules = ${list(modules.map(module))},`,
    `  compatibilityDate = ${text(compatibility_date ?? "")},`,
    `  compatibilityFlags = ${list([...compatibility_flags, ...flags].map(text))},`,
    `  durableObjectNamespaces = ${list(bindings.map(({ class_name }) => `(className = ${text(class_name)}, uniqueKey = ${text(class_name)}, enableSql = true)`))},`,
    `  durableObjectStorage = (localDisk = "state"),`,
    `  bindings = ${list(bindings.map(({ name, class_name }) => `(name = ${text(name)}, durableObjectNamespace = ${text(class_name)})`))});`,
  ];
  writeFileSync(join(folder, "config.capnp"), `${lines.join("\n")}\n`);
}

export class Workerd {
  readonly #folder = mkdtempSync(join(tmpdir(), "durasync-workerd-"));
  #child: ChildProcess | undefined;
  #port = 0;
  /** How often it was started. */
  starts = 0;
  /** What the processes have said on their standard error. */
  said = "";

  /** @param config a wrangler.toml, relative to the project's root */
  constructor(config: string, { flags = [] }: WorkerdOptions = {}) {
    layOut(this.#folder, join(root, config), flags);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The most bytes that the running process has held in memory so far. */
  get memory(): number {
    const kilobytes = /^VmHWM:\s*(\d+)/m.exec(readFileSync(`/proc/${this.#child?.pid}/status`, "utf8"))?.[1];
    return 1024 * Number(kilobytes);
  }

  /** Starts the server on the storage that the last one left, and on its port; resolves when it listens. */
  async start(): Promise<void> {
    const options = ["--experimental", `--socket-addr=http=127.0.0.1:${this.#port}`, "--control-fd=3"];
    const child = spawn(binary, ["serve", join(this.#folder, "config.capnp"), ...options], { stdio: ["ignore", "ignore", "pipe", "pipe"] });
    this.#child = child;
    this.starts++;
    child.stderr?.on("data", (bytes: Buffer) => (this.said += bytes.toString()));
    let told = "";
    this.#port = await new Promise<number>((resolve, reject) => {
      (child.stdio[3] as Readable).on("data", (bytes: Buffer) => {
        told += bytes.toString();
        const port = /"port":\s*(\d+)/.exec(told)?.[1];
        if (port !== undefined) resolve(Number(port));
      });
      child.once("exit", () => reject(new Error(`workerd did not start:\n${this.said}`)));
    });
  }

  /** SIGKILL: the process does nothing any more from here on. Resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  /** Ends the server and removes its storage. */
  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
