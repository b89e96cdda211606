import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Code, liveMessages, memoryStore, type Client, type Message, type Store } from 'godwit-client';
import { levelStore } from 'godwit-client/node';
import { createSearch, type FindOptions, type Search } from 'godwit-client/search';
import { temporaryFolder } from '../support/folder.js';
import { startGodwit } from '../support/godwit.js';
import { kinds, saying, text, type Body } from './contents.js';
import type { FakeBroker } from './fake-broker.js';
import { lasting, Recorder, scene, texts, type Scene } from './fixtures.js';
import { device, opened, type Scope } from './real.js';
import { Watch } from './watch.js';

const found = async (search: Search, words: string, options?: FindOptions): Promise<(string | undefined)[]> => (await search.find(words, options)).map((message) => message.text);

/** bob says these to alice, one millisecond after the other; she has them. */
async function said(broker: FakeBroker, from: string, ...bodies: (string | Body)[]): Promise<void> {
  const had = broker.pubacks().length;
  for (const body of bodies) broker.say(from, 'alice', typeof body === 'string' ? text(body) : body);
  await broker.until(() => broker.pubacks().length === had + bodies.length);
}

async function stage(at: Scene, options: { store?: Store; most?: number } = {}): Promise<{ broker: FakeBroker; alice: Client; search: Search }> {
  const broker = await at.broker();
  let now = Date.now();
  broker.log.now = () => now++;
  const alice = await at.client(broker, 'alice', { ...(options.store && { store: options.store }) });
  const search = createSearch(alice, options.most === undefined ? {} : { most: options.most });
  await alice.connect();
  return { broker, alice, search };
}

