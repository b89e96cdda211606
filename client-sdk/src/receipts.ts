import { ReceiptSchema, type MessageShape } from 'godwit-schemas';
import type { ReceiptNotice, Tick } from './events.js';
import { tickAt, type Place } from './places.js';
import { ranges, seqOfKey } from './records.js';
import { decodeStored, encodeStored, expiresAt, tickOf, type StoredHead } from './stored-message.js';
import type { Transaction } from './transaction.js';
import { readUpTo } from './unread.js';

export type Receipt = MessageShape<typeof ReceiptSchema>;

export interface ReceiptHooks {
  readonly user: string;
  emit(event: ReceiptNotice): void;
  /** The conversation is another than it was. */
  touched(conversation: string): void;
  /** An own message has come further. */
  ticked(conversation: string, seq: number, id: string, tick: Tick): void;
}

const ranks: Record<Tick, number> = { sent: 0, delivered: 1, read: 2 };

/** Whether `a` is further than `b`. */
export function further(a: Tick, b: Tick): boolean {
  return ranks[a] > ranks[b];
}

/** The tick of an own message that disappears: none that came after its time. */
export function expiringTick(head: StoredHead, seq: number, place: Readonly<Place>): Tick {
  const had = head.tick ?? 'sent';
  const now = tickAt(place, seq);
  return further(now, had) && expiresAt(head)! > place.floorAtMs ? now : had;
}

/** A floor that moved: the ticks of the own messages that it passed. Floors never go back. */
export async function applyReceipt(receipt: Receipt, tx: Transaction, hooks: ReceiptHooks): Promise<void> {
  const { conversation } = receipt;
  const place = tx.place(conversation);
  const before = { ...place };
  place.delivered = Math.max(place.delivered, Number(receipt.delivered), Number(receipt.read));
  place.read = Math.max(place.read, Number(receipt.read));
  place.ownRead = Math.max(place.ownRead, Number(receipt.ownRead));
  place.floorAtMs = Math.max(place.floorAtMs, Number(receipt.atMs));
  const moved = place.delivered > before.delivered || place.read > before.read;
  if (!moved && place.ownRead === before.ownRead) return;
  await readUpTo(conversation, place.ownRead, hooks.user, tx);
  const { delivered, read, ownRead } = place;
  const atMs = Number(receipt.atMs);
  tx.after(() => hooks.emit({ type: 'receipt', conversation, delivered, read, ownRead, atMs }));
  tx.after(() => hooks.touched(conversation));
  if (!moved) return;
  const from = (place.read > before.read ? before.read : before.delivered) + 1;
  for await (const [key, record] of tx.rows(ranges.messages(conversation, from, place.delivered))) {
    const { head, bytes } = decodeStored(record);
    if (head.from !== hooks.user || head.kind === 'event') continue;
    const seq = seqOfKey(key);
    const had = tickOf(head, before, seq);
    const tick = head.expiresInS === 0 ? tickAt(place, seq) : expiringTick(head, seq, place);
    if (!further(tick, had)) continue;
    if (head.expiresInS !== 0) tx.put(key, encodeStored({ head: { ...head, tick }, bytes }));
    tx.after(() => hooks.ticked(conversation, seq, head.id, tick));
  }
}
