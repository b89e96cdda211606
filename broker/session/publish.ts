import { Code } from 'godwit-schemas';
import type { Append, MembershipChange } from '../ports/conversation-log.js';
import type { Refusal } from '../ports/plugin.js';

/** Who hears what became of a publish. */
export interface Publisher {
  /** False: the connection was taken over, what it has not appended yet is dropped. */
  readonly accepting: boolean;
  /** Durable, a duplicate, or refused: the result and the PUBACK are due, in the order of the calls. */
  settled(publish: Publish): void;
}

/** Whose connection is not to be held on to any longer. */
const NOBODY: Publisher = { accepting: false, settled: () => undefined };

const NO_MEMBERS: readonly string[] = [];
const NOTHING = new Uint8Array(0);

/** One publish between its arrival and its PUBACK. Refusals and finished control calls wait in the same queue, with nothing to append. */
export class Publish implements Append {
  conversation = '';
  members = NO_MEMBERS;
  membership: MembershipChange | undefined = undefined;
  from = '';
  fromDevice = '';
  id: Uint8Array = NOTHING;
  buffer: Uint8Array = NOTHING;
  start = 0;
  end = 0;
  aux: Uint8Array | undefined = undefined;
  flags = 0;
  epoch = 0;
  expiresInS = 0;
  code = Code.OK;
  seq = 0;
  sentAtMs = 0;
  duplicate = false;

  /** There is something to append. */
  appends = false;
  /** Why it was refused before it came to the log. */
  refusal: Refusal | undefined = undefined;
  /** The publisher wants a Result (publishes to logs always, others when refused). */
  wantsResult = true;
  arrivedAtMs = 0;
  /** From a raw topic: the Result names the packet id, as the sender knows no other. */
  raw = false;
  /** The raw publish that this one repeats: the same becomes of both. */
  first: Publish | undefined = undefined;
  settled = false;
  /** Aedes answers the packet itself (QoS 2, wills): called in place of the PUBACK. */
  handshake: (() => void) | undefined = undefined;

  /** @param packetId 0 = QoS 0, or not from a packet */
  constructor(public publisher: Publisher, readonly packetId: number) {}

  /** Takes over what became of the first, and lets go of the bytes. */
  settle(): void {
    const { first } = this;
    if (first) {
      this.id = first.id;
      this.code = first.code;
      this.refusal = first.refusal;
      this.seq = first.seq;
      this.sentAtMs = first.sentAtMs;
    }
    this.settled = true;
    this.buffer = NOTHING;
    this.aux = undefined;
  }

  /** It is answered, or will never be: whoever remembers it must not hold its connection with it. */
  letGo(): void {
    this.publisher = NOBODY;
    this.handshake = undefined;
    this.first = undefined;
  }

  refuse(refusal: Refusal): this {
    this.code = refusal.code;
    this.refusal = refusal;
    return this;
  }
}
