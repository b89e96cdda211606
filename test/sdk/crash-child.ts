/** `crash-app` as a process of its own, on a store in a folder. Arguments: folder, kind of store, transport, options of the run. */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyValueStore, webSocketTransport, type KeyValueStorage } from 'godwit-client';
import { levelStore } from 'godwit-client/node';
import { WebSocket } from 'ws';
import { runApp, type RunOptions } from './crash-app.js';

const [folder, kind, transport, options] = process.argv.slice(2);

/** An AsyncStorage in a folder: a file for each item, put whole or not at all. */
function filesStorage(folder: string): KeyValueStorage {
  mkdirSync(folder, { recursive: true });
  const file = (key: string): string => join(folder, encodeURIComponent(key));
  const temporary = `${folder}.new`;
  return {
    getItem: async (key) => (existsSync(file(key)) ? readFileSync(file(key), 'utf8') : null),
    setItem: async (key, value) => {
      writeFileSync(temporary, value);
      renameSync(temporary, file(key));
    },
    removeItem: async (key) => rmSync(file(key), { force: true }),
    getAllKeys: async () => readdirSync(folder).map(decodeURIComponent),
  };
}

const store = kind === 'level' ? await levelStore(join(folder, 'store')) : await keyValueStore(filesStorage(join(folder, 'items')));
const host = {
  note: (note: object) => appendFileSync(join(folder, 'notes'), `${JSON.stringify(note)}\n`),
  ask: (what: string): Promise<void> => {
    process.send!(what);
    return new Promise((resolve) => process.once('message', () => resolve()));
  },
  die: () => void process.kill(process.pid, 'SIGKILL'),
};
await runApp(JSON.parse(options) as RunOptions, store, host, transport === 'slim' ? { transport: webSocketTransport({ WebSocket: WebSocket as never }) } : {});
process.exit(0);
