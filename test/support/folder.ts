import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where cleaning up is registered: a test, or a suite. */
export interface Scope {
  after(clean: () => unknown): void;
}

/** A folder of the test's own, removed when it ends. */
export async function temporaryFolder(t: Scope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'godwit-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
