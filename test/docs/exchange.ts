import { ContentSchema, create, deliveryTopics, MessageSchema, parseUlid, publishTopics, SealedSchema, toBinary } from 'godwit-schemas';
import mqtt from 'mqtt-packet';
import { pino } from 'pino';
import { makeToken } from '../../plugins/auth/token.js';
import { createGodwit } from '../../broker/server.js';
import { Tap, type Frame } from './tap.js';

const SECRET = 'a secret of the documentation, 32 bytes and more';
/** The server's clock, which stands still: the same exchange has the same bytes. */
const NOW_MS = Date.UTC(2026, 10, 22, 12);
const MESSAGE_ID = parseUlid('01M81J18G0GDWTGDWTGDWTGDWT')!;

/**
 * alice writes "hello" to bob, on a real server with a new data folder: every packet of both connections, in order.
 * Each step waits for the one before it, so there is one order only.
 */
export async function recordExchange(dataFolder: string): Promise<Frame[]> {
  const frames: Frame[] = [];
  const env = { GODWIT_MQTT_PORT: '0', GODWIT_HTTP_PORT: '0', GODWIT_DATA: dataFolder, GODWIT_AUTH_SECRET: SECRET, GODWIT_MIN_FREE_BYTES: '0' };
  const godwit = await createGodwit({ env, now: () => NOW_MS, log: pino({ level: 'silent' }) });
  const alice = await Tap.connect('alice', godwit.mqttPort, frames);
  const bob = await Tap.connect('bob', godwit.mqttPort, frames);
  try {
    for (const [tap, user] of [[alice, 'alice'], [bob, 'bob']] as const) {
      tap.send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: false, clientId: `${user}:phone`, username: user, password: Buffer.from(makeToken({ secret: SECRET, user, days: 30, nowMs: NOW_MS })), keepalive: 30 });
      await tap.receive();
      tap.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: deliveryTopics.all(user), qos: 1 }] });
      await tap.receive();
    }
    alice.send({ cmd: 'publish', topic: publishTopics.to('bob'), payload: helloFromAlice(), qos: 1, messageId: 2, dup: false, retain: false });
    await alice.receive(); // the result
    await alice.receive(); // the PUBACK
    const delivery = await bob.receive();
    bob.send({ cmd: 'puback', messageId: packetIdOf(delivery) });
    const receipt = await alice.receive();
    alice.send({ cmd: 'puback', messageId: packetIdOf(receipt) });
  } finally {
    alice.close();
    bob.close();
    await godwit.stop();
  }
  return frames;
}

function helloFromAlice(): Buffer {
  const payload = toBinary(ContentSchema, create(ContentSchema, { kind: { case: 'text', value: { text: 'hello' } } }));
  const body = toBinary(SealedSchema, create(SealedSchema, { payload }));
  return Buffer.from(toBinary(MessageSchema, create(MessageSchema, { id: MESSAGE_ID, body })));
}

function packetIdOf(frame: Buffer): number {
  let id = 0;
  const parser = mqtt.parser();
  parser.on('packet', ({ messageId }) => (id = messageId ?? 0));
  parser.parse(frame);
  return id;
}
