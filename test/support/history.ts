import assert from 'node:assert/strict';
import { Reason, type HistoryListRequest, type Message } from 'godwit-schemas';
import { bodyOf, gapOf } from './deliveries.js';
import type { Device } from './device.js';
import { changeOf, done } from './groups.js';

/** A line for each message of a page: its place, and what it says. */
export function told(messages: readonly Message[]): string[] {
  return messages.map((value) => {
    const gap = gapOf({ value });
    if (gap) return `${gap.from}-${gap.to} ${Reason[gap.reason]}`;
    if (value.event?.kind.case === 'erased') return `${value.seq} erased ${value.event.kind.value.seq}`;
    return `${value.seq} ${changeOf({ value } as never) ? 'change' : bodyOf({ value })}`;
  });
}

/** Each message is the place after the one before it, or a gap from there on. */
export function checkRuns(messages: readonly Message[]): void {
  const ranges = messages.map((value) => gapOf({ value }) ?? { from: value.seq, to: value.seq });
  for (let i = 1; i < ranges.length; i++) assert.equal(ranges[i].from, ranges[i - 1].to + 1n, told(messages).join(', '));
}

/** The whole past, page by page, newest page first or oldest page first. */
export async function pages(device: Device, conversation: string, limit: number, direction: 'back' | 'on'): Promise<Message[]> {
  let all: Message[] = [];
  for (let ask: Partial<HistoryListRequest> = direction === 'back' ? {} : { after: 0n }; ; ) {
    const { messages, more } = await done(device, 'history.list', { conversation, limit, ...ask } as never);
    assert.ok(messages.length <= limit && (messages.length > 0 || !more));
    checkRuns(messages);
    all = direction === 'back' ? [...messages, ...all] : [...all, ...messages];
    if (!more) return all;
    ask = direction === 'back' ? { before: gapOf({ value: messages[0] })?.from ?? messages[0].seq } : { after: messages.at(-1)!.seq };
  }
}
