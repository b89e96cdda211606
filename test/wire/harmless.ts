import { create, directConversation, methods, PresenceSchema, publishTopics, ReadSchema, RequestSchema, toBinary } from 'godwit-schemas';
import type { Random } from '../schemas/random.js';
import { encoded, mutate, randomMessage, strangeEncoding } from '../schemas/random-message.js';
import type { Arsenal, Means } from './attack.js';
import { answer, PINGREQ, publish, subscribe, Type, unsubscribe, type PublishParts } from './packets.js';

/** The packet id of the publish behind an attack; no attack uses it. */
export const BARRIER_ID = 65_535;

/** Well-formed packets, whatever they carry: refused or not, they never end the connection. */
export const harmless: Arsenal = {
  'a message': (means) => toLog(means, message(means.random)),
  'a message, strangely encoded': (means) => toLog(means, strangeEncoding(means.random, small(means.random))),
  'a mutated message': (means) => toLog(means, mutate(means.random, message(means.random))),
  'noise as a message': (means) => toLog(means, noise(means.random)),
  'a message that is too large': (means) => toLog(means, means.random.bytes(65_537 + means.random.below(800))),
  'the same message again and again': (means) => {
    const again = publish(publishTopics.to(means.random.pick(means.others)), message(means.random), { id: 7 });
    const dup = Buffer.from(again);
    dup[0] |= 8;
    return [again, dup, dup, again];
  },
  'raw bytes': ({ random, others }) => publish(random.pick([publishTopics.toRaw(random.pick(others)), publishTopics.groupRaw('birds')]), noise(random), parts(random)),
  'a read': ({ random, by, others }) => publish(publishTopics.read(conversation(random, by.user, others)), mangled(random, toBinary(ReadSchema, create(ReadSchema, { seq: BigInt(random.below(2 ** 31)) }))), parts(random)),
  'typing': ({ random, by, others }) => publish(publishTopics.typing(conversation(random, by.user, others)), random.chance(0.8) ? '' : noise(random), parts(random, 0)),
  'a presence': ({ random, by, others }) =>
    publish(publishTopics.presence(random.chance(0.8) ? by.user : random.pick(others)), mangled(random, toBinary(PresenceSchema, create(PresenceSchema, { state: random.below(4) }))), { ...parts(random), flags: random.below(2) }),
  'a control call': ({ random, by }) => publish(publishTopics.rpc(method(random)), call(random, by.user), parts(random)),
  'a topic that is none of the design': ({ random, others }) => publish(random.pick(strangeTopics)(random.pick(others)), random.chance(0.5) ? message(random) : noise(random), parts(random, random.below(2))),
  'a topic of great length': ({ random }) => publish(`${random.pick(['to/', 'rpc/', 'read/d:', 'x', '/'])}${'x'.repeat(random.pick([64, 65, 500, 32_767, 65_500]))}`, '', parts(random, random.below(2))),
  'a topic of many levels': ({ random }) => publish('to/'.repeat(random.pick([101, 5_000])), '', parts(random, random.below(2))),
  'a stray PUBACK': ({ random }) => answer(Type.puback, packetId(random)),
  'a stray PUBREC': ({ random }) => answer(Type.pubrec, packetId(random)),
  'a stray PUBREL': ({ random }) => answer(Type.pubrel, packetId(random)),
  'a stray PUBCOMP': ({ random }) => answer(Type.pubcomp, packetId(random)),
  'a whole QoS 2 handshake': (means) => {
    const id = packetId(means.random);
    return [publish(publishTopics.to(means.random.pick(means.others)), message(means.random), { qos: 2, id }), answer(Type.pubrel, id), answer(Type.pubrel, id)];
  },
  'a SUBSCRIBE': ({ random, by, others }) => subscribe(packetId(random), some(random, 6, () => [filter(random, by.user, others), random.below(3)] as const)),
  'a SUBSCRIBE to all of its own': ({ random, by }) => subscribe(packetId(random), [[`u/${by.user}/#`, random.below(3)]]),
  'an UNSUBSCRIBE of nothing': ({ random, others }) => unsubscribe(packetId(random), some(random, 3, () => `u/${random.pick(others)}/nothing`)),
  'an UNSUBSCRIBE': ({ random, by, others }) => unsubscribe(packetId(random), some(random, 6, () => filter(random, by.user, others))),
  'a PINGREQ': () => PINGREQ,
};

