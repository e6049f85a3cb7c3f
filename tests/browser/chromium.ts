// SPDX-License-Identifier: MIT
import { chromium, type Browser } from "playwright-core";

// Nothing that a browser does of its own accord, and no sandbox, which a container may not have.
const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", ...quiet];

/** How the machine's Chromium, as tests/run.mjs has found it, is started. */
export function chromiumOptions(): { executablePath: string; args: string[] } {
  const executablePath = process.env["CHROMIUM"];
  if (!executablePath) throw new Error("CHROMIUM is to be the path of a Chromium");
  return { executablePath, args: flags };
}

export async function launchChromium(): Promise<Browser> {
  return await chromium.launch(chromiumOptions());
}