describe('search in what is stored', { timeout: 30_000 }, () => {
  test('all of the words, the newest first, in one conversation or all; a page after the other', scene(async (at) => {
    const { broker, alice, search } = await stage(at);
    await said(broker, 'bob', 'The quick brown fox', 'a slow fox', 'no dog here');
    await said(broker, 'carol', 'Fox and dog');
    await alice.send('carol', 'my own fox').until('sent');
    assert.deepEqual(await found(search, 'fox'), ['my own fox', 'Fox and dog', 'a slow fox', 'The quick brown fox']);
    assert.deepEqual(await found(search, 'fox', { conversation: 'bob' }), ['a slow fox', 'The quick brown fox']);
    assert.deepEqual(await found(search, 'FOX, brown!'), ['The quick brown fox']);
    assert.deepEqual(await found(search, 'fox dog'), ['Fox and dog']);
    const [, second] = await search.find('fox', { limit: 2 });
    assert.deepEqual(await found(search, 'fox', { limit: 2, before: second.sentAtMs }), ['a slow fox', 'The quick brown fox']);
    assert.deepEqual([await found(search, ''), await found(search, ' ,;'), await found(search, 'cat')], [[], [], []]);
    await assert.rejects(search.find('fox', { conversation: 'b/ob' }), { code: Code.MALFORMED });
  }));

  test('case, accents and scripts; the beginning of the last word', scene(async (at) => {
    const { broker, search } = await stage(at);
    await said(broker, 'bob', 'Zoë à l’École', 'STRASSE oder Straße', 'Привет, ёлка', '東京に行きます', 'ﬁne ＦＵＬＬ', 'नमस्ते दुनिया', 'party 🎉 at 10');
    for (const [words, text] of [
      ['zoe', 'Zoë à l’École'], ['ECOLE', 'Zoë à l’École'], ['zoë éc', 'Zoë à l’École'], ['strasse ode', 'STRASSE oder Straße'], ['straße', 'STRASSE oder Straße'],
      ['елка', 'Привет, ёлка'], ['прив', 'Привет, ёлка'], ['東京', '東京に行きます'], ['行き', '東京に行きます'], ['fine full', 'ﬁne ＦＵＬＬ'], ['नमस्ते', 'नमस्ते दुनिया'], ['🎉', 'party 🎉 at 10'], ['party 10', 'party 🎉 at 10'],
    ]) assert.deepEqual(await found(search, words), [text], words);
    for (const words of ['zo ecole', 'ole', 'st oder', 'constructor', '__proto__', 'toString']) assert.deepEqual(await found(search, words), [], words);
  }));

  test('captions, names and labels; words of the app’s own', scene(async (at) => {
    const { broker, alice, search } = await stage(at);
    await said(broker, 'bob', saying({ case: 'media', value: { source: { case: 'id', value: 'm1' }, mediaType: 'image/jpeg', name: 'IMG_1.jpg', caption: 'Sunset at the lake' } }),
      saying({ case: 'location', value: { latitude: 1, longitude: 2, label: 'The lake house' } }), saying({ case: 'contact', value: { name: 'Lakeisha', user: 'lakeisha' } }),
      saying({ case: 'custom', value: { type: 'poll', data: Buffer.from('lake or sea?') } }), { ...text(''), flags: 2, body: Buffer.from('lake 21.5') });
    const kindsOf = (messages: Message[]): string[] => messages.map(({ content }) => content.kind);
    assert.deepEqual(kindsOf(await search.find('lake')), ['bare', 'contact', 'location', 'media']);
    assert.deepEqual(kindsOf(await search.find('img')), ['media']);
    const own = createSearch(alice, { text: ({ content }) => (content.kind === 'custom' ? Buffer.from(content.data).toString() : undefined) });
    assert.deepEqual(kindsOf(await own.find('lake')), ['custom']);
  }));

  test('what came later, was edited, deleted, erased, cleared, or has disappeared', scene(async (at) => {
    const { broker, alice, search } = await stage(at);
    const changes = new Recorder(alice, 'changed');
    const [one, two] = [text('apple one'), text('apple two')];
    await said(broker, 'bob', one, two, text('apple three', { expiresInS: 1 }));
    await said(broker, 'carol', 'apple four');
    assert.deepEqual(await found(search, 'apple'), ['apple four', 'apple three', 'apple two', 'apple one']);
    await said(broker, 'bob', saying(kinds.edit({ from: 'bob', id: one.id }, 'pear one')), saying(kinds.deletion({ from: 'bob', id: two.id })), 'apple five');
    await changes.until(2);
    assert.deepEqual([await found(search, 'apple'), await found(search, 'pear')], [['apple five', 'apple four', 'apple three'], ['pear one']]);
    broker.event('d:alice:carol', { kind: { case: 'erased', value: { seq: 1n, by: 'carol' } } });
    await changes.until(3);
    const conversations = new Recorder(alice, 'conversation');
    assert.deepEqual(await found(search, 'apple'), ['apple five', 'apple three']);
    await new Watch(liveMessages(alice, 'bob')).until(({ messages, loading }) => !loading && !texts(messages).includes('apple three'));
    assert.deepEqual(await found(search, 'apple'), ['apple five']);
    broker.event('u:alice', { kind: { case: 'feed', value: { conversation: { conversation: 'd:alice:bob', clearedTo: 5n } } } });
    await conversations.until((events) => events.some(({ clearedTo }) => clearedTo === 5));
    assert.deepEqual([await found(search, 'apple'), await found(search, 'pear')], [['apple five'], []]);
  }));

  test('an own message that is accepted behind one that came before it', scene(async (at) => {
    const { broker, alice, search } = await stage(at);
    await said(broker, 'bob', 'apple one');
    await found(search, 'apple');
    let answer = false;
    broker.answers = () => answer;
    const own = alice.send('bob', 'apple mine');
    await broker.until(() => broker.messages().length === 1);
    await said(broker, 'bob', 'apple three');
    assert.deepEqual(await found(search, 'apple'), ['apple three', 'apple one']);
    answer = true;
    broker.cut('alice');
    await own.until('sent');
    assert.equal(own.seq, 2);
    assert.deepEqual(await found(search, 'apple'), ['apple three', 'apple mine', 'apple one']);
  }));

  test('an edit while the messages are read is found by what it says now', scene(async (at) => {
    const inner = memoryStore();
    const store = lasting(inner);
    const { broker, alice, search } = await stage(at, { store });
    const [heard, changes] = [new Recorder(alice, 'message'), new Recorder(alice, 'changed')];
    const one = text('apple');
    await said(broker, 'bob', one);
    await heard.until(1);
    store.range = async (range) => {
      const rows = await inner.range(range);
      if (!range.from.startsWith('m/') || changes.events.length > 0) return rows;
      broker.say('bob', 'alice', saying(kinds.edit({ from: 'bob', id: one.id }, 'pear')));
      await changes.until(1);
      return rows;
    };
    assert.deepEqual(await found(search, 'apple'), []);
    assert.deepEqual(await found(search, 'pear'), ['pear']);
  }));

  test('a bound: the newest of all conversations are held, what is older is not found', scene(async (at) => {
    const { broker, search } = await stage(at, { most: 400 });
    for (let turn = 0; turn < 4; turn++) {
      for (const name of ['bob', 'carol']) await said(broker, name, ...Array.from({ length: 100 }, (_, i) => `apple ${name} ${turn * 100 + i}`));
    }
    const all = await search.find('apple', { limit: 1_000 });
    assert.ok(all.length >= 400 && all.length < 600, `${all.length}`);
    assert.deepEqual(await found(search, 'apple carol 399'), ['apple carol 399']);
    assert.deepEqual(await found(search, 'apple bob 0'), []);
    for (let i = 0; i < 300; i++) broker.say('bob', 'alice', text(`pear ${i}`));
    await broker.until(() => broker.pubacks().length === 1_100);
    const [pears, apples] = [await search.find('pear', { limit: 1_000 }), await search.find('apple', { limit: 1_000 })];
    assert.equal(pears.length, 300);
    assert.ok(apples.length >= 100 && apples.length <= 140, `${apples.length}`);
    assert.ok(apples.every(({ sentAtMs }, i) => i === 0 || sentAtMs <= apples[i - 1].sentAtMs));
  }));

  test('closed, it holds nothing and says so', scene(async (at) => {
    const { broker, alice, search } = await stage(at);
    await said(broker, 'bob', 'apple');
    assert.equal((await found(search, 'apple')).length, 1);
    search.close();
    await assert.rejects(search.find('apple'), { code: Code.UNAVAILABLE });
    const again = createSearch(alice);
    assert.equal((await found(again, 'apple')).length, 1);
  }));
});

