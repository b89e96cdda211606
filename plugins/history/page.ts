import { limits, Reason, varintSize, writeVarint } from 'godwit-schemas';
import type { ConversationLog, Entry } from '../../broker/ports/conversation-log.js';
import { gapMessage, messageForDevice } from '../../broker/ports/delivered.js';
import { goneFor } from '../../broker/ports/entries.js';
import type { Piece } from './pieces.js';

/** Places read in one go. */
const STEP = 64;
const STEP_BYTES = 65_536;
/** Places looked at for one page: of a long run that has expired, a page may hold one gap. */
const MOST_LOOKED = 1_024;

export interface PageRequest {
  readonly conversation: string;
  /** The places that may be told of, in order. */
  readonly pieces: readonly Piece[];
  /** From the newest on, or from the oldest. */
  readonly backwards: boolean;
  readonly limit: number;
  /** `user:device` of who asks; of no device: they are given the common bodies. */
  readonly clientId: string;
  readonly nowMs: number;
}

/** Messages of a page as they gather, in the direction of reading. */
class Page {
  readonly messages: Uint8Array[] = [];
  private bytes = 0;
  /** The gap that may still grow. */
  private gap: { from: number; to: number; reason: Reason } | undefined;

  constructor(private readonly request: PageRequest) {}

  get isEmpty(): boolean {
    return this.messages.length === 0 && !this.gap;
  }

  /** False: it has no room. */
  addGap(from: number, to: number, reason: Reason): boolean {
    const { gap } = this;
    if (gap?.reason === reason && (from === gap.to + 1 || to === gap.from - 1)) {
      gap.from = Math.min(gap.from, from);
      gap.to = Math.max(gap.to, to);
      return true;
    }
    this.endGap();
    if (this.messages.length >= this.request.limit) return false;
    this.gap = { from, to, reason };
    return true;
  }

  addEntry(entry: Entry): boolean {
    this.endGap();
    const message = messageForDevice(entry, this.request.clientId) ?? entry.buffer.subarray(entry.start, entry.end);
    const { messages } = this;
    if (messages.length > 0 && (messages.length >= this.request.limit || this.bytes + message.length > limits.historyPageBytes.value)) return false;
    this.add(message);
    return true;
  }

  /** The messages in order of seq. */
  end(): readonly Uint8Array[] {
    this.endGap();
    return this.request.backwards ? this.messages.reverse() : this.messages;
  }

  private endGap(): void {
    const { gap } = this;
    this.gap = undefined;
    if (gap) this.add(gapMessage(this.request.conversation, gap.from, gap.to, gap.reason, 0, this.request.nowMs));
  }

  private add(message: Uint8Array): void {
    this.messages.push(message);
    this.bytes += message.length;
  }
}

/** @returns the messages of a page as they are delivered, in order of seq, and whether there are more in the direction of reading */
export async function readPage(log: ConversationLog, request: PageRequest): Promise<{ messages: readonly Uint8Array[]; more: boolean }> {
  const page = new Page(request);
  const more = !(await fill(page, log, request));
  return { messages: page.end(), more };
}

/** True: everything is in it. */
async function fill(page: Page, log: ConversationLog, { conversation, pieces, backwards, limit, nowMs }: PageRequest): Promise<boolean> {
  let looked = 0;
  for (const { from, to, reason } of backwards ? [...pieces].reverse() : pieces) {
    if (reason !== undefined) {
      if (!page.addGap(from, to, reason)) return false;
      continue;
    }
    for (let left = to - from + 1; left > 0; ) {
      if (looked >= MOST_LOOKED && !page.isEmpty) return false;
      const count = Math.min(left, STEP, limit);
      const first = backwards ? from + left - count : to - left + 1;
      const entries = await readPlaces(log, conversation, first, first + count - 1);
      for (let i = 0; i < count; i++) {
        const index = backwards ? count - 1 - i : i;
        const entry = entries[index];
        // Trimmed since the head was asked for.
        const gone = entry ? goneFor(entry, nowMs) : Reason.TRIMMED;
        if (!(gone === undefined ? page.addEntry(entry!) : page.addGap(first + index, first + index, gone))) return false;
      }
      looked += count;
      left -= count;
    }
  }
  return true;
}

/** What lies at each of the places [from, to]. */
async function readPlaces(log: ConversationLog, conversation: string, from: number, to: number): Promise<(Entry | undefined)[]> {
  const places = new Array<Entry | undefined>(to - from + 1).fill(undefined);
  for (let at = from; at <= to; ) {
    const entries = await log.read(conversation, at, { entries: to - at + 1, bytes: STEP_BYTES });
    if (entries.length === 0) break;
    for (const entry of entries) if (entry.seq <= to) places[entry.seq - from] = entry;
    at = entries[entries.length - 1].seq + 1;
  }
  return places;
}

const MESSAGES_TAG = (1 << 3) | 2;
const MORE_TAG = 2 << 3;

/** A HistoryListResponse. The messages go in as they are: nothing is decoded and encoded again. */
export function encodePage(messages: readonly Uint8Array[], more: boolean): Uint8Array {
  let size = 2;
  for (const { length } of messages) size += 1 + varintSize(length) + length;
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const message of messages) {
    bytes[at] = MESSAGES_TAG;
    at = writeVarint(bytes, at + 1, message.length);
    bytes.set(message, at);
    at += message.length;
  }
  if (!more) return bytes.subarray(0, at);
  bytes[at] = MORE_TAG;
  bytes[at + 1] = 1;
  return bytes;
}
