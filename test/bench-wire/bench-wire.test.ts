import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import mqtt from 'mqtt-packet';
import { frame, Opcode, upgradeRequest } from '../wire/websocket-frames.js';
import { contenders } from './contenders.js';
import { undisturbed } from './measure.js';
import { PacketReader, Unframer } from './packets.js';
import { CountingProxy, type ProxyOptions } from './proxy.js';
import { breakdown, missing, table } from './report.js';
import { measure, median, rows, type Results } from './rows.js';

const publish = (topic: string, payload: string): Buffer => mqtt.generate({ cmd: 'publish', topic, payload, qos: 1, messageId: 7, dup: false, retain: false });
const ping = mqtt.generate({ cmd: 'pingreq' });

/** All the ways to cut bytes into equal pieces, from one byte on. */
function* inPieces(bytes: Buffer): Generator<Buffer[]> {
  for (let size = 1; size <= bytes.length; size = size < 8 ? size + 1 : size * 2) {
    yield Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
  }
}

describe('packets are counted', () => {
  test('in whatever pieces they come, also long ones', () => {
    const packets = [ping, publish('to/bob', 'x'.repeat(300)), publish('u/bob/msg', ''), ping];
    for (const pieces of inPieces(Buffer.concat(packets))) {
      const reader = new PacketReader();
      assert.deepEqual(
        pieces.flatMap((piece) => [...reader.read(piece)]),
        ['PINGREQ', 'PUBLISH to/bob', 'PUBLISH u/bob/msg', 'PINGREQ'].map((name, i) => ({ name, bytes: packets[i].length })),
      );
    }
  });

  test('within WebSocket frames, without the upgrade: masks are taken off, heads and control frames are framing', () => {
    const packets = [publish('to/bob', 'short'), publish('to/bob', 'long'.repeat(100))];
    const frames = [frame(Opcode.binary, packets[0]), frame(Opcode.ping, Buffer.from('abc')), frame(Opcode.binary, packets[1], { masked: false })];
    for (const pieces of inPieces(Buffer.concat([Buffer.from(upgradeRequest()), ...frames]))) {
      const unframer = new Unframer();
      assert.deepEqual(Buffer.concat(pieces.map((piece) => unframer.read(piece))), Buffer.concat(packets));
      // Head and mask; head, mask and payload; a longer head without a mask.
      assert.equal(unframer.framing, 6 + 9 + 4);
    }
  });
});

describe('the proxy', { timeout: 30_000 }, () => {
  /** A client's socket and its server's, with the proxy between them. */
  async function ends(t: TestContext, options: Partial<ProxyOptions> = {}): Promise<{ proxy: CountingProxy; client: Socket; server: Socket }> {
    const listener = createServer();
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const proxy = await CountingProxy.start({ port: (listener.address() as AddressInfo).port, ...options });
    const accepted = once(listener, 'connection') as Promise<[Socket]>;
    const client = connect(proxy.port, '127.0.0.1');
    const [server] = await accepted;
    for (const socket of [client, server]) socket.on('error', () => {});
    t.after(async () => {
      await proxy.stop();
      client.destroy();
      listener.close();
    });
    return { proxy, client, server };
  }

  const passed = async (from: Socket, bytes: Uint8Array, to: Socket): Promise<void> => {
    const arrived = once(to, 'data');
    from.write(bytes);
    await arrived;
  };

  test('a trip is what was sent after having heard of the one before', async (t) => {
    const { proxy, client, server } = await ends(t);
    // Long enough that both have come by before either arrives.
    proxy.latencyMs = 1_000;
    const crossing = [once(server, 'data'), once(client, 'data')];
    client.write(ping);
    server.write(publish('unasked', ''));
    await Promise.all(crossing);
    proxy.latencyMs = 0;
    await passed(server, publish('answer', ''), client);
    await passed(client, publish('second', ''), server);
    await passed(server, publish('second answer', ''), client);
    const told = proxy.take().packets.map(({ from, name, trip }) => `${trip} ${from} ${name}`);
    assert.deepEqual(told.sort(), ['0 server PUBLISH unasked', '1 client PINGREQ', '1 server PUBLISH answer', '2 client PUBLISH second', '2 server PUBLISH second answer']);
    assert.deepEqual(proxy.take(), { packets: [], framing: 0, connections: 0 });
  });

  test("a WebSocket's upgrade is not counted, and no trip", async (t) => {
    const { proxy, client, server } = await ends(t, { webSocket: true });
    await passed(client, Buffer.from(upgradeRequest()), server);
    await passed(server, Buffer.from('HTTP/1.1 101 Switching Protocols\r\n\r\n'), client);
    await passed(client, frame(Opcode.binary, ping), server);
    assert.deepEqual(proxy.take(), { packets: [{ from: 'client', name: 'PINGREQ', bytes: 2, trip: 1 }], framing: 6, connections: 1 });
  });

  test('it breaks connections, and lets none through while it is shut', async (t) => {
    const { proxy, client, server } = await ends(t);
    const broken = [once(client, 'close'), once(server, 'close')];
    proxy.shut = true;
    proxy.cut();
    await Promise.all(broken);
    const refused = connect(proxy.port, '127.0.0.1');
    refused.on('error', () => {});
    await once(refused, 'close');
  });
});

