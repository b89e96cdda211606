/** `crash-app` in a browser, on IndexedDB. */
import { indexedDbStore } from 'godwit-client';
import { runApp, type Host, type RunOptions } from './crash-app.js';

const { tell, ask, die } = globalThis as unknown as { tell(note: object): void; ask: Host['ask']; die(): void };

const run = async (options: RunOptions): Promise<void> => {
  await runApp(options, await indexedDbStore('alice'), { note: (note) => tell(note), ask: (what) => ask(what), die: () => die() });
};

Object.assign(globalThis, { run });
