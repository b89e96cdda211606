/** A packet as it was counted. */
export interface Counted {
  readonly from: 'client' | 'server';
  /** `CONNECT`, `PUBACK`; of a PUBLISH its topic too. */
  readonly name: string;
  /** Of the MQTT packet alone. */
  readonly bytes: number;
  /** 1: sent without having heard anything; 2: after an answer to that; and so on. */
  readonly trip: number;
}

const names = ['', 'CONNECT', 'CONNACK', 'PUBLISH', 'PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP', 'SUBSCRIBE', 'SUBACK', 'UNSUBSCRIBE', 'UNSUBACK', 'PINGREQ', 'PINGRESP', 'DISCONNECT', ''];

/** MQTT packets out of one direction of a connection. */
export class PacketReader {
  #rest: Buffer = Buffer.alloc(0);

  *read(chunk: Buffer): Generator<{ name: string; bytes: number }> {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (let end = endOf(this.#rest); end > 0; end = endOf(this.#rest)) {
      const packet = this.#rest.subarray(0, end);
      this.#rest = this.#rest.subarray(end);
      yield { name: nameOf(packet), bytes: end };
    }
  }
}

/** Where the first packet ends; 0 when it is not all there. */
function endOf(bytes: Buffer): number {
  let remaining = 0;
  for (let at = 1, scale = 1; at < bytes.length; at++, scale *= 128) {
    remaining += (bytes[at] & 127) * scale;
    if (bytes[at] < 128) return at + 1 + remaining <= bytes.length ? at + 1 + remaining : 0;
  }
  return 0;
}

function nameOf(packet: Buffer): string {
  const name = names[packet[0] >> 4];
  if (name !== 'PUBLISH') return name;
  let at = 1;
  while (packet[at] > 127) at++;
  return `${name} ${packet.toString('utf8', at + 3, at + 3 + packet.readUInt16BE(at + 1))}`;
}

/** What is in the WebSocket frames of one direction, behind the upgrade. */
export class Unframer {
  #rest: Buffer = Buffer.alloc(0);
  /** The HTTP request or answer is not all there yet. */
  upgrading = true;
  /** Bytes of the frames' heads and masks. */
  framing = 0;

  read(chunk: Buffer): Buffer {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    if (this.upgrading) {
      const end = this.#rest.indexOf('\r\n\r\n');
      if (end < 0) return Buffer.alloc(0);
      this.#rest = this.#rest.subarray(end + 4);
      this.upgrading = false;
    }
    const payloads: Buffer[] = [];
    for (let payload = this.#frame(); payload; payload = this.#frame()) payloads.push(payload);
    return Buffer.concat(payloads);
  }

  /** The payload of the next whole frame; empty for those of the WebSocket's own (RFC 6455, 5.5). */
  #frame(): Buffer | undefined {
    const rest = this.#rest;
    if (rest.length < 2) return undefined;
    const short = rest[1] & 127;
    const masked = rest[1] > 127;
    const maskAt = short < 126 ? 2 : short === 126 ? 4 : 10;
    const start = maskAt + (masked ? 4 : 0);
    if (rest.length < start) return undefined;
    const length = short < 126 ? short : short === 126 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2));
    if (rest.length < start + length) return undefined;
    this.#rest = rest.subarray(start + length);
    const control = (rest[0] & 8) !== 0;
    this.framing += control ? start + length : start;
    if (control) return Buffer.alloc(0);
    const payload = Buffer.from(rest.subarray(start, start + length));
    if (masked) payload.forEach((byte, i) => (payload[i] = byte ^ rest[maskAt + (i & 3)]));
    return payload;
  }
}
