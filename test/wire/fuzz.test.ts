import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { limits } from 'godwit-schemas';
import { checkPlaces } from '../support/deliveries.js';
import { temporaryFolder } from '../support/folder.js';
import { Wire } from '../support/wire.js';
import { makeCertificate } from '../unit/certificate.js';
import { ATTACKING_DEVICES, campaign, WITNESS } from './campaign.js';
import { Line, type Transport } from './line.js';
import { Pair } from './pair.js';
import { WatchedServer } from './watched-server.js';

/** Another seed, other packets; a connection that fared ill is named by its seed and number. */
const SEED = Number(process.env.TEST_SEED ?? 1);
/** Under --fast a tenth is sent. */
const PACKETS = process.env.TEST_FAST === '1' ? 10_000 : 100_000;
const SECURE_PACKETS = PACKETS / 20;
/** The part of the packets after which everything that is filled once is full. */
const WARM_UP = 0.2;
/** What memory may have grown by. A leak of a hundred bytes a packet would be more. */
const GROWTH_BYTES = 6_000_000;
/** The pair, and the witness. */
const CONNECTED = 3;
/** A damaged CONNECT may name another device of the same user; few do. */
const DEVICES = 2 * ATTACKING_DEVICES;

interface Battle {
  server: WatchedServer;
  pair: Pair;
  /** Is written to by the attackers, and reads whatever the server passed on. */
  witness: Wire;
}

async function prepare(t: TestContext, env: Record<string, string> = {}): Promise<Battle> {
  const server = await WatchedServer.start(t, env);
  const pair = await Pair.connect(t, server, env.GODWIT_TLS_CERT !== undefined);
  const witness = await Wire.connect(t, server, `${WITNESS}:phone`);
  await witness.subscribe(`u/${WITNESS}/#`);
  pair.start();
  return { server, pair, witness };
}

async function finish({ server, pair, witness }: Battle): Promise<void> {
  await pair.stop();
  await witness.pong();
  const got = witness.got('msg');
  assert.ok(got.length > 0, 'messages of the attackers got through');
  checkPlaces(got);
  await witness.leave();
  await server.stop();
}

/** How long the server leaves a connection open that says nothing, or not all of what must be said first. */
async function patience(line: Promise<Line>): Promise<number> {
  const started = performance.now();
  await (await line).closed;
  return performance.now() - started;
}

describe('random and mutated packets', () => {
  test(`by TCP and WebSocket, ${PACKETS} of them: the server stays up, serves others, and memory returns`, async (t) => {
    const battle = await prepare(t);
    const { server, pair } = battle;
    const silent = [patience(Line.open('ws', server)), patience(Line.open('ws', server, { bare: true })), patience(Line.open('tcp', server))];
    const transports: Transport[] = ['tcp', 'tcp', 'ws'];
    const onward = (): Promise<void> => pair.exchanged();
    const first = await campaign(server, { seed: SEED, packets: PACKETS * WARM_UP, transports, onward });
    const before = await server.holdings();
    const rest = await campaign(server, { seed: SEED + 1, packets: PACKETS - first, transports, onward });
    assert.ok(first + rest >= PACKETS);
    // As long as nothing must be said, something may still be said.
    for (const waited of await Promise.all(silent)) assert.ok(waited > limits.connectTimeoutMs.value - 500, `closed after ${waited} ms`);
    const after = await server.holdings();
    t.diagnostic(`${first + rest} packets, ${pair.exchanges} exchanges; ${before.bytes} bytes held before, ${after.bytes} after`);
    assert.ok(after.bytes - before.bytes < GROWTH_BYTES, `${after.bytes - before.bytes} bytes more than before`);
    assert.equal(after.sessions, CONNECTED);
    // The leases of connections that were lost last a minute.
    assert.ok(after.connections <= CONNECTED + DEVICES, `${after.connections} connections are held in memory`);
    assert.ok(after.detached <= DEVICES, `${after.detached} sessions are remembered`);
    assert.equal(after.resources.TCPSocketWrap, CONNECTED, 'no socket is left open');
    await finish(battle);
  });

  test(`by TLS, ${SECURE_PACKETS} of them`, async (t) => {
    const folder = await temporaryFolder(t);
    const files = { GODWIT_TLS_CERT: join(folder, 'cert.pem'), GODWIT_TLS_KEY: join(folder, 'key.pem') };
    const { cert, key } = makeCertificate();
    await Promise.all([writeFile(files.GODWIT_TLS_CERT, cert), writeFile(files.GODWIT_TLS_KEY, key)]);
    const battle = await prepare(t, { ...files, GODWIT_MQTTS_PORT: '0' });
    const { server, pair } = battle;
    const silent = [patience(Line.open('tls', server)), patience(Line.open('tls', server, { bare: true })), patience(Line.open('wss', server, { bare: true }))];
    await campaign(server, { seed: SEED + 2, packets: SECURE_PACKETS, transports: ['tls', 'tls', 'wss'], onward: () => pair.exchanged() });
    for (const waited of await Promise.all(silent)) assert.ok(waited > limits.connectTimeoutMs.value - 500, `closed after ${waited} ms`);
    const after = await server.holdings();
    assert.equal(after.sessions, CONNECTED);
    assert.ok(after.connections <= CONNECTED + DEVICES, `${after.connections} connections are held in memory`);
    await finish(battle);
  });
});
