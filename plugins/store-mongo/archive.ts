import { Binary } from 'mongodb';
import type { Archive, ArchivedMessage } from '../../broker/ports/archive.js';
import type { ReadLimit } from '../../broker/ports/conversation-log.js';
import { messages, type MessageDocument } from './documents.js';
import type { Link } from './link.js';

/** Messages that one answer of MongoDB brings at most; 64 of 64 KiB are 4 MiB. */
const BATCH = 64;

/** Old messages, a document each. */
export class MongoArchive implements Archive {
  constructor(private readonly link: Link) {}

  async put(conversation: string, found: readonly ArchivedMessage[]): Promise<void> {
    const changes = found.map((message) => ({ replaceOne: { filter: { conversation, seq: message.seq }, replacement: toMessage(conversation, message), upsert: true } }));
    await this.link.run((db) => messages(db).bulkWrite(changes, { ordered: false }));
  }

  read(conversation: string, from: number, to: number, { entries, bytes }: ReadLimit): Promise<readonly ArchivedMessage[]> {
    return this.link.run(async (db) => {
      const found: ArchivedMessage[] = [];
      const cursor = messages(db).find({ conversation, seq: { $gte: from, $lte: to } }).sort({ seq: 1 }).limit(entries).batchSize(Math.min(entries, BATCH));
      let size = 0;
      for await (const document of cursor) {
        const message = fromMessage(document);
        found.push(message);
        size += message.message.length;
        if (size >= bytes) break;
      }
      return found;
    });
  }

  async erase(conversation: string, seq: number): Promise<void> {
    await this.link.run((db) => messages(db).deleteOne({ conversation, seq }));
  }

  async trim(conversation: string, upTo: number): Promise<void> {
    await this.link.run((db) => messages(db).deleteMany({ conversation, seq: { $lte: upTo } }));
  }

  async expire(nowMs: number): Promise<void> {
    await this.link.run((db) => messages(db).deleteMany({ expiresAtMs: { $lte: nowMs } }));
  }

  conversations(after: string, limit: number): Promise<readonly string[]> {
    return this.link.run(async (db) => {
      const found: string[] = [];
      // From name to name in the index: a group stage would read every message.
      for (let name = after; found.length < limit; found.push(name)) {
        const next = await messages(db).findOne({ conversation: { $gt: name } }, { sort: { conversation: 1, seq: 1 }, projection: { conversation: 1 } });
        if (!next) break;
        name = next.conversation;
      }
      return found;
    });
  }
}

function toMessage(conversation: string, { seq, message, stamp, aux, expiresAtMs }: ArchivedMessage): MessageDocument {
  return { conversation, seq, message: new Binary(message), stamp, ...(aux && { aux: new Binary(aux) }), ...(expiresAtMs > 0 && { expiresAtMs }) };
}

function fromMessage({ seq, message, stamp, aux, expiresAtMs }: MessageDocument): ArchivedMessage {
  return { seq, message: message.value(), stamp, aux: aux?.value(), expiresAtMs: expiresAtMs ?? 0 };
}
