import type { Archive, ArchivedMessage } from '../../broker/ports/archive.js';
import type { ReadLimit } from '../../broker/ports/conversation-log.js';

/** An archive that answers after a turn of the event loop, as one over a network does, and forgets all with the process. */
export class MemoryArchive implements Archive {
  readonly kept = new Map<string, Map<number, ArchivedMessage>>();
  /** Runs before anything is done: a test may wait here, or throw. */
  before: (what: keyof Archive, conversation: string) => Promise<void> | void = () => undefined;

  put(conversation: string, messages: readonly ArchivedMessage[]): Promise<void> {
    const copies = messages.map((message) => ({ ...message, message: Buffer.from(message.message), aux: message.aux && Buffer.from(message.aux) }));
    return this.turn('put', conversation, (kept) => {
      for (const message of copies) kept.set(message.seq, message);
    });
  }

  read(conversation: string, from: number, to: number, { entries, bytes }: ReadLimit): Promise<readonly ArchivedMessage[]> {
    return this.turn('read', conversation, (kept) => {
      const all = [...kept.values()].filter(({ seq }) => seq >= from && seq <= to).sort((a, b) => a.seq - b.seq);
      let size = 0;
      return all.slice(0, entries).filter(({ message }) => size < bytes && (size += message.length) > 0);
    });
  }

  erase(conversation: string, seq: number): Promise<void> {
    return this.turn('erase', conversation, (kept) => void kept.delete(seq));
  }

  trim(conversation: string, upTo: number): Promise<void> {
    return this.turn('trim', conversation, (kept) => {
      for (const seq of kept.keys()) if (seq <= upTo) kept.delete(seq);
    });
  }

  async expire(nowMs: number): Promise<void> {
    for (const conversation of this.kept.keys()) {
      await this.turn('expire', conversation, (kept) => {
        for (const { seq, expiresAtMs } of kept.values()) if (expiresAtMs > 0 && expiresAtMs <= nowMs) kept.delete(seq);
      });
    }
  }

  conversations(after: string, limit: number): Promise<readonly string[]> {
    return this.turn('conversations', '', () => [...this.kept].filter(([name, kept]) => name > after && kept.size > 0).map(([name]) => name).sort().slice(0, limit));
  }

  private async turn<T>(what: keyof Archive, conversation: string, work: (kept: Map<number, ArchivedMessage>) => T): Promise<T> {
    await new Promise(setImmediate);
    await this.before(what, conversation);
    let kept = this.kept.get(conversation);
    if (!kept) this.kept.set(conversation, (kept = new Map()));
    return work(kept);
  }
}
