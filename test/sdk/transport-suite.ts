import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import type { CloseReason, Connection, ConnectOptions, Packet, Transport } from 'godwit-client';
import mqttPacket, { type Packet as MqttPacket } from 'mqtt-packet';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { scene, turnsUntil, type Scene } from './fixtures.js';

type Scheme = 'mqtt' | 'ws';

/** One end of a connection, played by the test: what came, and bytes back. */
class Peer {
  readonly received: MqttPacket[] = [];
  ended = false;
  #parser = mqttPacket.parser({ protocolVersion: 4 });

  constructor(readonly stream: { write(bytes: Uint8Array): unknown; destroy(): unknown; on(event: string, listener: (chunk: Buffer) => void): unknown }) {
    this.#parser.on('packet', (packet) => this.received.push(packet));
    stream.on('data', (chunk) => void this.#parser.parse(chunk));
    for (const event of ['close', 'error', 'end']) stream.on(event, () => (this.ended = true));
  }

  send(...packets: MqttPacket[]): void {
    this.write(Buffer.concat(packets.map((packet) => mqttPacket.generate(packet))));
  }

  write(bytes: Uint8Array): void {
    this.stream.write(bytes);
  }

  /** Waits for a packet of this kind. */
  async got<C extends MqttPacket['cmd']>(cmd: C, nth = 1): Promise<Extract<MqttPacket, { cmd: C }>> {
    const those = () => this.received.filter((packet) => packet.cmd === cmd);
    await turnsUntil(() => those().length >= nth);
    return those()[nth - 1] as Extract<MqttPacket, { cmd: C }>;
  }
}

/** A server that does nothing by itself. */
class Script {
  readonly peers: Peer[] = [];

  private constructor(readonly url: string) {}

  static async start(at: Scene, scheme: Scheme): Promise<Script> {
    const sockets = new Set<Socket>();
    const server: Server = scheme === 'mqtt' ? createServer() : createHttpServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const script = new Script(scheme === 'mqtt' ? `mqtt://127.0.0.1:${port}` : `ws://127.0.0.1:${port}/mqtt`);
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      if (scheme === 'mqtt') script.peers.push(new Peer(socket));
    });
    if (scheme === 'ws') {
      const webSockets = new WebSocketServer({ server: server as ReturnType<typeof createHttpServer>, handleProtocols: (protocols) => (protocols.has('mqtt') ? 'mqtt' : false) });
      webSockets.on('connection', (webSocket) => script.peers.push(new Peer(createWebSocketStream(webSocket) as unknown as Peer['stream'])));
    }
    at.after(async () => {
      for (const socket of sockets) socket.destroy();
      const closed = once(server, 'close');
      server.close();
      await closed;
    });
    return script;
  }

  async peer(nth = 1): Promise<Peer> {
    await turnsUntil(() => this.peers.length >= nth);
    return this.peers[nth - 1];
  }
}

/** What a connection tells, in order. */
class Heard {
  readonly told: string[] = [];
  readonly packets: Packet[] = [];
  readonly closes: CloseReason[] = [];
  heard = 0;
  readonly handlers = {
    open: (present: boolean) => void this.told.push(`open ${present}`),
    packet: (packet: Packet) => {
      this.told.push(`packet ${packet.packetId}`);
      this.packets.push(packet);
    },
    heard: () => void this.heard++,
    close: (reason: CloseReason) => {
      this.told.push('close');
      this.closes.push(reason);
    },
  };

  async closed(): Promise<CloseReason> {
    await turnsUntil(() => this.closes.length > 0);
    return this.closes[0];
  }
}

const connack = (sessionPresent = false, returnCode = 0): MqttPacket => ({ cmd: 'connack', sessionPresent, returnCode });
const delivery = (messageId: number, topic = 'u/alice/msg', payload = `message ${messageId}`): MqttPacket => ({ cmd: 'publish', topic, payload, qos: 1, messageId, dup: false, retain: false });
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (payload: Uint8Array): string => new TextDecoder().decode(payload);

