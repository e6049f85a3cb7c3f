// SPDX-License-Identifier: MIT
// Sends a table of 1,000,000 rows to one client and watches the memory of the process that the object lives in: `make bench-large`.
import { readdirSync, readFileSync } from "node:fs";
import { connectClient } from "./clients.ts";
import { startBench } from "./server.ts";

const ROWS = 1_000_000;
const TEXT = 200;
const MB = 1024 * 1024;

/** The processes below `pid`, itself included. */
function family(pid: number): number[] {
  const parents = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map((name) => ({ pid: Number(name), parent: Number(status(name, "PPid") ?? -1) }));
  const below = (ancestor: number): number[] => [ancestor, ...parents.filter(({ parent }) => parent === ancestor).flatMap((child) => below(child.pid))];
  return below(pid);
}

/** A field of /proc/<pid>/status; undefined once the process is gone. */
function status(pid: number | string, field: string): string | undefined {
  try {
    return new RegExp(`^${field}:\\s*(.*)$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  } catch {
    return undefined;
  }
}

function findWorkerd(): number {
  const pids = family(process.pid).filter((pid) => status(pid, "Name") === "workerd");
  const [largest] = pids.sort((a, b) => memory(b) - memory(a));
  if (largest === undefined) throw new Error("workerd was not found in /proc");
  return largest;
}

/** Resident memory in bytes. */
const memory = (pid: number): number => 1024 * Number.parseInt(status(pid, "VmRSS") ?? "0", 10);

const server = await startBench();
try {
  const subject = server.subject("Todos", "large");
  await subject.seed(0, ROWS, TEXT);
  const client = await connectClient(subject, "reader");
  await client.hello();
  await subject.take();
  const workerd = findWorkerd();
  const before = memory(workerd);
  let most = before;
  const sampling = setInterval(() => (most = Math.max(most, memory(workerd))), 5);
  const start = performance.now();
  const units = await client.sync();
  const seconds = (performance.now() - start) / 1000;
  clearInterval(sampling);
  const { framesOut } = await subject.take();
  console.log(`${ROWS.toLocaleString("en-US")} rows, ${(units / MB).toFixed(0)} MB in ${framesOut} frames, ${seconds.toFixed(1)} s`);
  console.log(`workerd had ${(before / MB).toFixed(0)} MB before, and grew by ${((most - before) / MB).toFixed(0)} MB`);
} finally {
  await server.close();
}
