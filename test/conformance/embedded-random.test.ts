import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EntryState } from '../../broker/ports/conversation-log.js';
import type { Append, ConversationLog, Entry } from '../../broker/ports/conversation-log.js';
import { again, append, idOf } from './appends.js';
import { archived } from './archived.js';
import { embedded, memory, type Make } from './backend.js';
import { generator } from './random.js';

const CONVERSATIONS = ['d:a:b', 'd:a:c', 'd:b:c', 'g:all', 'd:a:a', 'u:a'];
const ALL = { entries: 100_000, bytes: 100_000_000 };
const SINGLE = { entries: 1, bytes: 1 };

/** The embedded store does what the plain one does, whatever is asked of it, in whatever order, with restarts between. */
describe('the embedded store beside the plain one', () => alike(embedded()));
describe('the embedded store with an archive that all moves to, beside the plain one', () => alike(archived()));

function alike(make: Make): void {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    test(`seed ${seed}`, async () => {
      const random = generator(seed);
      const ours = await make();
      const plain = await memory();
      const sent: Append[] = [];
      try {
        for (let step = 0; step < 400; step++) {
          ours.clock.nowMs = plain.clock.nowMs += random(2000);
          const conversation = CONVERSATIONS[random(CONVERSATIONS.length)];
          const head = (await plain.storage.log.head(conversation))?.head ?? 0;
          const both = async <T>(call: (log: ConversationLog) => Promise<T>): Promise<void> => {
            const expected = await call(plain.storage.log);
            assert.deepEqual(await call(ours.storage.log), expected, `step ${step}`);
          };
          const what = random(100);
          const place = random(head + 3);
          const user = ['a', 'b', 'c'][random(3)];
          const state = random(2) ? EntryState.Erased : EntryState.Expired;
          const limit = { entries: 1 + random(20), bytes: 1 + random(3000) };
          if (what < 60) {
            const batch = Array.from({ length: 1 + random(12) }, () => publish(random, sent));
            const expected = batch.map(again);
            await Promise.all([ours.storage.log.append(batch), plain.storage.log.append(expected)]);
            assert.deepEqual(batch.map(outcome), expected.map(outcome), `step ${step}`);
            sent.push(...batch);
          } else if (what < 68) await both((log) => log.erase(conversation, place, state));
          else if (what < 73) await both((log) => log.trim(conversation, place));
          else if (what < 76) {
            const before = plain.clock.nowMs - random(300_000);
            await ours.settle();
            await both((log) => log.sweep(plain.clock.nowMs, (name) => (name.length % 2 ? { upTo: 3, sentBeforeMs: before } : undefined)));
          } else if (what < 78) await both((log) => log.beginTerm());
          else if (what < 81) await both((log) => membership(log, conversation));
          else if (what < 82) await both((log) => log.forgetUser(user));
          else if (what < 84) await ours.settle();
          else if (what < 88) await ours.reopen!();
          else {
            await both(async (log) => (await log.read(conversation, place, limit)).map(shown));
            await both(async (log) => (await log.read(conversation, place, SINGLE)).map(shown));
          }
        }
        // Also by itself each place is what it is among the others, out of memory and out of LMDB.
        for (const reopened of [false, true]) {
          if (reopened) await ours.reopen!();
          for (const conversation of CONVERSATIONS) {
            const each = async (log: ConversationLog) => {
              const { first = 1, head = 0 } = (await log.head(conversation)) ?? {};
              const places = Array.from({ length: Math.min(300, head - first + 3) }, (_, i) => (i % 2 ? head + 2 - i : first + i));
              return Promise.all(places.map(async (place) => (await log.read(conversation, place, SINGLE)).map(shown)));
            };
            assert.deepEqual(await each(ours.storage.log), await each(plain.storage.log), `${conversation} place by place`);
          }
        }
        for (const conversation of CONVERSATIONS) {
          const all = async (log: ConversationLog) => [await log.head(conversation), await log.holes(conversation), await membership(log, conversation), (await log.read(conversation, 1, ALL)).map(shown)];
          assert.deepEqual(await all(ours.storage.log), await all(plain.storage.log), conversation);
        }
        const expected = sent.map(again);
        const resent = sent.map(again);
        await Promise.all([ours.storage.log.append(resent), plain.storage.log.append(expected)]);
        assert.deepEqual(resent.map(outcome), expected.map(outcome), 'every resend');
      } finally {
        await ours.remove();
      }
    });
  }
}

function publish(random: (below: number) => number, sent: readonly Append[]): Append {
  if (sent.length > 0 && random(8) === 0) return again(sent[random(sent.length)]);
  const rising = random(3) > 0;
  const conversation = CONVERSATIONS[random(CONVERSATIONS.length)];
  const some = (): string[] => ['a', 'b', 'c'].filter(() => random(2) === 0);
  const change = conversation.startsWith('g:') && random(3) === 0;
  return append(conversation, change ? '' : ['a', 'b', 'c', ''][random(4)], 'x'.repeat(random(random(20) === 0 ? 6000 : 200)), {
    // Some rise as ULIDs do, some come from anywhere.
    id: rising ? undefined : idOf(random(100_000)),
    fromDevice: ['phone', 'tablet', ''][random(3)],
    expiresInS: random(4) === 0 ? 1 + random(200) : 0,
    flags: random(10) === 0 ? 1 : 0,
    membership: change ? { joined: some(), left: some() } : undefined,
    aux: random(10) === 0 ? Buffer.alloc(random(500), 'a') : undefined,
  });
}

async function membership(log: ConversationLog, conversation: string): Promise<unknown> {
  const users = ['a', 'b', 'c', 'd'];
  return [[...(await log.membersOf(conversation))].sort(), await Promise.all(users.map((user) => log.windowsOf(conversation, user))), await Promise.all(users.map((user) => log.ownOf(conversation, user))), await Promise.all(users.map(async (user) => [...(await log.conversationsOf(user))].sort()))];
}

function outcome({ code, seq, sentAtMs, duplicate }: Append): unknown {
  return [code, seq, sentAtMs, duplicate];
}

function shown(entry: Entry): unknown {
  const { seq, sentAtMs, expiresAtMs, state, flags, counted, aux } = entry;
  return [seq, sentAtMs, expiresAtMs, state, flags, counted, aux?.toString('hex') || undefined, entry.buffer.toString('hex', entry.start, entry.end), entry.stamp - entry.start];
}
