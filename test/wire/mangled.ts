import type { Random } from '../schemas/random.js';
import { mutate } from '../schemas/random-message.js';
import { draw, type Arsenal, type Means } from './attack.js';
import { harmless } from './harmless.js';
import { answer, bytes, packet, remainingLength, subscribe, Type, unsubscribe } from './packets.js';

/** Damaged packets and pure noise. What they are nobody knows; the server must bear them. */
export const mangled: Arsenal = {
  'pure noise': ({ random }) => Buffer.from(random.bytes(1 + random.below(300))),
  'noise with a good header': ({ random }) => packet(random.below(256), random.bytes(random.pick([0, 1, 2, 3, 4, 10, 100, 1000]))),
  'a packet with damaged bytes': (means) => damaged(means.random, valid(means)),
  'a packet with damaged content': (means) => {
    const [first, content] = split(valid(means));
    return packet(first, damaged(means.random, content));
  },
  'a packet of another type': (means) => packet(means.random.below(256), split(valid(means))[1]),
  'a wrong remaining length': (means) => {
    const [first, content] = split(valid(means));
    return bytes(Buffer.from([first]), remainingLength(Math.max(0, content.length + means.random.pick([-5, -2, -1, 1, 2, 100]))), content, valid(means));
  },
  'a remaining length in more bytes than it needs': (means) => {
    const [first, content] = split(valid(means));
    return bytes(Buffer.from([first]), padded(means.random, content.length), content);
  },
  'a packet that is cut off': (means) => {
    const whole = valid(means);
    return whole.subarray(0, 1 + means.random.below(whole.length));
  },
  'PUBACK with packet id 0': () => answer(Type.puback, 0),
  'filters that no two libraries agree on': ({ random, by }) => subscribe(5, [[random.pick([`u/${by.user}/a#`, 'a#', '+a', 'a+', `u/${by.user}/\0`, Buffer.from('752fff', 'hex')]), 1]]),
  'an UNSUBSCRIBE of what is no filter': ({ random }) => unsubscribe(5, [random.pick(['#/#', 'a#', '+a/b', '\0', Buffer.from('ff', 'hex')])]),
};

/** A damaged copy. */
export function damaged(random: Random, whole: Buffer): Buffer {
  // `slice` of a Buffer is no copy, of a Uint8Array it is.
  return whole.length === 0 ? whole : Buffer.from(mutate(random, Uint8Array.from(whole)));
}

function valid(means: Means): Buffer {
  return draw('stays', harmless, means).pieces[0];
}

/** First byte and content of a whole packet. */
function split(whole: Buffer): [first: number, content: Buffer] {
  let at = 1;
  while (whole[at++] & 0x80);
  return [whole[0], whole.subarray(at)];
}

function padded(random: Random, length: number): Buffer {
  const encoded = [...remainingLength(length)];
  const most = 4 + random.below(2);
  while (encoded.length < most) {
    encoded[encoded.length - 1] |= 0x80;
    encoded.push(0);
  }
  return Buffer.from(encoded);
}
