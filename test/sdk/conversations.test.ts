import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { memoryStore, Reason, type Client, type ConversationInfo } from 'godwit-client';
import { encoded, kinds, saying, sealed, seenOf, text } from './contents.js';
import { lasting, Recorder, scene } from './fixtures.js';

const conversation = 'd:alice:bob';
const brief = ({ conversation, unread, last }: ConversationInfo): unknown[] => [conversation, unread, last && seenOf(last)];
const list = async (client: Client): Promise<unknown[][]> => (await client.conversations()).map(brief);
const unread = async (client: Client): Promise<number> => (await client.conversations())[0].unread;

describe('conversations', { timeout: 20_000 }, () => {
  test('each with its last message and what is unread, the newest first', scene(async (at) => {
    const broker = await at.broker();
    let now = 1_000;
    broker.log.now = () => now++;
    const store = memoryStore();
    const alice = await at.client(broker, 'alice', { store: lasting(store) });
    assert.deepEqual(await alice.conversations(), []);
    await alice.connect();
    const one = text('one');
    broker.say('bob', 'alice', one);
    broker.say('bob', 'alice', text('two'));
    broker.say('carol', 'alice', text('hi'));
    await alice.send('dave', 'hello dave').until('sent');
    broker.say('bob', 'alice', text('pssst', { flags: 1 }));
    broker.say('bob', 'alice', saying(kinds.reaction({ from: 'bob', id: one.id }, '👍')));
    broker.gap(conversation, 3, Reason.EXPIRED);
    await broker.until(() => broker.pubacks().length === 6);
    const expected = [[conversation, 2, 'pssst'], ['d:alice:dave', 0, 'hello dave'], ['d:alice:carol', 1, 'hi']];
    assert.deepEqual(await list(alice), expected);
    await alice.close();
    const later = await at.client(broker, 'alice', { store });
    assert.deepEqual(await list(later), expected, 'also after a restart');
  }));

  test('reading takes from the count: in part, all, on another device, beyond the end', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    for (const word of ['1', '2', '3']) broker.say('bob', 'alice', text(word));
    await alice.send('bob', 'mine').until('sent');
    for (const word of ['5', '6', '7']) broker.say('bob', 'alice', text(word));
    await broker.until(() => broker.pubacks().length === 6);
    assert.equal(await unread(alice), 6);
    await alice.markRead('bob', 2);
    assert.equal(await unread(alice), 4);
    await alice.markRead('bob', 1);
    assert.equal(await unread(alice), 4, 'never back');
    const receipts = new Recorder(alice, 'receipt');
    broker.receipt('alice', { conversation, ownRead: 5n, atMs: 5n });
    await receipts.until(1);
    assert.equal(await unread(alice), 2);
    await alice.markRead('bob', 3);
    assert.equal(await unread(alice), 2);
    await alice.markRead('bob', 9);
    assert.equal(await unread(alice), 0);
    const heard = new Recorder(alice, 'message');
    for (const word of ['8', '9', '10']) broker.say('bob', 'alice', text(word));
    await heard.until(3);
    assert.equal(await unread(alice), 1, 'read before it came, by another device');
    assert.equal((await alice.conversations())[0].ownRead, 9);
  }));

  test('a mark that was kept by a process that then ended is counted at the next start', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const kept = lasting(store);
    const first = await at.client(broker, 'alice', { store: kept });
    await first.connect();
    for (const word of ['1', '2', '3']) broker.say('bob', 'alice', text(word));
    await broker.until(() => broker.pubacks().length === 3);
    const { write } = kept;
    kept.write = async (changes) => {
      if (changes.some(({ key }) => key.startsWith('p/'))) throw new Error('the process has ended');
      await write(changes);
    };
    await assert.rejects(first.markRead('bob', 2), /ended/);
    kept.write = write;
    await first.close();
    const second = await at.client(broker, 'alice', { store });
    assert.equal(await unread(second), 1);
  }));

  test('what was deleted or has disappeared is not unread; a last message that has gone gives way to the one before', scene(async (at) => {
    const broker = await at.broker();
    let now = 1_000_000;
    broker.log.now = () => now;
    const store = memoryStore();
    const first = await at.client(broker, 'alice', { store: lasting(store), now: () => now });
    await first.connect();
    const [one, two] = [text('one'), text('two')];
    for (const body of [one, two, text('soon gone', { expiresInS: 10 })]) broker.say('bob', 'alice', body);
    broker.say('bob', 'alice', saying(kinds.edit({ from: 'bob', id: two.id }, 'two!')));
    await broker.until(() => broker.pubacks().length === 4);
    assert.deepEqual(await list(first), [[conversation, 3, 'soon gone']]);
    const changes = new Recorder(first, 'changed');
    broker.say('bob', 'alice', saying(kinds.deletion({ from: 'bob', id: one.id })));
    await changes.until(1);
    assert.equal(await unread(first), 2);
    now += 10_000;
    assert.deepEqual((await list(first))[0][2], 'two!*', 'hidden at its time');
    await first.close();
    const second = await at.client(broker, 'alice', { store, now: () => now });
    assert.deepEqual(await list(second), [[conversation, 1, 'two!*']]);
  }));

  test('a body that cannot be opened is unread, until it turns out to be a reaction', scene(async (at) => {
    const broker = await at.broker();
    let key = false;
    const cipher = { seal: async (payload: Uint8Array) => ({ alg: 0, keyEpoch: 0n, payload }), open: async ({ alg, payload }: { alg: number; payload: Uint8Array }) => (alg === 0 || key ? payload : undefined) };
    const alice = await at.client(broker, 'alice', { cipher });
    await alice.connect();
    const sent = await alice.send('bob', 'mine').until('sent');
    const payload = encoded({ kind: kinds.reaction({ from: 'alice', id: sent.id }, '👍') });
    broker.say('bob', 'alice', { ...text(''), body: sealed({ alg: 9, payload }) });
    await broker.until(() => broker.pubacks().length === 1);
    assert.deepEqual(await list(alice), [[conversation, 1, '(sealed)']]);
    key = true;
    await alice.messages('bob');
    assert.deepEqual(await list(alice), [[conversation, 0, 'mine 👍bob']]);
  }));

  test('`conversation` tells each change, as it then is; many at once as one', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    const changes = new Recorder(alice, 'conversation');
    const now = (): unknown[] | undefined => changes.events.length > 0 ? brief(changes.events.at(-1)!) : undefined;
    const until = async (unread: number, last: string): Promise<void> => void (await changes.until(() => now()?.[1] === unread && now()?.[2] === last));
    const one = text('one');
    broker.say('bob', 'alice', one);
    await until(1, 'one');
    assert.equal(changes.events[0].type, 'conversation');
    broker.say('bob', 'alice', saying(kinds.edit({ from: 'bob', id: one.id }, 'one!')));
    await until(1, 'one!*');
    await alice.markRead('bob', 2);
    await until(0, 'one!*');
    await alice.send('bob', 'mine').until('sent');
    await until(0, 'mine');
    broker.receipt('alice', { conversation, delivered: 3n, read: 3n, atMs: 5n });
    await changes.until((events) => events.at(-1)!.last?.tick === 'read');
    changes.events.length = 0;
    for (let n = 1; n <= 1_000; n++) broker.say('bob', 'alice', text(`${n}`));
    await until(1_000, '1000');
    assert.ok(changes.events.length < 500, `${changes.events.length} events for 1,000 messages`);
    const unreads = changes.events.map((event) => event.unread);
    assert.deepEqual(unreads, [...unreads].sort((a, b) => a - b), 'never an older state after a newer one');
  }));
});
