import { limits, textSize, varintSize, writeText, writeVarint } from 'godwit-schemas';
import type { ConversationSetting } from '../../broker/ports/conversation-settings.js';

/** A ConversationSummary, its numbers as numbers. */
export interface Summary {
  readonly conversation: string;
  readonly head: number;
  readonly read: number;
  readonly unread: number;
  readonly setting: ConversationSetting;
  /** An encoded Message. */
  readonly last: Uint8Array | undefined;
}

const CONVERSATIONS_TAG = (1 << 3) | 2;
const NEXT_TAG = (2 << 3) | 2;
const CONVERSATION_TAG = (1 << 3) | 2;
const HEAD_TAG = 2 << 3;
const READ_TAG = 3 << 3;
const UNREAD_TAG = 4 << 3;
const STATE_TAG = (5 << 3) | 2;
const LAST_TAG = (6 << 3) | 2;
const MUTED_UNTIL_TAG = 2 << 3;
const ARCHIVED_TAG = 3 << 3;
const PINNED_TAG = 4 << 3;
const CLEARED_TO_TAG = 5 << 3;
/** Of a ConversationsListResponse's own fields, the tag and the length. */
const MOST_HEAD = 6;
const MOST_NEXT = 256;
/** Of a summary: names, numbers, and a last message of a line or two. */
const USUAL_BYTES = 384;

/**
 * A ConversationsListResponse as it grows, the last messages in it as they lie in the log. A thousand summaries as
 * objects, encoded one by one and joined, took half of the time of a list, and most of that was garbage.
 */
export class ListWriter {
  private buffer: Buffer;
  private end = 0;
  /** Of the summaries, without their heads. */
  private bytes = 0;
  count = 0;

  /** @param expected how many summaries there may be */
  constructor(expected: number) {
    this.buffer = Buffer.allocUnsafeSlow(Math.min(expected * USUAL_BYTES, limits.conversationsPageBytes.value) + MOST_NEXT);
  }

  /** False: it has no room on this page. */
  add(summary: Summary): boolean {
    const { conversation, head, read, unread, setting, last } = summary;
    const state = textSize(conversation) + numberSize(setting.mutedUntilMs) + numberSize(Number(setting.archived)) + numberSize(Number(setting.pinned)) + numberSize(setting.clearedTo);
    const size = textSize(conversation) + numberSize(head) + numberSize(read) + numberSize(unread) + lengthSize(state) + (last ? lengthSize(last.length) : 0);
    if (this.count > 0 && this.bytes + size > limits.conversationsPageBytes.value) return false;
    this.room(MOST_HEAD + size);
    const { buffer } = this;
    let at = writeHead(buffer, this.end, CONVERSATIONS_TAG, size);
    at = writeText(buffer, at, CONVERSATION_TAG, conversation);
    at = writeNumber(buffer, at, HEAD_TAG, head);
    at = writeNumber(buffer, at, READ_TAG, read);
    at = writeNumber(buffer, at, UNREAD_TAG, unread);
    at = writeHead(buffer, at, STATE_TAG, state);
    at = writeText(buffer, at, CONVERSATION_TAG, conversation);
    at = writeNumber(buffer, at, MUTED_UNTIL_TAG, setting.mutedUntilMs);
    at = writeNumber(buffer, at, ARCHIVED_TAG, Number(setting.archived));
    at = writeNumber(buffer, at, PINNED_TAG, Number(setting.pinned));
    at = writeNumber(buffer, at, CLEARED_TO_TAG, setting.clearedTo);
    if (last) {
      at = writeHead(buffer, at, LAST_TAG, last.length);
      buffer.set(last, at);
      at += last.length;
    }
    this.end = at;
    this.bytes += size;
    this.count++;
    return true;
  }

  /** @param next '' = there is no next page */
  finish(next: string): Uint8Array {
    if (next !== '') {
      this.room(textSize(next));
      this.end = writeText(this.buffer, this.end, NEXT_TAG, next);
    }
    return this.buffer.subarray(0, this.end);
  }

  private room(bytes: number): void {
    if (this.end + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.buffer.length + bytes));
    this.buffer.copy(larger, 0, 0, this.end);
    this.buffer = larger;
  }
}

function lengthSize(length: number): number {
  return 1 + varintSize(length) + length;
}

function writeHead(target: Uint8Array, at: number, tag: number, length: number): number {
  target[at] = tag;
  return writeVarint(target, at + 1, length);
}

/** Proto3 leaves out what is 0. */
function numberSize(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value);
}

function writeNumber(target: Uint8Array, at: number, tag: number, value: number): number {
  return value === 0 ? at : writeHead(target, at, tag, value);
}
