import { createHmac } from 'node:crypto';
import { limits } from 'godwit-schemas';
import { draw, type Arsenal, type Means } from './attack.js';
import { harmless, noise } from './harmless.js';
import { damaged, mangled } from './mangled.js';
import { bytes, CLEAN, connect, connectWithWill, packet, remainingLength, Type, type Sender } from './packets.js';

const CREDENTIALS = 0xc0;

/** What comes in place of a CONNECT, or is one that must be refused: the server ends the connection, without a session. */
export const refused: Arsenal = {
  'another packet first': (means) => draw('stays', harmless, means).pieces[0],
  'noise that is no CONNECT': ({ random }) => bytes(Buffer.from([random.pick([0x00, 0x0f, 0x11, 0x1f, 0x20, 0x47, 0x80, 0xff])]), random.bytes(2 + random.below(200))),
  'an HTTP request': () => Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
  'a TLS handshake': ({ random }) => bytes(Buffer.from([0x16, 3, 1, 2, 0]), random.bytes(100)),
  'a remaining length of five bytes': () => Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 1]),
  'an announcement of more than connectBytes': ({ random }) => bytes(Buffer.from([Type.connect]), remainingLength(limits.connectBytes.value + 1 + random.below(200_000_000)), random.bytes(random.below(50))),
  'no known protocol': ({ random, by }) => connect(by, { protocol: random.pick(['', 'MQTT5', 'mqtt', 'MQIsdq', 'AMQP', 'x'.repeat(1000)]) }),
  'an unknown level': ({ random, by }) => connect(by, { level: random.pick([0, 1, 2, 5, 6, 127, 0x80, 0x85, 0xff]) }),
  'the reserved flag': ({ by }) => connect(by, { flags: CREDENTIALS | 1 }),
  "a will's flags without a will": ({ random, by }) => connect(by, { flags: CREDENTIALS | random.pick([0x08, 0x10, 0x18, 0x20]) }),
  'a password without a username': ({ by }) => connect(by, { flags: 0x40, fields: [by.clientId, by.token] }),
  'fewer fields than its flags say': ({ random, by }) => connect(by, { flags: CREDENTIALS | 0x04, fields: [by.clientId, by.user, by.token].slice(0, random.below(4)) }),
  'nothing in it': () => packet(Type.connect),
  'a bad client id': ({ random, by }) => connect(by, { fields: [random.pick(['', ':', by.user, `${by.user}:`, `:${by.clientId}`, `${by.user}:x:y`, `${by.user}/x`, `${by.user}:${'x'.repeat(33)}`, `${'x'.repeat(65)}:x`, 'zoë:x', Buffer.from('ff3a61', 'hex'), '\0:x']), by.user, by.token] }),
  "another user's name": ({ random, by, others }) => connect(by, { fields: [by.clientId, random.pick(others.filter((other) => other !== by.user)), by.token] }),
  "another user's token": ({ random, by, others }) => connect(by, { fields: [`${random.pick(others.filter((other) => other !== by.user))}:x`, by.user, by.token] }),
  'no token': ({ by }) => connect(by, { fields: [by.clientId, by.user, ''] }),
  'a token that is none': ({ random, by }) => connect(by, { fields: [by.clientId, by.user, random.pick(['x', '..', 'a.b.c', `${by.token}.`, 'e30.e30.', Buffer.from(noise(random))])] }),
  'a token signed by nobody': ({ by }) => connect(by, { fields: [by.clientId, by.user, forged({ alg: 'none' }, by, '')] }),
  'a token signed with another secret': ({ by }) => connect(by, { fields: [by.clientId, by.user, forged({ alg: 'HS256', typ: 'JWT' }, by, 'another secret, also of thirty-two bytes')] }),
  'a damaged token': ({ random, by }) => connect(by, { fields: [by.clientId, by.user, changed(by.token, random.below(by.token.length - 1))] }),
  'a will with QoS 3': ({ by }) => connectWithWill(by, `to/${by.user}`, 'x', 0x18),
  'a will that may not be published': ({ random, by, others }) => connectWithWill(by, random.pick(['', '#', 'to/+', 'to/\0', '$SYS/x', 'x', `u/${by.user}/msg`, `presence/${others.find((other) => other !== by.user)}`, Buffer.from('746f2fff', 'hex')]), noise(random)),
};

/** A CONNECT that may be good or not. */
export const doubtful: Arsenal = {
  'pure noise': mangled['pure noise'],
  'a damaged CONNECT': ({ random, by }) => damaged(random, connect(by)),
  'a CONNECT with damaged content': ({ random, by }) => packet(Type.connect, damaged(random, connect(by).subarray(3))),
  'a CONNECT that is cut off': ({ random, by }) => {
    const whole = connect(by);
    return whole.subarray(0, 1 + random.below(whole.length - 1));
  },
  'a CONNECT with more behind its fields': ({ random, by }) => connect(by, { fields: [by.clientId, by.user, by.token, random.bytes(random.below(30))] }),
  'a CONNECT of a bridge': ({ by }) => connect(by, { level: 0x84 }),
};

/** A CONNECT to which the answer is a session. */
export const good: Arsenal = {
  'a CONNECT': ({ by }) => connect(by),
  'a CONNECT that wants a clean session': ({ by }) => connect(by, { flags: CREDENTIALS | CLEAN }),
  'a CONNECT of MQTT 3.1': ({ by }) => connect(by, { protocol: 'MQIsdp', level: 3 }),
  'a CONNECT with a long keepalive': ({ random, by }) => connect(by, { keepalive: 60 + random.below(65_000) }),
  'a CONNECT with a will': ({ random, by, others }) => connectWithWill(by, random.pick([`to/${random.pick(others)}`, `presence/${by.user}`, `to/${by.user}/raw`, 'group/birds']), noise(random), random.pick([0, 0x08, 0x10, 0x20, 0x28])),
};

/** A CONNECT, and packets right behind it: no more than a first WebSocket message may hold. */
export function headlong(means: Means): Buffer[] {
  const following = Array.from({ length: means.random.below(5) }, () => draw('stays', harmless, means)).flatMap((attack) => attack.pieces);
  return [connect(means.by), ...following.filter((piece) => piece.length < 10_000)];
}

function forged(header: object, { user }: Sender, secret: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part(header)}.${part({ sub: user, exp: 9_999_999_999 })}`;
  return `${signed}.${secret && createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

/** Another letter in place of one; not the last one, of which some bits do not count. */
function changed(token: string, at: number): string {
  return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
}
