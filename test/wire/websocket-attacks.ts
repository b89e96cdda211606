import { limits } from 'godwit-schemas';
import type { Arsenal } from './attack.js';
import { PINGREQ } from './packets.js';
import { frame, Opcode } from './websocket-frames.js';

const RSV1 = 0x40;
const FIN = 0x80;

/** Frames that RFC 6455 or MQTT-6.0.0 forbid: the server ends the connection. */
export const badFrames: Arsenal = {
  'a text message': () => frame(Opcode.text, Buffer.from('hello')),
  'text that is no UTF-8': () => frame(Opcode.text, Buffer.from([0xff])),
  'a frame without a mask': () => frame(Opcode.binary, PINGREQ, { masked: false }),
  'a reserved bit': () => frame(Opcode.binary, PINGREQ, { first: FIN | RSV1 | Opcode.binary }),
  'a reserved opcode': ({ random }) => frame(random.pick([3, 7, 11, 15]), PINGREQ),
  'a continuation of nothing': () => frame(Opcode.continuation, PINGREQ),
  'a message within a message': () => [frame(Opcode.binary, PINGREQ, { first: Opcode.binary }), frame(Opcode.binary, PINGREQ)],
  'a control frame in pieces': () => frame(Opcode.ping, Buffer.from('x'), { first: Opcode.ping }),
  'a control frame that is too long': () => frame(Opcode.ping, Buffer.alloc(126)),
  'a close with a code that is none': ({ random }) => frame(Opcode.close, Buffer.from(random.pick(['00', '0000', '03ed', 'ffff', '03e8ff']), 'hex')),
  'a close': () => frame(Opcode.close, Buffer.alloc(0)),
  'an announcement of more than webSocketMessageBytes': ({ random }) => frame(Opcode.binary, PINGREQ, { length: limits.webSocketMessageBytes.value + 1 + random.below(2 ** 50) }),
  'pieces of more than webSocketMessageBytes': () => [
    ...Array.from({ length: 17 }, (_, i) => frame(i === 0 ? Opcode.binary : Opcode.continuation, Buffer.alloc(65_000), { first: i === 0 ? Opcode.binary : 0 })),
  ],
};

/** Unusual, and right. */
export const goodFrames: Arsenal = {
  'a ping': () => frame(Opcode.ping, Buffer.from('are you there')),
  'a pong that nobody asked for': () => frame(Opcode.pong, Buffer.alloc(0)),
  'an empty message': () => frame(Opcode.binary, Buffer.alloc(0)),
  'a message in many pieces, with a ping between': () => [
    frame(Opcode.binary, PINGREQ.subarray(0, 1), { first: Opcode.binary }),
    frame(Opcode.ping, Buffer.alloc(0)),
    frame(Opcode.continuation, Buffer.alloc(0), { first: 0 }),
    frame(Opcode.continuation, PINGREQ.subarray(1)),
  ],
  'two packets in a message': () => frame(Opcode.binary, Buffer.concat([PINGREQ, PINGREQ])),
  'a packet in two messages': () => [frame(Opcode.binary, PINGREQ.subarray(0, 1)), frame(Opcode.binary, PINGREQ.subarray(1))],
};
