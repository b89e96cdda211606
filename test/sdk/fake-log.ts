import { create, type Event, MessageSchema, parseConversation, toBinary, type Message, type MessageInitShape } from 'godwit-schemas';

export interface FakeEntry {
  seq: number;
  sentAtMs: number;
  /** The sender's fields. */
  message: Message;
  from: string;
  device: string;
  event?: Event;
}

/** Conversations in memory, with the server's rules of place and identity. */
export class FakeLog {
  readonly conversations = new Map<string, FakeEntry[]>();
  now: () => number = Date.now;

  /** The place of a message: its first one, when it is there already. */
  append(conversation: string, from: string, device: string, init: MessageInitShape<typeof MessageSchema>, event?: Event): FakeEntry {
    const entries = this.entries(conversation);
    const message = create(MessageSchema, init);
    const had = message.id.length > 0 && entries.find((entry) => entry.from === from && Buffer.compare(entry.message.id, message.id) === 0);
    if (had) return had;
    const entry: FakeEntry = { seq: (entries.at(-1)?.seq ?? 0) + 1, sentAtMs: this.now(), message, from, device };
    if (event) entry.event = event;
    entries.push(entry);
    return entry;
  }

  entries(conversation: string): FakeEntry[] {
    let entries = this.conversations.get(conversation);
    if (!entries) this.conversations.set(conversation, (entries = []));
    return entries;
  }
}

/** Whether the conversation is one of the user's. */
export function isOf(conversation: string, user: string): boolean {
  const parsed = parseConversation(conversation);
  if (parsed?.kind === 'direct') return parsed.users.includes(user);
  return parsed?.kind === 'feed' && parsed.user === user;
}

/** A delivery: the Message with the server's stamp. */
export function stamped(conversation: string, entry: FakeEntry, after: number): Uint8Array {
  const { message, from, device, seq, sentAtMs, event } = entry;
  return toBinary(
    MessageSchema,
    create(MessageSchema, { ...message, from, fromDevice: device, conversation, seq: BigInt(seq), sentAtMs: BigInt(sentAtMs), after: BigInt(after), ...(event && { event }) }),
  );
}