test('what was measured over connections that broke is not shown', () => {
  const traffic = { packets: [], framing: 0, connections: 1 };
  assert.equal(undisturbed(traffic, 1), traffic);
  assert.throws(() => undisturbed(traffic, 0), /1 connections were opened where 0 should have been/);
});

describe('the aims', { timeout: 120_000 }, () => {
  for (const contender of contenders.filter(({ name }) => name.startsWith('Godwit'))) {
    test(contender.name, async (t) => {
      const endings: (() => unknown)[] = [];
      t.after(async () => {
        for (const end of endings) await end();
      });
      const results = await measure({ after: (end) => endings.unshift(end) }, contender, 1, false);
      // How many trips a backlog takes depends on how busy this machine is.
      for (const name of ['reconnectTrips', 'reconnectBytes', 'sender', 'receiver'] as const) {
        const { value } = median(results.get(name)!)!;
        assert.ok(value > 0 && value <= rows[name].aim, `${rows[name].name}: ${value}, aim ${rows[name].aim}`);
      }
      const names = (name: 'sender' | 'receiver'): string[] => median(results.get(name)!)!.packets.map((packet) => packet.name).sort();
      assert.deepEqual(names('sender'), ['PUBACK', 'PUBACK', 'PUBLISH to/bob00001', 'PUBLISH u/alice001/receipt', 'PUBLISH u/alice001/result']);
      assert.deepEqual(names('receiver'), ['PUBACK', 'PUBLISH u/bob00001/msg']);
      assert.equal(median(results.get('backlog')!)!.packets.filter(({ name }) => name === 'PUBLISH u/bob00001/msg').length, 100);
    });
  }
});

describe('the table', () => {
  const measured = (value: number, framing = 0) => ({ value, framing, packets: [{ from: 'client', name: 'PINGREQ', bytes: value, trip: 1 } as const] });
  const results = (...values: number[]): Results => new Map([['receiver', values.map((value) => measured(value, 4))]]);
  const columns = (...values: number[]) => [
    { contender: { name: 'Godwit, TCP' }, results: results(...values) },
    { contender: { name: 'Mosquitto, TCP', missing: 'mosquitto is not installed' } },
  ];

  test('shows the median, and whether it keeps to the aim', () => {
    const line = (text: string): string => text.split('\n').find((one) => one.includes("receiver's leg"))!;
    assert.match(line(table(columns(300, 104, 105))), /\| 105 \| 105 \(\+ 4\) \| – \| yes \|$/);
    assert.match(line(table(columns(106, 106, 1))), /\| 105 \| 106 \(\+ 4\) \| – \| no \|$/);
  });

  test('says of which packets the bytes are, and what was left out', () => {
    assert.deepEqual(breakdown(columns(3)), ["20-byte text: the receiver's leg, without the text, Godwit, TCP: → PINGREQ 3"]);
    assert.deepEqual(missing(columns(3)), ['Mosquitto, TCP was left out: mosquitto is not installed']);
  });
});
