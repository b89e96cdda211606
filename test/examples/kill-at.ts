/**
 * Loaded before a program (`--import`): kills its process at the KILL_AT-th step that touches the disk. Steps are
 * before and after every batch of LevelDB, and before and after every line appended to a file. 0 = never.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { Level } from 'level';

const killAt = Number(process.env.KILL_AT);
let steps = 0;
function step(): void {
  if (++steps === killAt) process.kill(process.pid, 'SIGKILL');
}

const { appendFileSync } = fs;
fs.appendFileSync = (...args) => {
  step();
  appendFileSync(...args);
  step();
};
syncBuiltinESMExports();

const prototype = Level.prototype as unknown as { batch(...args: unknown[]): Promise<void> };
const { batch } = prototype;
prototype.batch = async function (this: unknown, ...args: unknown[]) {
  step();
  await batch.apply(this, args);
  step();
};