describe('search, on the real server', { timeout: 60_000 }, () => {
  const backends: [string, (t: Scope) => Promise<Store>][] = [
    ['memory', async () => memoryStore()],
    ['level', async (t) => levelStore(join(await temporaryFolder(t), 'store'))],
  ];
  for (const [name, make] of backends) {
    test(`what was there before, after a restart, offline (${name})`, async (t) => {
      const server = await startGodwit(t);
      const store = await make(t);
      t.after(() => store.close());
      const [bob, alice] = [await device(t, server, 'bob'), await device(t, server, 'alice', { store: lasting(store) })];
      const heard = new Recorder(alice, 'message');
      await Promise.all(Array.from({ length: 450 }, (_, i) => bob.send('alice', i % 100 === 0 ? `needle ${i}` : `hay ${i}`).until('delivered')));
      await heard.until(450);
      await alice.close();
      const later = await opened(t, server, 'alice', { store: lasting(store) });
      assert.deepEqual(await found(createSearch(later), 'needle'), ['needle 400', 'needle 300', 'needle 200', 'needle 100', 'needle 0']);
    });
  }

  test('what is fetched of the past is found too; a search itself fetches nothing of it', async (t) => {
    const server = await startGodwit(t);
    const [bob, phone] = [await device(t, server, 'bob'), await device(t, server, 'alice')];
    const heard = new Recorder(phone, 'message');
    const sent = Array.from({ length: 150 }, (_, i) => bob.send('alice', `apple ${i}`));
    await heard.until(150);
    await phone.markRead('bob', 150);
    await Promise.all(sent.map((message) => message.until('read')));
    const alice = await device(t, server, 'alice');
    const search = createSearch(alice);
    assert.equal((await search.find('apple', { limit: 200 })).length, 50, 'what a new device fetches');
    const changes = new Recorder(alice, 'conversation');
    assert.equal((await alice.messages('bob', { limit: 200 })).length, 150);
    await changes.until(1);
    assert.equal((await search.find('apple', { limit: 200 })).length, 150);
  });
});
