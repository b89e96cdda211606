import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Peer } from './peer.js';
import { plainAccount, plainDialect } from './plain.js';
import { findProgram, freePort, host, ServerProcess, workFolder } from './process.js';

const program = findProgram('rumqttd', 'RUMQTTD');

export const rumqttd: Peer = {
  name: 'rumqttd',
  settings: 'segments of 100 MB in memory, no delay between connections',
  variants: ['default'],
  dialect: plainDialect,
  version() {
    if (!program) return undefined;
    return /rumqttd (\S+)/.exec(spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout)?.[1];
  },
  async start() {
    const folder = await workFolder();
    const port = await freePort();
    const config = join(folder, 'rumqttd.toml');
    await writeFile(config, settings(port));
    const server = ServerProcess.start(folder, program!, ['-q', '-c', config]);
    await server.listening(port);
    return { host, port, pid: server.pid, account: plainAccount, stop: () => server.stop() };
  },
};

const settings = (port: number) => `
id = 0

[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10

[v4.1]
name = "v4-1"
listen = "${host}:${port}"
next_connection_delay_ms = 0
  [v4.1.connections]
  connection_timeout_ms = 60000
  max_payload_size = 20480
  max_inflight_count = 100
  dynamic_filters = true
`;
