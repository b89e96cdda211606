/** Times as people read them, in the time zone of this machine, on a 24-hour clock. */

const DAY_MS = 86_400_000;

/** `14:03` */
export function clock(atMs: number): string {
  const at = new Date(atMs);
  return `${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** `2026-11-22` */
export function day(atMs: number): string {
  const at = new Date(atMs);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** `14:03` of today, `yesterday 14:03`, `2026-11-20 14:03`. */
export function agoOrTime(atMs: number, nowMs: number): string {
  if (day(atMs) === day(nowMs)) return clock(atMs);
  if (day(atMs) === day(nowMs - DAY_MS)) return `yesterday ${clock(atMs)}`;
  return `${day(atMs)} ${clock(atMs)}`;
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}
