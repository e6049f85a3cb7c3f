// SPDX-License-Identifier: MIT
// A project of somebody who uses the package: a folder outside of the repository, where commands are typed.
import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";

const npmCache = process.env["npm_config_cache"] ?? join(homedir(), ".npm");

// No telemetry and no look-ups.
const quiet = {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  X_LOCAL_EXPLORER: "false",
  X_LOCAL_OBSERVABILITY: "false",
  NO_COLOR: "1",
};

/** The environment of a person's shell: nothing of the test runner's or of an npm that started it. */
export function cleanEnv(): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|INIT_CWD$|NODE_(ENV|OPTIONS|PATH)$|VITE|TEST$|CI$|FORCE_COLOR$)/i.test(name));
  const path = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
  return { ...Object.fromEntries(own), PATH: path.join(delimiter) };
}

export class Project {
  /** The project's folder; empty to begin with. */
  readonly folder: string;
  readonly #scratch = mkdtempSync(join(tmpdir(), "durasync-project-"));
  readonly #env: Record<string, string | undefined>;
  #children: ChildProcess[] = [];

  /** @param settings npm's, by name */
  constructor(settings: Record<string, string>) {
    this.folder = join(this.#scratch, "project");
    mkdirSync(this.folder);
    // npm's downloads are shared with the machine's, but not what npx has installed before under the same version.
    const cache = join(this.#scratch, "npm");
    mkdirSync(cache);
    mkdirSync(join(npmCache, "_cacache"), { recursive: true });
    symlinkSync(join(npmCache, "_cacache"), join(cache, "_cacache"));
    const npm = { cache, prefer_offline: "true", audit: "false", fund: "false", yes: "true", ...settings }; // "yes" to npx, which asks whether it may install
    const env = cleanEnv();
    this.#env = {
      ...env,
      ...quiet,
      ...Object.fromEntries(Object.entries(npm).map(([name, value]) => [`npm_config_${name}`, value])),
      PATH: [dirname(process.execPath), env["PATH"]].join(delimiter), // the Node that runs this
      WRANGLER_LOG_PATH: join(this.#scratch, "logs"),
      WRANGLER_REGISTRY_PATH: join(this.#scratch, "registry"),
    };
  }

  /** Copies a file or the content of a folder into the project. */
  take(from: string, to = "."): void {
    cpSync(from, join(this.folder, to), { recursive: true });
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  /** Types commands and waits until they have ended; the status and everything they said. */
  async run(commands: string): Promise<{ status: number | null; said: string }> {
    const child = this.#spawn(commands);
    let said = "";
    const hear = (bytes: Buffer) => void (said += bytes.toString());
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { status, said };
  }

  /** Types commands of which the last goes on; resolves with the first group of `sign` once they have said it. */
  async start(commands: string, sign: RegExp): Promise<string> {
    const child = this.#spawn(commands);
    let said = "";
    return await new Promise<string>((resolve, reject) => {
      const hear = (bytes: Buffer) => {
        said += bytes.toString();
        const found = sign.exec(said)?.[1];
        if (found !== undefined) resolve(found);
      };
      child.stdout?.on("data", hear);
      child.stderr?.on("data", hear);
      child.once("close", () => reject(new Error(`it ended without ${sign}:\n${said}`)));
    });
  }

  /** Ends what still runs, and removes the project. */
  async dispose(): Promise<void> {
    await Promise.all(this.#children.map(end));
    rmSync(this.#scratch, { recursive: true, force: true, maxRetries: 5 });
  }

  // A group of its own, so that its end reaches what it has started in turn.
  #spawn(commands: string): ChildProcess {
    const child = spawn("sh", ["-ec", commands], { cwd: this.folder, env: this.#env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    this.#children.push(child);
    return child;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("close", resolve));
  process.kill(-child.pid, "SIGKILL");
  await gone;
}
