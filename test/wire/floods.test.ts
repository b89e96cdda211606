import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import { create, publishTopics, RequestSchema, toBinary } from 'godwit-schemas';
import { encodeMessage, newId } from '../support/deliveries.js';
import { Line, type Transport } from './line.js';
import { answer, CLEAN, connect, PINGREQ, publish, sender, subscribe, Type, unsubscribe } from './packets.js';
import { Pair } from './pair.js';
import { WatchedServer } from './watched-server.js';

/** A flood is over when so much was sent, or when the server takes no more. */
const FLOOD_BYTES = 6 * 1024 * 1024;
const PIECE_BYTES = 64 * 1024;
/** When the server has not taken anything for so long, it has stopped reading. */
const STOPPED_MS = 500;
/** What one connection may make the server hold while it floods it: the store gathers what is not on the disk yet, too. */
const HELD_BYTES = 40 * 1024 * 1024;

interface Flood {
  what: string;
  /** The `i`th packet. */
  packet(i: number): Buffer;
  /** Subscribed to all of its own. */
  subscribed?: boolean;
  /** By WebSocket too: one of each way through the server. */
  everywhere?: boolean;
}

const id = (i: number): number => 1 + (i % 65_535);
const call = toBinary(RequestSchema, create(RequestSchema, { params: new Uint8Array(0) }));
const manyFilters = Array.from({ length: 2_000 }, (_, i): [string, number] => [`u/flooder/${i}`, 1]);
const again = newId();

const floods: Flood[] = [
  { what: 'SUBSCRIBEs', packet: (i) => subscribe(id(i), [[`u/flooder/${i % 500}`, 1]]), everywhere: true },
  { what: 'SUBSCRIBEs of many filters', packet: (i) => subscribe(id(i), manyFilters) },
  { what: 'UNSUBSCRIBEs', packet: (i) => unsubscribe(id(i), [`u/flooder/${i % 500}`]) },
  { what: 'PINGREQs', packet: () => PINGREQ, everywhere: true },
  { what: 'PUBRECs', packet: (i) => answer(Type.pubrec, id(i)), everywhere: true },
  { what: 'PUBRELs', packet: (i) => answer(Type.pubrel, id(i)) },
  { what: 'PUBACKs', packet: (i) => answer(Type.puback, id(i)) },
  { what: 'messages at QoS 0', packet: () => publish(publishTopics.to('flooder'), encodeMessage('x'.repeat(100)), { qos: 0 }) },
  { what: 'messages at QoS 1', packet: (i) => publish(publishTopics.to('flooder'), encodeMessage('x'.repeat(100)), { id: id(i) }), subscribed: true },
  { what: 'large messages at QoS 1', packet: (i) => publish(publishTopics.to('flooder'), encodeMessage('x'.repeat(60_000)), { id: id(i) }), everywhere: true },
  { what: 'messages at QoS 2 without an end', packet: (i) => publish(publishTopics.to('flooder'), encodeMessage('x'.repeat(1_000)), { qos: 2, id: id(i) }) },
  { what: 'resends of one message', packet: (i) => publish(publishTopics.to('flooder'), encodeMessage('again', { id: again }), { id: id(i), flags: 8 }), subscribed: true },
  { what: 'raw bytes', packet: (i) => publish(publishTopics.toRaw('flooder'), 'x'.repeat(50), { id: id(i) }) },
  { what: 'reads', packet: (i) => publish(publishTopics.read('d:flooder:flooder'), Buffer.from([8, i & 127]), { id: id(i) }) },
  { what: 'presences', packet: (i) => publish(publishTopics.presence('flooder'), Buffer.from([8, i % 3]), { id: id(i) }) },
  { what: 'typing notices', packet: () => publish(publishTopics.typing('d:alice:flooder'), '', { qos: 0 }) },
  { what: 'control calls', packet: (i) => publish(publishTopics.rpc('read.set'), call, { id: id(i) }), subscribed: true },
  { what: 'topics that are none', packet: (i) => publish(`nothing/${i}`, '', { id: id(i) }), subscribed: true },
];

/** Sends without reading anything, until the server takes no more, ends the connection, or all is sent. */
async function flood(line: Line, { packet }: Flood): Promise<'all' | 'stopped' | 'ended'> {
  const { socket } = line;
  socket.pause();
  let sent = 0;
  for (let i = 0; sent < FLOOD_BYTES; ) {
    const packets: Buffer[] = [];
    for (let bytes = 0; bytes < PIECE_BYTES; bytes += packets.at(-1)!.length) packets.push(packet(i++));
    const piece = Buffer.concat(packets);
    sent += piece.length;
    line.write(piece);
    if (socket.writableNeedDrain) {
      let timer: NodeJS.Timeout;
      const stopped = new Promise<'stopped'>((resolve) => (timer = setTimeout(() => resolve('stopped'), STOPPED_MS)));
      const outcome = await Promise.race([once(socket, 'drain').then(() => undefined), line.closed.then(() => 'ended' as const), stopped]).catch(() => 'ended' as const);
      clearTimeout(timer!);
      if (outcome) return outcome;
    } else if (!line.open) return 'ended';
  }
  return 'all';
}

async function enter(line: Line, server: WatchedServer, subscribed: boolean): Promise<void> {
  const by = sender(server, 'flooder:phone');
  line.write(connect(by, { flags: 0xc0 | CLEAN }));
  if (subscribed) line.write(subscribe(1, [['u/flooder/#', 1]]));
  line.write(PINGREQ);
  await line.until(() => line.frames.counts[13] > 0 && (!subscribed || line.frames.counts[9] > 0));
  assert.ok(line.open, line.why);
}

describe('a client that sends and never reads', () => {
  for (const transport of ['tcp', 'ws'] as const satisfies Transport[]) {
    test(`cannot fill the server's memory by ${transport}, nor keep it from others`, async (t: TestContext) => {
      const server = await WatchedServer.start(t);
      const pair = await Pair.connect(t, server);
      pair.start();
      await pair.exchanged();
      for (const one of floods.filter(({ everywhere }) => everywhere || transport === 'tcp')) {
        const line = await Line.open(transport, server);
        await enter(line, server, one.subscribed ?? false);
        const before = await server.holdings();
        const started = performance.now();
        const outcome = await flood(line, one);
        const during = await server.holdings();
        t.diagnostic(`${one.what}: ${outcome} after ${Math.round(performance.now() - started)} ms; ${((during.bytes - before.bytes) / 2 ** 20).toFixed(1)} MB more held`);
        assert.ok(during.bytes - before.bytes < HELD_BYTES, `${one.what}: ${during.bytes - before.bytes} bytes more are held`);
        await pair.exchanged();
        server.check();
        line.destroy();
        await line.closed;
      }
      await pair.stop();
      await server.stop();
    });
  }
});

describe('a packet that is announced and too large', () => {
  for (const transport of ['tcp', 'ws'] as const) {
    test(`ends the connection by ${transport} at its announcement`, async (t) => {
      const server = await WatchedServer.start(t);
      const line = await Line.open(transport, server);
      await enter(line, server, true);
      const results = line.frames.counts[3];
      line.write(Buffer.from([0x32, 0x80, 0x84, 0xaf, 0x5f]));
      await line.closed;
      assert.equal(line.frames.counts[3], results + 1, 'the device is told why');
      const stranger = await Line.open(transport, server);
      stranger.write(Buffer.from([0x10, 0x80, 0x84, 0xaf, 0x5f]));
      await stranger.closed;
      assert.equal(stranger.frames.connack, undefined);
      await server.stop();
    });
  }
});
