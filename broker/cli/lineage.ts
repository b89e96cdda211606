import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { readIfThere, replaceFile } from './files.js';

/**
 * Names the data of a server: an id that was made with it, and one more for every time that it was restored from a
 * backup. A device that keeps what it had from one server must not take the places of another for the same ones.
 */
export type Lineage = readonly [string, ...string[]];

function path(data: string): string {
  return join(data, 'lineage');
}

/** undefined: the data has no name (it was never served by `godwit serve`, or is a copy made by other means). */
export function readLineage(data: string): Lineage | undefined {
  return parseLineage(readIfThere(path(data)) ?? '');
}

export function loadOrCreateLineage(data: string): Lineage {
  return readLineage(data) ?? write(data, [newId()]);
}

/** A backup is of the same data. */
export function copyLineage(data: string, backup: string): void {
  const lineage = readLineage(data);
  if (lineage) write(backup, lineage);
}

/** What is restored goes on from where the backup was made, and apart from what the original did since. */
export function continueLineage(backup: string, data: string): void {
  const lineage = readLineage(backup);
  if (lineage) write(data, [...lineage, newId()]);
}

/** Whether a device that was last with `known` may go on with `now`: the same data, or data restored from it. */
export function goesOn(known: Lineage, now: Lineage): boolean {
  return known.every((id, i) => id === now[i]);
}

export function formatLineage(lineage: Lineage): string {
  return `${lineage.join('\n')}\n`;
}

export function parseLineage(text: string): Lineage | undefined {
  const [first, ...more] = text.split('\n').filter((id) => id !== '');
  return first === undefined ? undefined : [first, ...more];
}

function write(data: string, lineage: Lineage): Lineage {
  replaceFile(path(data), formatLineage(lineage));
  return lineage;
}

function newId(): string {
  return randomBytes(8).toString('hex');
}
