import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Peer } from './peer.js';
import { plainAccount, plainDialect } from './plain.js';
import { findProgram, freePort, host, ServerProcess, workFolder } from './process.js';

const program = findProgram('mosquitto');

/** Nagle's algorithm holds its small writes back at a steady load, and coalesces them for it in a burst: both are tried. */
export const mosquitto: Peer = {
  name: 'Mosquitto',
  settings: 'persistence off, no limit on queued messages, log off; set_tcp_nodelay true or false, whichever is better for the workload',
  variants: ['nodelay', 'nagle'],
  dialect: plainDialect,
  version() {
    if (!program) return undefined;
    return /version (\S+)/.exec(spawnSync(program, ['-h'], { encoding: 'utf8' }).stdout)?.[1];
  },
  async start(variant) {
    const folder = await workFolder();
    const port = await freePort();
    const config = join(folder, 'mosquitto.conf');
    await writeFile(config, settings(port, variant === 'nodelay'));
    const server = ServerProcess.start(folder, program!, ['-c', config]);
    await server.listening(port);
    return { host, port, pid: server.pid, account: plainAccount, stop: () => server.stop() };
  },
};

const settings = (port: number, nodelay: boolean) => `
listener ${port} ${host}
allow_anonymous true
persistence false
set_tcp_nodelay ${nodelay}
max_inflight_messages 1000
max_queued_messages 0
max_queued_bytes 0
sys_interval 0
log_type none
log_dest none
connection_messages false
`;
