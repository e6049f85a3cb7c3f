// SPDX-License-Identifier: MIT
// Opens the page that the last `make bench` has written.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const page = fileURLToPath(new URL("../build/bench/index.html", import.meta.url));
const opener = { darwin: ["open"], win32: ["cmd", "/c", "start", ""] }[process.platform] ?? ["xdg-open"];

if (!existsSync(page)) {
  console.error("There is no page yet: make bench writes it.");
  process.exitCode = 1;
} else if (spawnSync(opener[0], [...opener.slice(1), page], { stdio: "ignore" }).status !== 0) {
  console.log(`Open ${page} in a browser.`);
}
