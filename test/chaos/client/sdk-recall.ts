import type { Store } from 'godwit-client';
import { ulidToString } from 'godwit-schemas';
import { senderOf } from '../body.js';
import type { ToWrite, Written } from '../journal.js';
import { headOf } from './sdk-store.js';

type Sent = Extract<Written, { what: 'sent' }>;

/** What an earlier process of the same device had sent, and was not told the end of. */
export class SdkRecall {
  said = 0;
  connections = 0;
  private readonly open = new Map<string, Sent>();
  private readonly tokens = new Map<string, string>();

  constructor(entries: readonly Written[]) {
    for (const entry of entries) {
      if (entry.what === 'connected') this.connections = entry.connection;
      else if (entry.what === 'sent') {
        this.open.set(entry.token, entry);
        this.tokens.set(entry.id, entry.token);
        this.said++;
      } else if (entry.what === 'acknowledged' || entry.what === 'withdrawn' || entry.what === 'rejected') this.open.delete(entry.token);
    }
  }

  /** @param id hexadecimal */
  tokenOf(id: string): string | undefined {
    return this.tokens.get(id);
  }

  /**
   * Whoever is killed is not told what became of a message. It is in the outbox still, or was accepted, and then the
   * store has it at its place; or it was never kept.
   */
  async settle(store: Store, write: (entry: ToWrite) => void): Promise<void> {
    const waiting = new Set((await store.range({ from: 'o/', before: 'o0' })).map(([, record]) => headOf(record).id));
    for (const { token, conversation, id } of this.open.values()) {
      const ulid = ulidToString(Buffer.from(id, 'hex'));
      if (waiting.has(ulid)) continue;
      const mark = await store.get(`i/${conversation}/${senderOf(token).split(':')[0]}/${ulid}`);
      if (mark) {
        write({ what: 'accepted', token, seq: Number(headOf(mark).seq) });
        write({ what: 'acknowledged', token });
      } else write({ what: 'withdrawn', token });
    }
  }
}
