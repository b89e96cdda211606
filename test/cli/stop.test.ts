import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { limits } from 'godwit-schemas';
import { temporaryFolder } from '../support/folder.js';

const program = fileURLToPath(new URL('./hanging-server.js', import.meta.url));

interface Hanging {
  kill(signal: NodeJS.Signals): void;
  ended: Promise<{ code: number | null; stderr: string }>;
}

async function hangingServer(t: TestContext, patienceMs: number): Promise<Hanging> {
  const child = spawn(process.execPath, [program, await temporaryFolder(t), String(patienceMs)], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stderr }));
  await once(child.stdout, 'data');
  return { kill: (signal) => child.kill(signal), ended };
}

describe('a server that does not get done with stopping', { concurrency: true }, () => {
  test('is ended after its time (shutdownMs), with code 1 and a line that says so', async (t) => {
    const server = await hangingServer(t, 300);
    server.kill('SIGTERM');
    assert.deepEqual(await server.ended, { code: 1, stderr: 'godwit: it did not stop within 0.3 s and was ended; nothing that was accepted is lost\n' });
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`a second ${signal} ends it at once`, async (t) => {
      const server = await hangingServer(t, limits.shutdownMs.value * 60);
      server.kill(signal);
      // Signals that wait at the same time are one: the second must come after the first was taken.
      const again = setInterval(() => server.kill(signal), 50);
      t.after(() => clearInterval(again));
      assert.deepEqual(await server.ended, { code: 1, stderr: '' });
    });
  }
});
