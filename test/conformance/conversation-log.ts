import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Code, MessageSchema, Reason, fromBinary } from 'godwit-schemas';
import { EntryState } from '../../broker/ports/conversation-log.js';
import type { Append, ConversationLog, Entry } from '../../broker/ports/conversation-log.js';
import { again, append, idOf } from './appends.js';
import { START_MS } from './backend.js';
import type { Backend, Make } from './backend.js';

const ALL = { entries: 100_000, bytes: 100_000_000 };
const TERM_SKIP = 2 ** 32;

/** What every ConversationLog does. Each test has conversations of its own. */
export function suite(name: string, make: Make): void {
  describe(`ConversationLog: ${name}`, () => {
    let backend: Backend;
    let log: ConversationLog;
    before(async () => {
      backend = await make();
      log = backend.storage.log;
    });
    after(() => backend.remove());

    const reopen = async (): Promise<boolean> => {
      await backend.reopen?.();
      log = backend.storage.log;
      return backend.reopen !== undefined;
    };
    const write = async (...batch: Append[]): Promise<Append[]> => {
      await log.append(batch);
      return batch;
    };
    const bodies = async (conversation: string, from = 1): Promise<string[]> => (await log.read(conversation, from, ALL)).map(body);
    const seqs = async (conversation: string, from = 1): Promise<number[]> => (await log.read(conversation, from, ALL)).map((entry) => entry.seq);

    test('gives places 1, 2, 3 in the order of the batch, each conversation its own', async () => {
      const batch = await write(append('d:a:b', 'a', '1'), append('d:a:c', 'a', '1'), append('d:a:b', 'b', '2'), append('d:a:b', 'a', '3'));
      assert.deepEqual(batch.map(({ code, seq, duplicate }) => [code, seq, duplicate]), [[Code.OK, 1, false], [Code.OK, 1, false], [Code.OK, 2, false], [Code.OK, 3, false]]);
      assert.deepEqual(await log.head('d:a:b'), { head: 3, first: 1, counted: 3, epoch: 0 });
      assert.deepEqual(await bodies('d:a:b'), ['1', '2', '3']);
      assert.deepEqual(await bodies('d:a:c'), ['1']);
    });

    test('stamps the message as every recipient gets it', async () => {
      backend.clock.nowMs = START_MS + 5;
      const [published] = await write(append('d:stamp:x', 'stamp', 'hello', { fromDevice: 'tablet', flags: 2, expiresInS: 100_000 }));
      const [entry] = await log.read('d:stamp:x', 1, ALL);
      const message = fromBinary(MessageSchema, entry.buffer.subarray(entry.start, entry.end));
      assert.deepEqual(Buffer.from(message.id), Buffer.from(published.id));
      assert.equal(Buffer.from(message.body).toString(), 'hello');
      assert.deepEqual([message.from, message.fromDevice, message.conversation], ['stamp', 'tablet', 'd:stamp:x']);
      assert.deepEqual([message.seq, message.sentAtMs], [1n, BigInt(START_MS + 5)]);
      assert.deepEqual([entry.seq, entry.sentAtMs, entry.expiresAtMs, entry.flags, entry.state], [1, START_MS + 5, START_MS + 100_000_005, 2, EntryState.Live]);
      assert.equal(published.sentAtMs, START_MS + 5);
      const unstamped = fromBinary(MessageSchema, entry.buffer.subarray(entry.start, entry.stamp));
      assert.equal(unstamped.from, '');
      assert.equal(Buffer.from(unstamped.body).toString(), 'hello');
    });

    test('leaves from_device out when there is none, and knows a device from another', async () => {
      await write(append('d:dev:x', 'dev', '1', { fromDevice: '' }), append('d:dev:x', 'dev', '2', { fromDevice: 'd2' }), append('d:dev:x', 'dev', '3', { fromDevice: 'd3' }));
      const devices = (await log.read('d:dev:x', 1, ALL)).map((entry) => fromBinary(MessageSchema, entry.buffer.subarray(entry.start, entry.end)).fromDevice);
      assert.deepEqual(devices, ['', 'd2', 'd3']);
    });

    test('keeps what stands beside an entry', async () => {
      await write(append('d:aux:x', 'aux', '1', { aux: Buffer.from('beside') }), append('d:aux:x', 'aux', '2'));
      const entries = await log.read('d:aux:x', 1, ALL);
      assert.equal(entries[0].aux?.toString(), 'beside');
      assert.equal(entries[1].aux, undefined);
      assert.deepEqual(entries.map(body), ['1', '2']);
    });

    test('shows nothing of a batch before it resolves', async () => {
      const pending = log.append([append('d:early:x', 'early', '1')]);
      const meanwhile = [log.head('d:early:x'), log.read('d:early:x', 1, ALL)];
      await pending;
      assert.deepEqual(await Promise.all(meanwhile), [undefined, []]);
      assert.equal((await log.head('d:early:x'))?.head, 1);
    });

    test('takes batches while earlier ones are under way, and resolves them in order', async () => {
      const resolved: number[] = [];
      const batches = Array.from({ length: 20 }, (_, i) => [append('d:many:x', 'many', `${i}`)]);
      await Promise.all(batches.map(async (batch, i) => {
        await log.append(batch);
        resolved.push(i);
      }));
      assert.deepEqual(resolved, batches.map((_, i) => i));
      assert.deepEqual(await bodies('d:many:x'), batches.map((_, i) => `${i}`));
    });

    test('copies the bytes before the call returns', async () => {
      const one = append('d:copy:x', 'copy', 'kept', { aux: Buffer.from('aux') });
      const pending = log.append([one]);
      one.buffer.fill(0xff);
      one.aux!.fill(0xff);
      one.id.fill(0xff);
      await pending;
      const [entry] = await log.read('d:copy:x', 1, ALL);
      assert.equal(body(entry), 'kept');
      assert.equal(entry.aux?.toString(), 'aux');
    });

    test('counts what is not silent', async () => {
      await write(append('d:count:x', 'count', '1'), append('d:count:x', 'count', '2', { flags: 1 }), append('d:count:x', 'x', '3'));
      assert.deepEqual((await log.read('d:count:x', 1, ALL)).map((entry) => entry.counted), [1, 1, 2]);
      assert.equal((await log.head('d:count:x'))?.counted, 2);
    });

    test('knows a resend in the batch, on its way, afterwards, and after a restart', async () => {
      const first = append('d:dup:x', 'dup', '1');
      backend.clock.nowMs = START_MS + 1000;
      const pending = log.append([first, again(first)]);
      const onItsWay = again(first);
      const second = log.append([onItsWay]);
      await Promise.all([pending, second]);
      backend.clock.nowMs = START_MS + 2000;
      const [later] = await write(again(first));
      for (const resend of [onItsWay, later]) {
        assert.deepEqual([resend.code, resend.seq, resend.duplicate, resend.sentAtMs], [Code.OK, 1, true, START_MS + 1000]);
      }
      if (await reopen()) {
        const [afterwards] = await write(again(first));
        assert.deepEqual([afterwards.seq, afterwards.duplicate, afterwards.sentAtMs], [1, true, START_MS + 1000]);
      }
      assert.deepEqual(await seqs('d:dup:x'), [1]);
    });

    test('an id is one sender\'s in one conversation', async () => {
      const id = idOf(7);
      const batch = await write(append('d:own:x', 'own', '1', { id }), append('d:own:x', 'x', '2', { id }), append('d:own:y', 'own', '3', { id }));
      assert.deepEqual(batch.map(({ seq, duplicate }) => [seq, duplicate]), [[1, false], [2, false], [1, false]]);
    });

    test('knows ids that come in any order', async () => {
      const order = shuffled(60);
      const sent: Append[] = [];
      for (const [i, number] of order.entries()) {
        sent.push(...(await write(append('d:late:x', 'late', `${number}`, { id: idOf(number) }))));
        if (i % 20 === 19) await backend.settle();
      }
      assert.deepEqual(sent.map(({ seq, duplicate }) => [seq, duplicate]), order.map((_, i) => [i + 1, false]));
      const check = async () => {
        const resent = await write(...sent.map(again));
        assert.deepEqual(resent.map(({ seq, duplicate }) => [seq, duplicate]), order.map((_, i) => [i + 1, true]));
        const [unknown] = await write(append('d:late:x', 'late', 'new', { id: idOf(1000 + sent.length) }));
        assert.equal(unknown.duplicate, false);
        sent.push(unknown);
        order.push(0);
      };
      await check();
      await backend.settle();
      await check();
      if (await reopen()) await check();
    });

    test('appends a commit only in its epoch, and raises it', async () => {
      const [first, stale, second, plain] = await write(
        append('d:epoch:x', 'epoch', '1', { flags: 4, epoch: 0 }),
        append('d:epoch:x', 'x', '2', { flags: 4, epoch: 0 }),
        append('d:epoch:x', 'x', '3', { flags: 4, epoch: 1 }),
        append('d:epoch:x', 'x', '4', { epoch: 77 }),
      );
      assert.deepEqual([first.code, stale.code, second.code, plain.code], [Code.OK, Code.EPOCH_CONFLICT, Code.OK, Code.OK]);
      assert.deepEqual(await bodies('d:epoch:x'), ['1', '3', '4']);
      assert.equal((await log.head('d:epoch:x'))?.epoch, 2);
      if (await reopen()) assert.equal((await log.head('d:epoch:x'))?.epoch, 2);
      const [refusedFirst] = await write(append('d:epoch:none', 'epoch', '1', { flags: 4, epoch: 3 }));
      assert.equal(refusedFirst.code, Code.EPOCH_CONFLICT);
      assert.equal(await log.head('d:epoch:none'), undefined);
      assert.deepEqual(await log.conversationsOf('none'), []);
    });

    test('reads from any place, within its limits', async () => {
      for (let i = 0; i < 40; i++) await write(...Array.from({ length: 25 }, (_, j) => append('d:read:x', j % 2 ? 'read' : 'x', `${i * 25 + j + 1}`)));
      for (const from of [1, 2, 500, 999, 1000]) {
        const [entry] = await log.read('d:read:x', from, { entries: 1, bytes: 1_000_000 });
        assert.deepEqual([entry.seq, body(entry)], [from, `${from}`]);
      }
      assert.deepEqual((await log.read('d:read:x', 10, { entries: 3, bytes: 1_000_000 })).map(body), ['10', '11', '12']);
      assert.equal((await log.read('d:read:x', 10, { entries: 100, bytes: 1 })).length, 1);
      const two = await log.read('d:read:x', 10, ALL);
      const limit = two[0].end - two[0].start + 1;
      assert.equal((await log.read('d:read:x', 10, { entries: 100, bytes: limit })).length, 2);
      assert.deepEqual(await log.read('d:read:x', 1001, ALL), []);
      assert.deepEqual(await log.read('d:nobody:x', 1, ALL), []);
      const drained: string[] = [];
      for (let seq = 0; seq < 1000; ) {
        const page = await log.read('d:read:x', seq + 1, { entries: 64, bytes: 100_000 });
        drained.push(...page.map(body));
        seq = page.at(-1)!.seq;
      }
      assert.deepEqual(drained, Array.from({ length: 1000 }, (_, i) => `${i + 1}`));
    });

    test('takes large entries and large batches', async () => {
      const large = Buffer.alloc(64 * 1024, 'l');
      await write(append('d:large:x', 'large', large, { aux: Buffer.alloc(200_000, 'a') }), ...Array.from({ length: 30 }, () => append('d:large:x', 'large', large)));
      const check = async () => {
        const entries = await log.read('d:large:x', 1, ALL);
        assert.equal(entries.length, 31);
        assert.equal(entries[0].aux?.length, 200_000);
        assert.ok(entries.every((entry) => body(entry) === large.toString()));
      };
      await check();
      if (await reopen()) await check();
    });

    test('lists the conversations of a user and the members of a conversation', async () => {
      await write(append('d:constructor:list', 'list', '1'), append('d:__proto__:list', '__proto__', '1'), append('d:list:list', 'list', '1', { members: ['list', 'list'] }), append('u:list', '', 'event', { fromDevice: '' }));
      const check = async () => {
        assert.deepEqual([...(await log.conversationsOf('list'))].sort(), ['d:__proto__:list', 'd:constructor:list', 'd:list:list', 'u:list']);
        assert.deepEqual(await log.conversationsOf('__proto__'), ['d:__proto__:list']);
        assert.deepEqual(await log.conversationsOf('toString'), []);
        assert.deepEqual(await log.membersOf('d:__proto__:list'), ['__proto__', 'list']);
        assert.deepEqual([...new Set(await log.membersOf('d:list:list'))], ['list']);
        assert.deepEqual(await log.membersOf('d:toString:list'), []);
        assert.equal(await log.head('d:toString:list'), undefined);
      };
      await check();
      if (await reopen()) await check();
    });

    test('an erased place keeps its id and loses its body', async () => {
      const [first, second] = await write(append('d:erase:x', 'erase', 'gone', { aux: Buffer.from('gone too') }), append('d:erase:x', 'erase', 'stays'));
      assert.equal(await log.erase('d:erase:x', 3, EntryState.Erased), false);
      assert.equal(await log.erase('d:erase:nobody', 1, EntryState.Erased), false);
      assert.equal(await log.erase('d:erase:x', 1, EntryState.Erased), true);
      const check = async () => {
        const [entry, other] = await log.read('d:erase:x', 1, ALL);
        assert.deepEqual([entry.seq, entry.state, entry.aux, entry.sentAtMs], [1, EntryState.Erased, undefined, first.sentAtMs]);
        const message = fromBinary(MessageSchema, entry.buffer.subarray(entry.start, entry.end));
        assert.deepEqual([Buffer.from(message.id), message.body.length, message.from, message.seq], [Buffer.from(first.id), 0, 'erase', 1n]);
        assert.deepEqual([other.state, body(other)], [EntryState.Live, 'stays']);
        const resent = await write(again(first), again(second));
        assert.deepEqual(resent.map(({ seq, duplicate }) => [seq, duplicate]), [[1, true], [2, true]]);
        assert.equal((await log.head('d:erase:x'))?.first, 1);
      };
      await check();
      await backend.settle();
      await check();
      assert.equal(await log.erase('d:erase:x', 2, EntryState.Expired), true);
      if (await reopen()) assert.deepEqual((await log.read('d:erase:x', 1, ALL)).map((entry) => entry.state), [EntryState.Erased, EntryState.Expired]);
    });

    test('erases places that it has long put away', async () => {
      for (let i = 0; i < 20; i++) {
        await write(append('d:deep:x', 'deep', `${i + 1} ${'.'.repeat(300)}`));
        await backend.settle();
      }
      for (const seq of [2, 3, 19]) await log.erase('d:deep:x', seq, EntryState.Erased);
      const states = async () => (await log.read('d:deep:x', 1, ALL)).filter((entry) => entry.state === EntryState.Erased).map((entry) => entry.seq);
      assert.deepEqual(await states(), [2, 3, 19]);
      await backend.settle();
      assert.deepEqual(await states(), [2, 3, 19]);
      await write(append('d:deep:x', 'deep', '21'));
      if (await reopen()) assert.deepEqual(await states(), [2, 3, 19]);
      assert.deepEqual(await seqs('d:deep:x'), Array.from({ length: 21 }, (_, i) => i + 1));
    });

    test('trims from the oldest end, and forgets the ids', async () => {
      const sent: Append[] = [];
      for (let i = 0; i < 30; i++) sent.push(...(await write(append('d:trim:x', i % 3 ? 'trim' : 'x', `${i + 1}`, { id: idOf(i + 1) }))));
      await log.trim('d:trim:x', 12);
      const check = async () => {
        assert.deepEqual((await log.head('d:trim:x'))?.first, 13);
        assert.deepEqual(await seqs('d:trim:x'), Array.from({ length: 18 }, (_, i) => i + 13));
        assert.deepEqual((await log.read('d:trim:x', 13, { entries: 1, bytes: 1 })).map(body), ['13']);
        assert.equal(await log.erase('d:trim:x', 12, EntryState.Erased), false);
      };
      await check();
      await backend.settle();
      await check();
      await log.trim('d:trim:x', 5);
      await check();
      if (await reopen()) await check();

      const resent = await write(again(sent[11]), again(sent[12]));
      assert.deepEqual(resent.map(({ seq, duplicate }) => [seq, duplicate]), [[31, false], [13, true]]);
      await log.trim('d:trim:x', 1000);
      assert.deepEqual(await log.head('d:trim:x'), { head: 31, first: 32, counted: 31, epoch: 0 });
      await backend.settle();
      const [next] = await write(again(sent[20]));
      assert.deepEqual([next.seq, next.duplicate], [32, false]);
      assert.deepEqual(await seqs('d:trim:x'), [32]);
      if (await reopen()) assert.deepEqual(await seqs('d:trim:x'), [32]);
      assert.equal((await write(again(sent[20])))[0].duplicate, true);
    });

    test('a sweep takes the bodies of what has disappeared', async () => {
      backend.clock.nowMs = START_MS + 10_000;
      const sent = await write(...Array.from({ length: 30 }, (_, i) => append('d:expire:x', 'expire', `${i}`, { expiresInS: i % 2 ? 0 : 10 + i })));
      await backend.settle();
      const sweep = (nowMs: number) => log.sweep(nowMs);
      assert.equal((await sweep(START_MS + 19_999)).expired, 0);
      assert.equal((await sweep(START_MS + 20_000 + 18_000)).expired, 10);
      assert.equal((await sweep(START_MS + 20_000 + 18_000)).expired, 0);
      await log.erase('d:expire:x', 21, EntryState.Erased);
      assert.equal((await sweep(START_MS + 100_000)).expired, 4);
      const entries = await log.read('d:expire:x', 1, ALL);
      assert.deepEqual(entries.map((entry) => entry.state), sent.map((_, i) => (i % 2 ? EntryState.Live : i === 20 ? EntryState.Erased : EntryState.Expired)));
      assert.ok(entries.every((entry, i) => body(entry) === (i % 2 ? `${i}` : '')));
      assert.equal((await write(again(sent[0])))[0].duplicate, true);
    });

    test('a sweep trims by place and by age', async () => {
      for (let i = 0; i < 40; i++) {
        backend.clock.nowMs = START_MS + 1000 * i;
        await write(append('d:keep:x', 'keep', `${i + 1}`), append('d:keep:y', 'keep', `${i + 1}`));
        if (i % 10 === 9) await backend.settle();
      }
      const asked = new Map<string, number>();
      const may = (conversation: string, oldestSentAtMs: number) => {
        asked.set(conversation, oldestSentAtMs);
        if (conversation === 'd:keep:x') return { upTo: 7, sentBeforeMs: 0 };
        return conversation === 'd:keep:y' ? { upTo: 2, sentBeforeMs: START_MS + 15_000 } : undefined;
      };
      assert.deepEqual(await log.sweep(START_MS, may), { expired: 0, trimmed: 7 + 15 });
      assert.equal(asked.get('d:keep:x'), START_MS);
      assert.deepEqual([(await log.head('d:keep:x'))?.first, (await log.head('d:keep:y'))?.first], [8, 16]);
      assert.deepEqual(await log.sweep(START_MS, may), { expired: 0, trimmed: 0 });
      assert.equal(asked.get('d:keep:x'), START_MS + 7000);
      assert.equal(asked.get('d:keep:y'), START_MS + 15_000);
      const all = await log.sweep(START_MS, (conversation) => (conversation.startsWith('d:keep:') ? { upTo: 0, sentBeforeMs: Infinity } : undefined));
      assert.equal(all.trimmed, 33 + 25);
      asked.clear();
      await log.sweep(START_MS, may);
      assert.equal(asked.has('d:keep:x'), false, 'nothing is kept there');
    });

    test('a new term skips places in every conversation, once', async () => {
      await write(append('d:term:x', 'term', '1'), append('d:term:x', 'x', '2'), append('d:term:y', 'term', '1'));
      await log.trim('d:term:y', 1);
      await log.beginTerm();
      const [third, fourth, trimmed, fresh] = await write(append('d:term:x', 'term', '3'), append('d:term:x', 'term', '4'), append('d:term:y', 'term', '2'), append('d:term:z', 'term', '1'));
      assert.deepEqual([third.seq, fourth.seq, trimmed.seq, fresh.seq], [TERM_SKIP + 3, TERM_SKIP + 4, TERM_SKIP + 2, 1]);
      const check = async () => {
        assert.deepEqual(await log.holes('d:term:x'), [{ from: 3, to: TERM_SKIP + 2, reason: Reason.LOST }]);
        assert.deepEqual(await seqs('d:term:x'), [1, 2, TERM_SKIP + 3, TERM_SKIP + 4]);
        assert.deepEqual(await seqs('d:term:x', 3), [TERM_SKIP + 3, TERM_SKIP + 4]);
        assert.deepEqual(await log.holes('d:term:y'), []);
        assert.equal((await log.head('d:term:y'))?.first, TERM_SKIP + 2);
        assert.deepEqual(await log.holes('d:term:z'), []);
        assert.equal((await write(again(third)))[0].seq, TERM_SKIP + 3);
      };
      await check();
      if (await reopen()) {
        await check();
        assert.equal((await write(append('d:term:x', 'x', '5')))[0].seq, TERM_SKIP + 5);
      }
      await log.trim('d:term:x', TERM_SKIP + 3);
      assert.deepEqual(await log.holes('d:term:x'), []);
      assert.equal((await log.head('d:term:x'))?.first, TERM_SKIP + 4);
    });
  });
}

function body(entry: Entry): string {
  return Buffer.from(fromBinary(MessageSchema, entry.buffer.subarray(entry.start, entry.end)).body).toString();
}

/** 1 to `count` in an order that is always the same. */
function shuffled(count: number): number[] {
  const numbers = Array.from({ length: count }, (_, i) => i + 1);
  let state = 12345;
  for (let i = count - 1; i > 0; i--) {
    state = (state * 1103515245 + 12345) % 2147483648;
    const j = state % (i + 1);
    [numbers[i], numbers[j]] = [numbers[j], numbers[i]];
  }
  return numbers;
}
