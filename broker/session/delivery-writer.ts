import { deliveryTopics, type Reason } from 'godwit-schemas';
import { topicField } from '../mqtt/frames.js';
import type { Entry } from '../ports/conversation-log.js';
import { gapMessage, messageForDevice } from '../ports/delivered.js';
import { gapJson, rawOf, writeMessage, writePayload } from './delivery-frames.js';
import type { Session } from './session.js';

/** Writes what one device is delivered, in the form that its session takes it in. */
export class DeliveryWriter {
  readonly clientId: string;

  constructor(private readonly user: string, device: string, private readonly now: () => number) {
    this.clientId = `${user}:${device}`;
  }

  /** Bytes of the frame; 0 = this session takes nothing of the kind. */
  entry(session: Session, conversation: string, entry: Entry, packetId: number, after: number | undefined, dup: boolean): number {
    const { output } = session;
    if (session.takesMsg) {
      const topic = topicOf(session, conversation);
      const own = entry.aux ? messageForDevice(entry, this.clientId) : undefined;
      if (!own) return writeMessage(output, topic, entry, packetId, after, dup);
      return writeMessage(output, topic, { ...entry, buffer: Buffer.from(own), start: 0, end: own.length }, packetId, after, dup);
    }
    const { from, body } = rawOf(entry, this.clientId);
    const topic = deliveryTopics.raw(this.user, conversation, from);
    if (from === '' || session.takes(topic) === undefined) return 0;
    return writePayload(output, topicField(topic), body, packetId, dup);
  }

  gap(session: Session, conversation: string, packetId: number, from: number, to: number, reason: Reason, after: number, dup: boolean): number {
    if (session.takesMsg) return writePayload(session.output, topicOf(session, conversation), gapMessage(conversation, from, to, reason, after, this.now()), packetId, dup);
    if (!session.takesGap) return 0;
    return writePayload(session.output, session.topics.gap, gapJson(conversation, from, to, reason), packetId, dup);
  }
}

/** Messages and gaps of the feed have a topic of their own. */
function topicOf({ topics }: Session, conversation: string): Buffer {
  return conversation.startsWith('u:') ? topics.feed : topics.msg;
}
