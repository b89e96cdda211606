import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import type { Scope } from '../support/folder.js';

const limit = (bytes: number | 'unlimited'): number | null => spawnSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:`]).status;

/** A reason to skip where it cannot be limited; false where it can. */
export const noLimits = limit('unlimited') !== 0 && 'files cannot be limited here (prlimit of util-linux)';

/** No file of this process may grow beyond so many bytes: as on a full disk, a write that reaches them ends in the middle. */
export function smallFiles(t: Scope, bytes: number): { lift(): void } {
  const ignored = (): void => {};
  // Unheard, it ends the process.
  process.on('SIGXFSZ', ignored);
  assert.equal(limit(bytes), 0);
  const lift = (): void => assert.equal(limit('unlimited'), 0);
  t.after(() => {
    lift();
    process.off('SIGXFSZ', ignored);
  });
  return { lift };
}