const strangeTopics: readonly ((user: string) => string)[] = [
  (user) => `u/${user}/msg`,
  (user) => `to/${user}/`,
  (user) => `/to/${user}`,
  (user) => `to/${user}/raw/raw`,
  (user) => `group/${user}`,
  () => 'to/__proto__',
  () => 'rpc/constructor',
  () => 'rpc/hasOwnProperty',
  () => 'read/d:b:a',
  () => 'typing/g:birds',
  () => 'presence/',
  () => 'presence',
  () => '$SYS/broker/uptime',
  () => '$share/x/to/a',
  () => '/',
  () => ' ',
  () => 'to/zoë',
  () => '🐦',
  () => '\uffff\u0001',
];

function filter(random: Random, user: string, others: readonly string[]): string {
  const other = random.pick(others);
  return random.pick([`u/${user}/#`, `u/${user}/+`, `u/${user}/msg`, `u/${user}/raw/#`, `u/${user}/x${random.below(40)}`, `presence/${other}`, `u/${other}/#`, '#', '+', '+/+/msg', '$SYS/#', '$share/x/#', 'presence/+', '__proto__', 'constructor', `u/${user}/${'x'.repeat(510)}`]);
}

function toLog({ random, others }: Means, payload: Uint8Array): Buffer {
  return publish(random.chance(0.9) ? publishTopics.to(random.pick(others)) : random.pick([publishTopics.to('nobody'), publishTopics.group('birds')]), payload, parts(random));
}

/** A Message, seldom a large one. */
export function message(random: Random): Uint8Array {
  return encoded(small(random));
}

function small(random: Random): ReturnType<typeof randomMessage> {
  const made = randomMessage(random);
  if (random.chance(0.95)) made.body = made.body.subarray(0, 300);
  return made;
}

export function noise(random: Random): Uint8Array {
  return random.bytes(random.pick([0, 1, 2, 7, 30, 200]));
}

function mangled(random: Random, payload: Uint8Array): Uint8Array {
  if (random.chance(0.5) || payload.length === 0) return payload;
  return random.chance(0.5) ? mutate(random, payload) : noise(random);
}

function call(random: Random, user: string): Uint8Array {
  // Few call ids: answers are kept by them.
  const callId = random.chance(0.5) ? new Uint8Array(0) : new Uint8Array(random.pick([1, 16, 64, 65])).fill(random.below(8));
  const params = random.pick([new Uint8Array(0), noise(random), new TextEncoder().encode(`\n\u0003${user}`)]);
  return mangled(random, toBinary(RequestSchema, create(RequestSchema, { callId, params })));
}

function method(random: Random): string {
  const known = Object.keys(methods).filter((name) => name !== 'admin.backup');
  return random.chance(0.8) ? random.pick(known) : random.pick(['no.such', 'toString', '__proto__', 'a.b.c.d', '.', '']);
}

function conversation(random: Random, user: string, others: readonly string[]): string {
  const other = random.pick(others);
  return random.pick([directConversation(user, other), directConversation(other, random.pick(others)), directConversation(user, user), `u:${user}`, `u:${other}`, 'g:birds', 'd:b:a', 'x']);
}

function parts(random: Random, qos = random.pick([0, 1, 1, 1, 2])): PublishParts {
  return { qos, id: packetId(random) };
}

function packetId(random: Random): number {
  return 1 + random.below(BARRIER_ID - 1);
}

function some<T>(random: Random, most: number, make: () => T): T[] {
  return Array.from({ length: 1 + random.below(most) }, make);
}
