import { readFileSync } from 'node:fs';

/** Memory of a process in bytes: all that is resident, and the part of it that is not the page cache of some file. */
export interface Memory {
  resident: number;
  anonymous: number;
}

/** USER_HZ: the kernel reports times to user space in hundredths of a second on every architecture that Node runs on. */
const tickUs = 10_000;

/** CPU time of a process in µs: user and system, all threads, also those that have ended. NaN where there is no /proc. */
export function cpuUs(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  // The name, in brackets, may hold blanks. utime and stime are fields 14 and 15 (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickUs;
}

/** Time that the main thread of a process could run and had no core for, in µs. NaN where there is no /proc. */
export function waitedUs(pid: number): number {
  // Time on a core, time waiting for one, in nanoseconds (the kernel's sched-stats.rst).
  return Number(read(`/proc/${pid}/task/${pid}/schedstat`).split(' ')[1]) / 1000;
}

/** CPU time that all processes, and other guests of the same machine (steal), have taken so far, in µs. NaN where there is no /proc. */
export function machineCpuUs(): number {
  const [, user, nice, system, , , , , steal] = read('/proc/stat').split('\n')[0].split(/\s+/).map(Number);
  return (user + nice + system + steal) * tickUs;
}

/** NaN where there is no /proc. */
export function memory(pid: number): Memory {
  const text = read(`/proc/${pid}/smaps_rollup`);
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1024;
  return { resident: field('Rss'), anonymous: field('Anonymous') };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