/** The contract of `Transport`, for every one of them and every scheme that it takes. */
export function transportSuite(name: string, transport: Transport, scheme: Scheme): void {
  const dial = (script: Script, more: Partial<ConnectOptions> = {}): { connection: Connection; heard: Heard } => {
    const heard = new Heard();
    const options: ConnectOptions = { url: script.url, clientId: 'alice:phone', username: 'alice', password: 'a token', keepaliveS: 30, connectTimeoutMs: 5_000, ...more };
    const connection = transport.connect(options, heard.handlers);
    assert.deepEqual(heard.told, [], 'nothing is told before connect has returned');
    return { connection, heard };
  };
  const opened = async (at: Scene, more?: Partial<ConnectOptions>): Promise<{ script: Script; peer: Peer; connection: Connection; heard: Heard }> => {
    const script = await Script.start(at, scheme);
    const { connection, heard } = dial(script, more);
    at.after(() => connection.abort());
    const peer = await script.peer();
    await peer.got('connect');
    peer.send(connack());
    await turnsUntil(() => heard.told.length > 0);
    return { script, peer, connection, heard };
  };

  describe(`transport: ${name}`, { timeout: 20_000 }, () => {
    test('CONNECT: a persistent session of MQTT 3.1.1, with its will', scene(async (at) => {
      const script = await Script.start(at, scheme);
      const { connection } = dial(script, { keepaliveS: 300, will: { topic: 'presence/alice', payload: bytes('gone'), retain: true } });
      const { clientId, username, password, clean, keepalive, protocolVersion, will } = await (await script.peer()).got('connect');
      assert.deepEqual({ clientId, username, password: String(password), clean, keepalive, protocolVersion }, { clientId: 'alice:phone', username: 'alice', password: 'a token', clean: false, keepalive: 300, protocolVersion: 4 });
      assert.deepEqual([will?.topic, String(will?.payload), will?.qos, will?.retain], ['presence/alice', 'gone', 0, true]);
      connection.abort();
    }));

    test('a token of 3,000 characters, and no will', scene(async (at) => {
      const script = await Script.start(at, scheme);
      const { connection } = dial(script, { password: 'x'.repeat(3_000) });
      const { password, will } = await (await script.peer()).got('connect');
      assert.equal(password!.length, 3_000);
      assert.equal(will, undefined);
      connection.abort();
    }));

    test('deliveries that come in one piece with the CONNACK come after it, in order, and unacknowledged', scene(async (at) => {
      const script = await Script.start(at, scheme);
      const { connection, heard } = dial(script);
      const peer = await script.peer();
      await peer.got('connect');
      peer.send(connack(true), delivery(7), delivery(8), { cmd: 'publish', topic: 'u/alice/typing', payload: 'x', qos: 0, dup: false, retain: false }, delivery(9));
      await turnsUntil(() => heard.packets.length === 4);
      assert.deepEqual(heard.told, ['open true', 'packet 7', 'packet 8', 'packet 0', 'packet 9']);
      assert.deepEqual(heard.packets.map(({ topic, qos, payload }) => [topic, qos, text(payload)]), [
        ['u/alice/msg', 1, 'message 7'],
        ['u/alice/msg', 1, 'message 8'],
        ['u/alice/typing', 0, 'x'],
        ['u/alice/msg', 1, 'message 9'],
      ]);
      connection.acknowledge([9, 7]);
      connection.acknowledge([]);
      connection.acknowledge([8]);
      await peer.got('puback', 3);
      assert.deepEqual(peer.received.map((packet) => (packet.cmd === 'puback' ? packet.messageId : packet.cmd)), ['connect', 9, 7, 8]);
      connection.abort();
    }));

    test('many deliveries are handed over without waiting for one another, and keep their bytes', scene(async (at) => {
      const { peer, heard } = await opened(at);
      for (let i = 1; i <= 500; i++) peer.send(delivery(i, 'u/alice/msg', `${i} ${'x'.repeat(i % 300)}`));
      await turnsUntil(() => heard.packets.length === 500);
      heard.packets.forEach(({ payload, packetId }, i) => assert.deepEqual([packetId, text(payload)], [i + 1, `${i + 1} ${'x'.repeat((i + 1) % 300)}`]));
    }));

    test('packets that drip in byte by byte', scene(async (at) => {
      const { peer, heard } = await opened(at);
      const large = delivery(2, 'u/alice/msg', 'y'.repeat(20_000));
      const all = Buffer.concat([delivery(1), large, delivery(3)].map((packet) => mqttPacket.generate(packet)));
      for (let i = 0; i < 40; i++) peer.write(all.subarray(i, i + 1));
      for (let i = 40; i < all.length; i += 997) peer.write(all.subarray(i, i + 997));
      await turnsUntil(() => heard.packets.length === 3);
      assert.deepEqual(heard.packets.map(({ payload }) => payload.length), [9, 20_000, 9]);
    }));

    test('publishes leave in order; PUBACKs come back to theirs', scene(async (at) => {
      const { peer, connection } = await opened(at);
      const acknowledged: number[] = [];
      const ids = [1, 2, 3].map((n) => connection.publish('to/bob', bytes(`${n}`), {}, () => acknowledged.push(n)));
      assert.equal(connection.publish('typing/d:alice:bob', new Uint8Array(0), { qos: 0 }), 0);
      connection.publish('presence/alice', bytes('here'), { retain: true });
      await peer.got('publish', 5);
      assert.equal(new Set(ids).size, 3);
      const sent = peer.received.filter((packet) => packet.cmd === 'publish');
      assert.deepEqual(sent.map(({ topic, qos, retain, payload }) => [topic, qos, retain, String(payload)]), [
        ['to/bob', 1, false, '1'],
        ['to/bob', 1, false, '2'],
        ['to/bob', 1, false, '3'],
        ['typing/d:alice:bob', 0, false, ''],
        ['presence/alice', 1, true, 'here'],
      ]);
      assert.deepEqual(sent.slice(0, 3).map(({ messageId }) => messageId), ids);
      peer.send(...[ids[1], ids[0], ids[1], ids[2]].map((messageId): MqttPacket => ({ cmd: 'puback', messageId })));
      await turnsUntil(() => acknowledged.length >= 3);
      assert.deepEqual(acknowledged, [2, 1, 3]);
    }));

    test('SUBSCRIBE at QoS 1 tells what was granted, refused filters too; UNSUBSCRIBE', scene(async (at) => {
      const { peer, connection } = await opened(at);
      const subscribed = connection.subscribe(['u/alice/#', 'presence/bob']);
      const { messageId, subscriptions } = await peer.got('subscribe');
      assert.deepEqual(subscriptions.map(({ topic, qos }) => [topic, qos]), [['u/alice/#', 1], ['presence/bob', 1]]);
      peer.send({ cmd: 'suback', messageId: messageId!, granted: [1, 128] });
      assert.deepEqual([...(await subscribed)], [1, 128]);
      const unsubscribed = connection.unsubscribe(['presence/bob']);
      const unsubscribe = await peer.got('unsubscribe');
      assert.deepEqual(unsubscribe.unsubscriptions, ['presence/bob']);
      peer.send({ cmd: 'unsuback', messageId: unsubscribe.messageId!, granted: [] });
      await unsubscribed;
    }));

    test('a refused CONNECT is told with its code', scene(async (at) => {
      const script = await Script.start(at, scheme);
      const { heard } = dial(script);
      const peer = await script.peer();
      await peer.got('connect');
      peer.send(connack(false, 5));
      assert.equal((await heard.closed()).returnCode, 5);
      assert.deepEqual(heard.told, ['close']);
    }));

    test('no server, and one that does not answer in time', scene(async (at) => {
      const script = await Script.start(at, scheme);
      const silent = dial(script, { connectTimeoutMs: 50 });
      assert.ok((await silent.heard.closed()).error);
      const nobody = new Heard();
      transport.connect({ url: `${scheme}://127.0.0.1:1/mqtt`, clientId: 'a:b', username: 'a', password: 'x', keepaliveS: 0, connectTimeoutMs: 5_000 }, nobody.handlers);
      assert.ok((await nobody.closed()).error);
      assert.deepEqual(nobody.told, ['close']);
    }));

    test('a connection that is lost is told once; what is asked then is refused, what is sent goes nowhere', scene(async (at) => {
      const { script, peer, connection, heard } = await opened(at);
      const subscribed = connection.subscribe(['u/alice/#']);
      const unsubscribed = connection.unsubscribe(['u/alice/#']);
      await peer.got('unsubscribe');
      peer.stream.destroy();
      await Promise.all([assert.rejects(subscribed), assert.rejects(unsubscribed)]);
      await heard.closed();
      connection.publish('to/bob', bytes('x'));
      connection.acknowledge([1]);
      connection.ping();
      await assert.rejects(connection.subscribe(['u/alice/#']));
      await assert.rejects(connection.unsubscribe(['u/alice/#']));
      await connection.close();
      connection.abort();
      // Another connection of the same transport hears nothing of it.
      const other = dial(script);
      const second = await script.peer(2);
      await second.got('connect');
      second.send(connack());
      await turnsUntil(() => other.heard.told.length > 0);
      assert.deepEqual(second.received.map(({ cmd }) => cmd), ['connect']);
      assert.deepEqual(heard.told, ['open false', 'close']);
      other.connection.abort();
    }));

    test('close says DISCONNECT; abort says nothing; both are told once', scene(async (at) => {
      const first = await opened(at);
      await first.connection.close();
      await first.peer.got('disconnect');
      assert.deepEqual(first.heard.told, ['open false', 'close']);
      await first.connection.close();
      const second = await opened(at);
      second.connection.abort();
      await second.heard.closed();
      await turnsUntil(() => second.peer.ended);
      assert.deepEqual(second.peer.received.map(({ cmd }) => cmd), ['connect']);
      assert.deepEqual(second.heard.told, ['open false', 'close']);
    }));

    test('close before there is a connection', scene(async (at) => {
      const script = await Script.start(at, scheme);
      const { connection, heard } = dial(script);
      await connection.close();
      assert.deepEqual(heard.told, ['close']);
    }));

    test('a packet that cannot be read ends the connection', scene(async (at) => {
      for (const garbage of [[0xf0, 0], [0x20, 2, 0, 0], [0x32, 3, 0, 9, 65], [0x30, 0xff, 0xff, 0xff, 0xff, 1]]) {
        const { peer, heard } = await opened(at);
        peer.write(Uint8Array.from(garbage));
        assert.ok((await heard.closed()).error, garbage.join(' '));
        assert.deepEqual(heard.told, ['open false', 'close']);
      }
    }));

    test('keepalive: it pings, hears the answers, and gives up what stays silent', scene(async (at) => {
      const { peer, heard } = await opened(at, { keepaliveS: 1 });
      await peer.got('pingreq');
      const before = heard.heard;
      peer.send({ cmd: 'pingresp' });
      await turnsUntil(() => heard.heard > before);
      await peer.got('pingreq', 2);
      assert.ok((await heard.closed()).error);
    }));

    test('a ping by hand', scene(async (at) => {
      const { peer, connection, heard } = await opened(at);
      connection.ping();
      await peer.got('pingreq');
      const before = heard.heard;
      peer.send({ cmd: 'pingresp' });
      await turnsUntil(() => heard.heard > before);
    }));
  });
}
