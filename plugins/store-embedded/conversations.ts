import type { Hole } from '../../broker/ports/conversation-log.js';
import { Conversation } from './conversation.js';
import type { Database } from './database.js';

/** The conversations held open in memory, and the records of all of them in LMDB. */
export class Conversations {
  /** The number that the next new conversation gets. */
  nextId = 1;
  private readonly byName = new Map<string, Conversation>();
  private readonly byId = new Map<number, Conversation>();

  constructor(
    private readonly db: Database,
    private readonly most: number,
  ) {}

  /** undefined: no such conversation. */
  get(name: string): Conversation | undefined {
    const open = this.byName.get(name);
    if (open) {
      open.used = true;
      return open;
    }
    const record = this.db.conversations.getBinary(Buffer.from(name, 'latin1'));
    return record && this.load(record.readUInt32LE(0), name, decodeMembers(record));
  }

  /** @throws if there is none: numbers come from our own records. */
  byNumber(id: number): Conversation {
    const open = this.byId.get(id);
    if (open) return open;
    const head = this.db.heads.getBinary(headKey(id));
    if (!head) throw new Error(`conversation ${id} is not in the store`);
    return this.get(headName(head))!;
  }

  /** An open one, if it is. */
  opened(id: number): Conversation | undefined {
    return this.byId.get(id);
  }

  create(id: number, name: string, members: readonly string[]): Conversation {
    const conversation = new Conversation(id, name, [...new Set(members)]);
    conversation.created = true;
    this.nextId = Math.max(this.nextId, id + 1);
    this.add(conversation);
    return conversation;
  }

  /** Lets go of idle conversations that were not used since the last time, while too many are open. */
  trim(): void {
    let excess = this.byName.size - this.most;
    for (const conversation of this.byName.values()) {
      if (excess <= 0) return;
      if (conversation.used) conversation.used = false;
      else if (conversation.idle) {
        this.byName.delete(conversation.name);
        this.byId.delete(conversation.id);
        excess--;
      }
    }
  }

  /** Forgets every open conversation: all of them must be idle. */
  clear(): void {
    this.byName.clear();
    this.byId.clear();
  }

  get open(): Iterable<Conversation> {
    return this.byName.values();
  }

  /** Writes what changes with every append; within LMDB's batch. */
  put(conversation: Conversation): void {
    if (conversation.created) {
      void this.db.conversations.put(Buffer.from(conversation.name, 'latin1'), encodeMembers(conversation));
      conversation.created = false;
    }
    void this.db.heads.put(headKey(conversation.id), encodeHead(conversation));
  }

  private load(id: number, name: string, members: readonly string[]): Conversation {
    const conversation = new Conversation(id, name, members);
    decodeHead(this.db.heads.getBinary(headKey(id))!, conversation);
    this.add(conversation);
    if (this.byName.size > this.most * 1.1) this.trim();
    return conversation;
  }

  private add(conversation: Conversation): void {
    this.byName.set(conversation.name, conversation);
    this.byId.set(conversation.id, conversation);
  }
}

export function headKey(id: number): Buffer {
  const key = Buffer.allocUnsafe(4);
  key.writeUInt32BE(id);
  return key;
}

function encodeMembers({ id, members }: Conversation): Buffer {
  const bytes = Buffer.allocUnsafe(members.reduce((sum, member) => sum + 1 + member.length, 4));
  let at = bytes.writeUInt32LE(id, 0);
  for (const member of members) {
    bytes[at] = member.length;
    at += 1 + bytes.write(member, at + 1, 'latin1');
  }
  return bytes;
}

function decodeMembers(bytes: Buffer): string[] {
  const members: string[] = [];
  for (let at = 4; at < bytes.length; at += 1 + bytes[at]) members.push(bytes.toString('latin1', at + 1, at + 1 + bytes[at]));
  return members;
}

const HOLE_BYTES = 17;
const FIXED = 72;

/** Numbers at fixed places, then the holes, then the name, then `archivedTo` where it is above 0. */
function encodeHead(conversation: Conversation): Buffer {
  const { holes, name, archivedTo } = conversation;
  const bytes = Buffer.allocUnsafe(FIXED + holes.length * HOLE_BYTES + name.length + (archivedTo > 0 ? 8 : 0));
  bytes.writeDoubleLE(conversation.fillingTo, 0);
  bytes.writeDoubleLE(conversation.first, 8);
  bytes.writeDoubleLE(conversation.counted, 16);
  bytes.writeDoubleLE(conversation.epoch, 24);
  bytes.writeDoubleLE(conversation.clearedTo, 32);
  bytes.writeDoubleLE(conversation.oldestSentAtMs, 40);
  bytes.writeDoubleLE(conversation.chunkFirst, 48);
  bytes.writeUInt32LE(conversation.chunkBytes, 56);
  bytes.writeUInt32LE(conversation.term, 60);
  bytes.writeUInt32LE(holes.length, 64);
  bytes.writeUInt32LE(name.length, 68);
  let at = FIXED;
  for (const hole of holes) {
    bytes.writeDoubleLE(hole.from, at);
    bytes.writeDoubleLE(hole.to, at + 8);
    bytes[at + 16] = hole.reason;
    at += HOLE_BYTES;
  }
  at += bytes.write(name, at, 'latin1');
  if (archivedTo > 0) bytes.writeDoubleLE(archivedTo, at);
  return bytes;
}

function decodeHead(bytes: Buffer, conversation: Conversation): void {
  conversation.durable = true;
  conversation.head = conversation.last = conversation.filledTo = conversation.fillingTo = bytes.readDoubleLE(0);
  conversation.first = bytes.readDoubleLE(8);
  conversation.counted = conversation.lastCounted = bytes.readDoubleLE(16);
  conversation.epoch = conversation.nextEpoch = bytes.readDoubleLE(24);
  conversation.clearedTo = bytes.readDoubleLE(32);
  conversation.oldestSentAtMs = bytes.readDoubleLE(40);
  conversation.chunkFirst = bytes.readDoubleLE(48);
  conversation.chunkBytes = bytes.readUInt32LE(56);
  conversation.term = conversation.nextTerm = bytes.readUInt32LE(60);
  const holes: Hole[] = [];
  for (let i = bytes.readUInt32LE(64), at = FIXED; i > 0; i--, at += HOLE_BYTES) {
    holes.push({ from: bytes.readDoubleLE(at), to: bytes.readDoubleLE(at + 8), reason: bytes[at + 16] });
  }
  conversation.holes = holes;
  conversation.archivedTo = headArchivedTo(bytes);
}

export function headName(bytes: Buffer): string {
  return bytes.toString('latin1', nameStart(bytes), nameEnd(bytes));
}

function nameStart(bytes: Buffer): number {
  return FIXED + bytes.readUInt32LE(64) * HOLE_BYTES;
}

function nameEnd(bytes: Buffer): number {
  return nameStart(bytes) + bytes.readUInt32LE(68);
}

function headArchivedTo(bytes: Buffer): number {
  const at = nameEnd(bytes);
  return at < bytes.length ? bytes.readDoubleLE(at) : 0;
}

/** What a sweep asks of a conversation without opening it. */
export function headSummary(bytes: Buffer): { name: string; head: number; first: number; clearedTo: number; oldestSentAtMs: number; archivedTo: number } {
  return {
    name: headName(bytes),
    head: bytes.readDoubleLE(0),
    first: bytes.readDoubleLE(8),
    clearedTo: bytes.readDoubleLE(32),
    oldestSentAtMs: bytes.readDoubleLE(40),
    archivedTo: headArchivedTo(bytes),
  };
}
