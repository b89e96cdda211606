import { validUtf8 } from 'godwit-schemas';

/** Packet types (MQTT-2.2.1). */
const enum Type {
  Pubrec = 5,
  Pubrel = 6,
  Pubcomp = 7,
  Subscribe = 8,
  Unsubscribe = 10,
  Pingreq = 12,
  Disconnect = 14,
}

/**
 * What breaks the protocol in a packet that goes on to Aedes, where Aedes or its parser would let it pass: packet id 0
 * (MQTT-2.3.1-1), wrong lengths, a SUBSCRIBE or UNSUBSCRIBE without a filter (MQTT-3.8.3-3, 3.10.3-2).
 * @param at where the variable header begins
 * @returns undefined: nothing that is looked for here
 */
export function breachOf(data: Buffer, first: number, at: number, end: number): string | undefined {
  const length = end - at;
  switch ((first >>> 4) as Type) {
    case Type.Pubrec:
    case Type.Pubrel:
    case Type.Pubcomp:
      if (length !== 2) return 'a packet of a wrong length';
      return packetIdAt(data, at) === 0 ? 'packet id 0' : undefined;
    case Type.Subscribe:
    case Type.Unsubscribe:
      if (length < 2 || packetIdAt(data, at) === 0) return 'no packet id';
      return length === 2 ? 'no topic filter' : undefined;
    case Type.Pingreq:
    case Type.Disconnect:
      return length > 0 || (first & 15) !== 0 ? 'a packet that has no content, with some' : undefined;
    default:
      return undefined;
  }
}

/** Whether [start, end) may be the topic of a PUBLISH: UTF-8 without NUL and wildcards (MQTT-1.5.3-1, 1.5.3-2, 3.3.2-2). */
export function validTopicName(data: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = data[i];
    if (byte === 0x2b || byte === 0x23 || byte === 0) return false;
  }
  return end > start && validUtf8(data, start, end);
}

export function packetIdAt(data: Buffer, at: number): number {
  return (data[at] << 8) | data[at + 1];
}
