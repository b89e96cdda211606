import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { limits } from 'godwit-schemas';
import { temporaryFolder } from '../support/folder.js';

const program = fileURLToPath(new URL('./hanging-server.js', import.meta.url));

const root = fileURLToPath(new URL('../../../', import.meta.url));

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

/** Resolves when the stream has printed this. */
function printed(stream: NodeJS.ReadableStream, expected: RegExp): Promise<void> {
  return new Promise((resolve) => {
    let text = '';
    stream.on('data', (chunk: Buffer) => {
      text += String(chunk);
      if (expected.test(text)) resolve();
    });
  });
}

test('npm start: a SIGTERM to npm stops the server too, though the shell between dies of it', async (t) => {
  const env = { ...process.env, GODWIT_DATA: await temporaryFolder(t), GODWIT_MQTT_PORT: '0', GODWIT_HTTP_PORT: '0', GODWIT_LOG_LEVEL: 'info' };
  const npm = spawn('npm', ['start'], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => npm.kill('SIGKILL'));
  await printed(npm.stdout, /http:\/\//);
  const stopped = printed(npm.stderr, /"msg":"stopped"/);
  npm.kill('SIGTERM');
  await stopped;
});

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
