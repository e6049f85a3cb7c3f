// SPDX-License-Identifier: MIT
// What this repository would publish, as npm would find it: a registry that knows durasync, and sends whoever asks for anything else to the machine's own.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cleanEnv } from "./project.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));

const npm = async (...args: string[]) => (await promisify(execFile)("npm", args, { cwd: root, env: cleanEnv() })).stdout.trim();

/** Packs the repository into a folder; returns the tarball's path. */
export async function pack(folder: string): Promise<string> {
  return join(folder, await npm("pack", "--silent", "--pack-destination", folder));
}

export class Registry {
  readonly #folder = mkdtempSync(join(tmpdir(), "durasync-registry-"));
  #server: Server | undefined;

  #globalConfig = "";

  /** What npm must be told to come here. Its global settings are the machine's, whatever Node runs it. */
  get settings(): Record<string, string> {
    return { registry: this.#url, globalconfig: this.#globalConfig };
  }

  get #url(): string {
    return `http://127.0.0.1:${(this.#server?.address() as AddressInfo).port}/`; // a server that listens on a port has such an address
  }

  async start(): Promise<void> {
    const [tarball, upstream, globalConfig] = await Promise.all([pack(this.#folder), npm("config", "get", "registry"), npm("config", "get", "globalconfig")]);
    this.#globalConfig = globalConfig;
    const bytes = readFileSync(tarball);
    this.#server = createServer((request, response) => {
      if (request.url === "/durasync") response.setHeader("content-type", "application/json").end(JSON.stringify(this.#packument(bytes)));
      else if (request.url === "/durasync.tgz") response.end(bytes);
      else response.writeHead(302, { location: new URL(request.url?.slice(1) ?? "", upstream).href }).end();
    });
    await new Promise<void>((resolve) => this.#server?.listen(0, "127.0.0.1", resolve));
  }

  stop(): void {
    this.#server?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #packument(tarball: Buffer): object {
    const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
    const version = { ...manifest, dist: { tarball: `${this.#url}durasync.tgz`, integrity } };
    return { name: manifest.name, "dist-tags": { latest: manifest.version }, versions: { [manifest.version]: version } };
  }
}
