// SPDX-License-Identifier: MIT
// A server in a process of its own, to be killed as a machine kills it.
import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

// No telemetry and no look-ups: the tests run without a network.
const quiet = {
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_HIDE_BANNER: "true",
  X_LOCAL_EXPLORER: "false",
  X_LOCAL_OBSERVABILITY: "false",
  CI: "true",
};

function replaceFolder(to: string, from: string): void {
  rmSync(to, { recursive: true, force: true, maxRetries: 5 });
  cpSync(from, to, { recursive: true });
}

export class ServerProcess {
  readonly #folder = mkdtempSync(join(tmpdir(), "durasync-state-"));
  readonly #copy = mkdtempSync(join(tmpdir(), "durasync-copy-"));
  readonly #config: string;
  #child: ChildProcess | undefined;
  #port = 0;

  /** @param config a wrangler.toml, relative to the project's root */
  constructor(config: string) {
    this.#config = config;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts the server on the storage that the last one left, and on its port. */
  async start(): Promise<void> {
    const options = ["--ip", "127.0.0.1", "--port", `${this.#port}`, "--persist-to", this.#folder, "--show-interactive-dev-session=false"];
    const command = [join(root, "node_modules/wrangler/bin/wrangler.js"), "dev", "--config", join(root, this.#config), ...options];
    // A group of its own, so that the kill reaches workerd as well.
    const child = spawn(process.execPath, command, { cwd: this.#folder, env: { ...process.env, ...quiet, WRANGLER_LOG_PATH: this.#folder }, detached: true });
    this.#child = child;
    let output = "";
    this.#port = await new Promise<number>((resolve, reject) => {
      const read = (bytes: Buffer) => {
        output += bytes.toString();
        const port = /Ready on http:\/\/127\.0\.0\.1:(\d+)/.exec(output)?.[1];
        if (port !== undefined) resolve(Number(port));
      };
      child.stdout.on("data", read);
      child.stderr.on("data", read);
      child.on("exit", () => reject(new Error(`the server did not start:\n${output}`)));
    });
  }

  /** SIGKILL, to every process of the server at once; resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    process.kill(-child.pid, "SIGKILL");
    await gone;
  }

  /** Copies the storage of a server that has been killed. */
  saveStorage(): void {
    replaceFolder(this.#copy, this.#folder);
  }

  /** Brings the copied storage back; the server must have been killed. */
  restoreStorage(): void {
    replaceFolder(this.#folder, this.#copy);
  }

  /** Ends the server and removes its storage. */
  async dispose(): Promise<void> {
    await this.kill();
    for (const folder of [this.#folder, this.#copy]) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
