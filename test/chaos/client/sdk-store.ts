import type { Store } from 'godwit-client';
import type { ToWrite } from '../journal.js';

/** The head of a record: see `records` of the SDK. */
export function headOf(record: Uint8Array): Record<string, unknown> {
  const { buffer, byteOffset } = record;
  const length = new DataView(buffer, byteOffset).getUint32(0);
  return JSON.parse(Buffer.from(buffer, byteOffset + 4, length).toString()) as Record<string, unknown>;
}

/**
 * The store of a device, looked over the shoulder: how far it gets is written down before the server can hear of it,
 * and that it has told what was read, once it knows.
 */
export function observed(store: Store, write: (entry: ToWrite) => void): Store {
  const reached = new Map<string, number>();
  return {
    get: (key) => store.get(key),
    range: (range) => store.range(range),
    close: () => store.close(),
    async write(changes) {
      for (const { key, value } of changes) {
        const conversation = key.slice(2);
        const seq = key.startsWith('p/') && value ? Number(headOf(value).seq) : 0;
        if (seq <= (reached.get(conversation) ?? 0)) continue;
        reached.set(conversation, seq);
        write({ what: 'reaching', conversation, seq });
      }
      await store.write(changes);
      for (const { key, value } of changes) {
        if (!key.startsWith('r/') || !value) continue;
        const { told } = headOf(value);
        if (Number(told) > 0) write({ what: 'read', conversation: key.slice(2), seq: Number(told) });
      }
    },
  };
}
