import { createUlid } from 'godwit-schemas';
import type { Append, MembershipChange } from '../../broker/ports/conversation-log.js';

const nextId = createUlid();

/** A publish as the engine hands it over: the sender's fields are an id and a body. */
export function append(conversation: string, from: string, body: string | Uint8Array, more: Partial<Append> = {}): Append {
  const id = more.id ?? nextId();
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const fields = Buffer.concat([Buffer.from([0x0a, 16]), id, Buffer.from([0x12]), varint(bytes.length), bytes]);
  // Somewhere in the middle of a buffer, as it comes from a socket.
  const buffer = Buffer.concat([Buffer.from('before'), fields, Buffer.from('behind')]);
  return {
    conversation,
    members: conversation.startsWith('g:') ? [] : conversation.split(':').slice(1),
    from,
    fromDevice: 'phone',
    buffer,
    start: 6,
    end: 6 + fields.length,
    aux: undefined,
    flags: 0,
    epoch: 0,
    expiresInS: 0,
    code: -1 as Append['code'],
    seq: -1,
    sentAtMs: -1,
    duplicate: false,
    ...more,
    id,
  };
}

/** The same publish once more, with nothing known of its outcome. */
export function again(first: Append): Append {
  return { ...first, code: -1 as Append['code'], seq: -1, sentAtMs: -1, duplicate: false };
}

/** A change in words, `+ab-c` and anything behind a space: a and b join, c leaves. */
export function changeOf(body: string): MembershipChange {
  const [joined, left] = body.slice(1).split(' ')[0].split('-');
  return { joined: joined.split(''), left: left.split('') };
}

/** An id that sorts by `order`, whatever the clock says. */
export function idOf(order: number): Uint8Array {
  const id = Buffer.alloc(16);
  id.writeUInt32BE(order, 4);
  return id;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
