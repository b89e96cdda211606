import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EntryState, type ConversationLog, type Entry } from '../../broker/ports/conversation-log.js';
import { goneFor, isCounted, isFrom } from '../../broker/ports/entries.js';
import { newestMessage } from '../../plugins/history/newest.js';
import { UnreadCounts } from '../../plugins/history/unread.js';
import { openMemoryStorage } from '../../plugins/store-memory/index.js';
import { append } from '../conformance/appends.js';
import { generator } from '../conformance/random.js';
import { slowLog } from './slow-log.js';

const ALL = { entries: 1e6, bytes: 1e9 };
const USERS = ['a', 'b', 'c'];

/** What is kept and theirs, one by one. */
async function seen(log: ConversationLog, conversation: string, user: string): Promise<Entry[]> {
  const windows = await log.windowsOf(conversation, user);
  return (await log.read(conversation, 1, ALL)).filter(({ seq }) => windows.some(({ from, to }) => seq >= from && seq <= to));
}

async function countsOf(log: ConversationLog, conversation: string, user: string) {
  const [head, own, windows] = await Promise.all([log.head(conversation), log.ownOf(conversation, user), log.windowsOf(conversation, user)]);
  return head && windows.length > 0 ? { head, own, windows } : undefined;
}

describe('unread counts and last messages are what counting one by one gives', () => {
  for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
    test(`whoever writes, joins, leaves, and whatever goes: seed ${seed}`, async () => {
      const random = generator(seed);
      const clock = { nowMs: 1_000_000 };
      const storage = openMemoryStorage({ now: () => clock.nowMs });
      const log = seed % 2 === 0 ? storage.log : slowLog(storage.log);
      const unread = new UnreadCounts(log);
      const floors = new Map<string, number>();
      for (let step = 0; step < 1_500; step++) {
        clock.nowMs += random(1_000);
        const conversation = ['g:all', 'd:a:b'][random(2)];
        const head = (await log.head(conversation))?.head ?? 0;
        const what = random(1_000);
        if (what < 15) await log.trim(conversation, random(head + 1));
        else if (what < 18) await log.beginTerm();
        else if (what < 60) await log.erase(conversation, 1 + random(head + 1), EntryState.Erased);
        else if (what < 90 && conversation === 'g:all') {
          const some = (): string[] => USERS.filter(() => random(3) === 0);
          await log.append([append('g:all', '', 'change', { flags: 1, membership: { joined: some(), left: some() } })]);
        } else if (what < 700) {
          await log.append([append(conversation, USERS[random(2)], 'hello', { flags: random(4) === 0 ? 1 : 0, expiresInS: random(8) === 0 ? 20 : 0 })]);
        } else {
          const user = USERS[random(3)];
          const counts = await countsOf(log, conversation, user);
          if (!counts) continue;
          const key = `${user} ${conversation}`;
          // Mostly on from where they were, sometimes from anywhere.
          const floor = random(4) === 0 ? random(head + 2) : Math.min(head, (floors.get(key) ?? 0) + random(5));
          floors.set(key, floor);
          const entries = await seen(log, conversation, user);
          const expected = entries.filter((entry) => entry.seq > floor && isCounted(entry) && !isFrom(user, entry)).length;
          assert.equal(await unread.behind(user, conversation, counts, floor), expected, `${key} behind ${floor}, step ${step}`);
          const last = entries.filter((entry) => entry.seq > floor && isCounted(entry) && goneFor(entry, clock.nowMs) === undefined).at(-1);
          assert.equal((await newestMessage(log, conversation, counts.head, counts.windows, floor, clock.nowMs))?.seq, last?.seq, `${key}, step ${step}`);
        }
      }
    });
  }

  test('the log is read for it only where someone wrote on both sides of what they read, and once', async () => {
    const { log } = openMemoryStorage({ now: () => 1 });
    for (let i = 0; i < 1_000; i++) await log.append([append('d:a:b', i % 2 ? 'a' : 'b', 'hello')]);
    let read = 0;
    const counting: ConversationLog = Object.assign(Object.create(log) as ConversationLog, {
      read(...args: Parameters<ConversationLog['read']>) {
        read++;
        return log.read(...args);
      },
    });
    const unread = new UnreadCounts(counting);
    const counts = (await countsOf(log, 'd:a:b', 'a'))!;
    const cost = async (floor: number): Promise<number> => {
      read = 0;
      assert.equal(await unread.behind('a', 'd:a:b', counts, floor), 500 - Math.ceil(floor / 2));
      return read;
    };
    assert.ok((await cost(0)) <= 2, 'nothing read');
    assert.ok((await cost(1_000)) <= 2, 'everything read');
    assert.ok((await cost(100)) > 2);
    assert.ok((await cost(100)) <= 2, 'it is remembered');
    assert.ok((await cost(110)) <= 3, 'and counted on from there');
  });

  test('thousands of reactions behind the last message do not hide it', async () => {
    const { log } = openMemoryStorage({ now: () => 1 });
    await log.append([append('d:a:b', 'a', 'the last'), ...Array.from({ length: 3_000 }, () => append('d:a:b', 'b', 'reaction', { flags: 1 }))]);
    const { head, windows } = (await countsOf(log, 'd:a:b', 'a'))!;
    assert.equal((await newestMessage(log, 'd:a:b', head, windows, 0, 1))?.seq, 1);
  });
});
