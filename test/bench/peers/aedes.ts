import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Peer } from './peer.js';
import { plainAccount, plainDialect } from './plain.js';
import { host, ServerProcess, workFolder } from './process.js';

const script = fileURLToPath(new URL('./aedes-server.js', import.meta.url));

export const aedes: Peer = {
  name: 'Aedes',
  settings: 'stock, everything in memory',
  variants: ['nodelay'],
  dialect: plainDialect,
  version() {
    const file = new URL('package.json', import.meta.resolve('aedes'));
    return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  },
  async start() {
    const server = ServerProcess.start(await workFolder(), process.execPath, [script]);
    const [, port] = await server.printed(/listening (\d+)/);
    return { host, port: Number(port), pid: server.pid, account: plainAccount, stop: () => server.stop() };
  },
};
