import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromBinary, HistoryListResponseSchema, Reason, type Message } from 'godwit-schemas';
import { EntryState, type ConversationLog, type Window } from '../../broker/ports/conversation-log.js';
import { encodePage, readPage } from '../../plugins/history/page.js';
import { clip, piecesOf } from '../../plugins/history/pieces.js';
import { openMemoryStorage } from '../../plugins/store-memory/index.js';
import { append } from '../conformance/appends.js';
import { generator } from '../conformance/random.js';
import { gapOf } from '../support/deliveries.js';
import { checkRuns, told } from '../support/history.js';
import { slowLog } from './slow-log.js';

const USERS = ['a', 'b', 'c'];
const ALL = { entries: 1e6, bytes: 1e9 };
const conversation = 'g:all';

/** All that a user is given, in pages. */
async function pages(log: ConversationLog, user: string, floor: number, limit: number, backwards: boolean, nowMs: number): Promise<Message[]> {
  const head = (await log.head(conversation))!;
  const pieces = piecesOf(await log.windowsOf(conversation, user), head, await log.holes(conversation), floor);
  let all: Message[] = [];
  for (let from = 1, to = Infinity; ; ) {
    const { messages, more } = await readPage(log, { conversation, pieces: clip(pieces, from, to), backwards, limit, clientId: `${user}:phone`, nowMs });
    const page = fromBinary(HistoryListResponseSchema, encodePage(messages, more));
    assert.deepEqual([page.messages.length, page.more], [messages.length, more]);
    assert.ok(messages.length <= limit && (messages.length > 0 || !more));
    all = backwards ? [...page.messages, ...all] : [...all, ...page.messages];
    if (!more) return all;
    if (backwards) to = Number(gapOf({ value: page.messages[0] })?.from ?? page.messages[0].seq) - 1;
    else from = Number(page.messages.at(-1)!.seq) + 1;
  }
}

/** What is told is right, and nothing else is told. */
async function check(log: ConversationLog, windows: readonly Window[], messages: readonly Message[], floor: number, nowMs: number): Promise<void> {
  checkRuns(messages);
  const { head, first } = (await log.head(conversation))!;
  const within = (place: number): boolean => windows.some(({ from, to }) => place >= from && place <= to);
  const entries = (await log.read(conversation, 1, ALL)).filter(({ seq }) => within(seq) && seq > floor);
  const live = entries.filter(({ state, expiresAtMs }) => state === EntryState.Live && (expiresAtMs === 0 || expiresAtMs > nowMs));
  const given = messages.filter((value) => !gapOf({ value })).map(({ seq }) => Number(seq));
  assert.deepEqual(given, live.map(({ seq }) => seq));
  for (const value of messages) {
    const gap = gapOf({ value });
    if (!gap) continue;
    const [from, to] = [Number(gap.from), Number(gap.to)];
    assert.ok(from > floor && from >= windows[0].from && to <= Math.min(head, windows.at(-1)!.to), told([value])[0]);
    const here = entries.filter(({ seq }) => seq >= from && seq <= to);
    if (gap.reason === Reason.NOT_MEMBER) assert.ok(!windows.some((window) => window.from <= to && window.to >= from));
    else assert.ok(within(from) && within(to));
    if (gap.reason === Reason.ERASED) assert.ok(here.length === to - from + 1 && here.every(({ state }) => state === EntryState.Erased));
    else if (gap.reason === Reason.EXPIRED) assert.ok(here.length === to - from + 1 && here.every(({ state }) => state !== EntryState.Erased));
    else assert.equal(here.length, 0);
    if (gap.reason === Reason.TRIMMED) assert.ok(to < first);
  }
  // From the first place that is theirs and kept from them no more, to the last.
  const ranges = windows.map((window) => ({ from: Math.max(window.from, floor + 1), to: Math.min(window.to, head) })).filter(({ from, to }) => from <= to);
  const [begin, end] = [messages[0], messages.at(-1)].map((value) => value && { from: Number(gapOf({ value })?.from ?? value.seq), to: Number(value.seq) });
  assert.deepEqual([begin?.from, end?.to], [ranges[0]?.from, ranges.at(-1)?.to]);
}

describe('pages of history tell what is one\'s own, all of it, and nothing else', () => {
  for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
    test(`whoever joins and leaves, and whatever goes: seed ${seed}`, async () => {
      const random = generator(seed);
      const clock = { nowMs: 1_000_000 };
      const storage = openMemoryStorage({ now: () => clock.nowMs });
      const log = seed % 2 === 0 ? storage.log : slowLog(storage.log);
      await log.append([append(conversation, '', 'change', { flags: 1, membership: { joined: ['a'], left: [] } })]);
      for (let step = 0; step < 600; step++) {
        clock.nowMs += random(1_000);
        const { head } = (await log.head(conversation))!;
        const what = random(1_000);
        if (what < 8) await log.trim(conversation, random(head + 1));
        else if (what < 12) await log.beginTerm();
        else if (what < 120) await log.erase(conversation, 1 + random(head + 1), EntryState.Erased);
        else if (what < 200) {
          const some = (): string[] => USERS.filter(() => random(3) === 0);
          await log.append([append(conversation, '', 'change', { flags: 1, membership: { joined: some(), left: some() } })]);
        } else if (what < 800) await log.append([append(conversation, USERS[random(3)], 'hello', { expiresInS: random(5) === 0 ? 30 : 0 })]);
        else {
          const user = USERS[random(3)];
          const windows = await log.windowsOf(conversation, user);
          if (windows.length === 0) continue;
          const floor = random(3) === 0 ? random(head + 1) : 0;
          const limit = 1 + random(random(2) ? 4 : 200);
          const messages = await pages(log, user, floor, limit, random(2) === 0, clock.nowMs);
          await check(log, windows, messages, floor, clock.nowMs);
        }
      }
    });
  }
});
