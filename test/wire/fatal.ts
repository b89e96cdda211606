import { publishTopics } from 'godwit-schemas';
import type { Random } from '../schemas/random.js';
import type { Arsenal } from './attack.js';
import { message, noise } from './harmless.js';
import { answer, bytes, connect, field, number, packet, publish, remainingLength, subscribe, Type, unsubscribe } from './packets.js';

/** Breaches of the protocol: the server ends the connection. */
export const fatal: Arsenal = {
  'a second CONNECT': ({ by }) => connect(by),
  'PUBLISH with QoS 3': (means) => publish(publishTopics.to(means.random.pick(means.others)), message(means.random), { qos: 3 }),
  'PUBLISH with packet id 0': (means) => publish(publishTopics.to(means.random.pick(means.others)), message(means.random), { qos: 1 + means.random.below(2), id: 0 }),
  'PUBLISH with DUP at QoS 0': (means) => publish(publishTopics.to(means.random.pick(means.others)), message(means.random), { qos: 0, flags: 8 }),
  'PUBLISH with a wildcard': ({ random }) => publish(random.pick(['to/+', '#', '+', 'to/#', 'to/a+', '+/a', 'presence/#', `to/${'x'.repeat(400)}#`]), noise(random), { qos: random.below(3) }),
  'PUBLISH with an empty topic': ({ random }) => publish('', noise(random), { qos: random.below(3) }),
  'PUBLISH with a NUL in the topic': ({ random }) => publish(random.pick(['to/a\0', '\0', 'to/\0/raw']), noise(random), { qos: random.below(3) }),
  'PUBLISH with bad UTF-8 in the topic': ({ random }) => publish(bytes('to/a', random.pick(badUtf8)), noise(random), { qos: random.below(3) }),
  'PUBLISH that ends in its topic': ({ random }) => packet(Type.publish | (random.below(3) << 1), number(3 + random.below(60_000)), 'to'),
  'PUBLISH that ends in its packet id': ({ random }) => packet(Type.publish | 2 << random.below(2), field('to/a'), Buffer.from([1])),
  'PUBLISH without a topic': ({ random }) => packet(Type.publish, random.bytes(random.below(2))),
  'a reserved type': ({ random }) => packet(random.pick([0x00, 0xf0]) | random.below(16), noise(random)),
  "a packet of the server's": ({ random }) => packet(random.pick([Type.connack, Type.suback, Type.unsuback, Type.pingresp]), random.bytes(random.below(6))),
  'PUBACK of a wrong length': ({ random }) => packet(Type.puback, random.bytes(random.pick([0, 1, 3, 4, 100]))),
  'PUBREC, PUBREL or PUBCOMP of a wrong length': ({ random }) => packet(handshake(random), random.bytes(random.pick([0, 1, 3, 100]))),
  'PUBREC, PUBREL or PUBCOMP with packet id 0': ({ random }) => answer(handshake(random), 0),
  'wrong flags': ({ random }) => packet(random.pick([0x42, 0x51, 0x60, 0x78, 0x80, 0x8a, 0xa0, 0xa6, 0xc1, 0xe8]), number(1), field('u/a'), random.chance(0.5) ? Buffer.from([0]) : ''),
  'SUBSCRIBE with packet id 0': ({ by }) => subscribe(0, [[`u/${by.user}/#`, 1]]),
  'SUBSCRIBE without a filter': ({ random }) => packet(Type.subscribe, random.bytes(random.below(2)), random.chance(0.5) ? number(3) : ''),
  'SUBSCRIBE with QoS 3 or reserved bits': ({ random, by }) => subscribe(3, [[`u/${by.user}/#`, random.pick([3, 4, 8, 0x41, 0x80, 0xff])]]),
  'SUBSCRIBE whose last filter has no QoS': ({ by }) => packet(Type.subscribe, number(3), field(`u/${by.user}/#`), Buffer.from([1]), field(`u/${by.user}/msg`)),
  'SUBSCRIBE with a filter that is none': ({ random, by }) => subscribe(3, [[`u/${by.user}/#`, 1], [random.pick(['', 'u/#/a', 'u/ab#', 'u/ab+/c', 'u/+ab/c']), 1]]),
  'SUBSCRIBE that ends in its filter': ({ random }) => packet(Type.subscribe, number(3), number(4 + random.below(60_000)), 'u/a'),
  'UNSUBSCRIBE with packet id 0': ({ by }) => unsubscribe(0, [`u/${by.user}/#`]),
  'UNSUBSCRIBE without a filter': ({ random }) => packet(Type.unsubscribe, random.bytes(random.below(2)), random.chance(0.5) ? number(3) : ''),
  'UNSUBSCRIBE with an empty filter': () => unsubscribe(3, ['']),
  'a remaining length of five bytes': ({ random }) => bytes(Buffer.from([random.pick([0x30, 0x32, 0x82, 0x40, 0xc0]), 0x80 | random.below(128), 0xff, 0xff, 0xff, 1])),
  'an announcement of more than packetBytes': ({ random }) => bytes(Buffer.from([random.pick([0x30, 0x32, 0x34, 0x82, 0xa2])]), remainingLength(66_561 + random.below(268_000_000)), random.bytes(random.below(50))),
  'a PINGREQ or DISCONNECT with content': ({ random }) => packet(random.pick([Type.pingreq, Type.disconnect]), random.bytes(1 + random.below(4))),
  'a DISCONNECT': () => packet(Type.disconnect),
};

const badUtf8 = ['ff', 'c0af', 'eda080', 'f4908080', 'e282', '80', 'c3'].map((hex) => Buffer.from(hex, 'hex'));

function handshake(random: Random): number {
  return random.pick([Type.pubrec, Type.pubrel, Type.pubcomp]);
}
