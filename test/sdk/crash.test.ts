import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder, type Scope } from '../support/folder.js';
import type { Note } from './crash-app.js';
import { steps, type Crash } from './crash-steps.js';
import { crashSuite, type Launcher } from './crash-suite.js';
import { websocketBridge } from './websocket-bridge.js';

const child = fileURLToPath(new URL('./crash-child.js', import.meta.url));

/** The app as a process, killed with -9 by itself. */
async function processes(t: Scope, store: 'level' | 'key-value', transport: 'mqtt.js' | 'slim'): Promise<Launcher> {
  const folder = await temporaryFolder(t);
  return {
    name: `${store}, ${transport}`,
    async run(options, asked) {
      const app = fork(child, [folder, store, transport, JSON.stringify(options)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      t.after(() => app.kill('SIGKILL'));
      app.on('message', (what: string) => void asked(what).then(() => app.connected && app.send('done', () => {})));
      const [code, signal] = (await once(app, 'exit')) as [number | null, NodeJS.Signals | null];
      assert.ok(signal === 'SIGKILL' || code === 0, `the app ended with ${code ?? signal}`);
      return signal === null ? 'ended' : 'killed';
    },
    notes: async () => (await readFile(join(folder, 'notes'), 'utf8')).trim().split('\n').map((line) => JSON.parse(line) as Note),
  };
}

const whens = ['before', 'during', 'after'] as const;

describe('an app killed at every kind of step of its store', { timeout: 300_000 }, () => {
  test('before and after each, on LevelDB and mqtt.js: nothing lost, nothing twice, all folded, counted and ticked', async (t) => {
    const crashes = steps.flatMap((step): Crash[] => [{ step, when: 'before' }, { step, when: 'after' }]);
    await crashSuite(t, await processes(t, 'level', 'mqtt.js'), (broker) => broker.url, crashes);
  });

  test('on a key-value storage and the slim transport', async (t) => {
    const crashes = steps.map((step, n): Crash => ({ step, when: whens[(n + 1) % 3] }));
    let url: Promise<string> | undefined;
    await crashSuite(t, await processes(t, 'key-value', 'slim'), (broker) => (url ??= websocketBridge(t, broker.port)), crashes);
  });
});
