// SPDX-License-Identifier: MIT
// `durasync build --watch`: builds again whenever a C file beside the app changes, and runs a command meanwhile.
import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { watch } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout } from "node:timers/promises";

/** Calls `rebuild` after every change of a C file in the app's folder, until the process ends. */
export async function watchSources(app, rebuild) {
  const folder = statSync(app).isDirectory() ? app : dirname(app);
  for await (const { filename } of watch(folder)) {
    if (filename !== null && !/\.(c|h|def)$/.test(filename)) continue;
    await setTimeout(50); // an editor may still be writing
    await rebuild();
  }
}

/** Runs `command` as if it had been typed instead: it gets the signals, and its end is the end of the process. */
export function become([command, ...args]) {
  const child = spawn(command, args, { stdio: "inherit", shell: process.platform === "win32" });
  child.on("error", (error) => {
    console.error(error.message);
    process.exit(1);
  });
  child.on("exit", (status) => process.exit(status ?? 1));
  process.on("SIGINT", () => {}); // Ctrl-C reaches the command as well
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
}
