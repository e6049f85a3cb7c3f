// SPDX-License-Identifier: MIT
// What a process has used, as the kernel counts it (Linux).
import { readFileSync, readdirSync, writeFileSync } from "node:fs";

/** Milliseconds of CPU that the threads of the process have used. */
export function cpuTime(pid: number): number {
  // Run time in nanoseconds: /proc/<pid>/stat knows only hundredths of a second.
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + runTime(`/proc/${pid}/task/${thread}/schedstat`), 0) / 1e6;
}

/** Milliseconds of CPU that the thread has used with which the process began. */
export const mainThreadTime = (pid: number): number => runTime(`/proc/${pid}/task/${pid}/schedstat`) / 1e6;

function runTime(file: string): number {
  try {
    return Number(readFileSync(file, "utf8").split(" ")[0]);
  } catch {
    return 0; // the thread has just ended
  }
}

/** Bytes that the process has in memory. */
export const residentMemory = (pid: number): number => status(pid, "VmRSS");

/** The most bytes that it has had since the peak was last reset. */
export const peakMemory = (pid: number): number => status(pid, "VmHWM");

/** Files, sockets among them, that a process may have open. */
export const openFiles = (): number => Number(/^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1]);

export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

function status(pid: number, field: string): number {
  return 1024 * Number(new RegExp(`^${field}:\\s*(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}
