import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, type Content, type SendContent } from 'godwit-client';
import { loadVector } from '../schemas/vectors.js';
import { encoded, saying, sealed, text } from './contents.js';
import { Recorder, scene } from './fixtures.js';

const media: SendContent = {
  kind: 'media', id: 'm-1', mediaType: 'video/mp4', size: 5_000_000_000, width: 1920, height: 1080, durationMs: 61_500, name: 'birds.mp4',
  caption: 'Zugvögel', thumbnail: Uint8Array.of(255, 216), key: Uint8Array.of(1, 2), digest: Uint8Array.of(3, 4),
};
const location: SendContent = { kind: 'location', latitude: 52.5163, longitude: -13.3777, accuracyM: 12.5, label: 'the gate' };
const contact: SendContent = { kind: 'contact', user: 'carol', name: 'Carol', phones: ['+49 30 123456', '112'] };

describe('content', { timeout: 20_000 }, () => {
  test('of every kind arrives as it was sent', scene(async (at) => {
    const broker = await at.broker();
    const [alice, bob] = [await at.client(broker, 'alice'), await at.client(broker, 'bob')];
    const heard = new Recorder(bob, 'message');
    await alice.connect();
    await bob.connect();
    const all: SendContent[] = [
      { kind: 'text', text: '🐦 @bob, hello', mentions: [{ user: 'bob', start: 3, length: 4 }] },
      { kind: 'custom', customType: 'application/json', data: Buffer.from('{}') },
      media,
      { kind: 'media', url: 'https://example.org/a.png', mediaType: 'image/png' },
      location,
      { kind: 'location', latitude: 0, longitude: 0 },
      contact,
      { kind: 'contact', name: 'Somebody' },
    ];
    for (const content of all) alice.send('bob', content);
    await heard.until(all.length);
    const plain = (content: unknown): unknown => JSON.parse(JSON.stringify(content, (_, value) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value)));
    assert.deepEqual(heard.events.map(({ content }) => plain(content)), all.map((content) => plain({ ...content, ...('data' in content && { data: new Uint8Array(content.data) }) })));
    assert.equal(heard.events[0].text, '🐦 @bob, hello');
    const mention = heard.events[0].content as Extract<Content, { kind: 'text' }>;
    assert.equal(mention.text.slice(3, 7), '@bob', 'places are UTF-16 code units, as slice counts');
    assert.equal(heard.events[4].text, undefined);
  }));

  test('a reply names what it answers, of any kind', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'message');
    await alice.connect();
    const question = text('where?');
    broker.say('bob', 'alice', question);
    const [message] = await heard.until(1);
    await alice.reply('bob', message, location as SendContent).until('sent');
    await alice.reply('bob', { from: 'bob', id: message.id }, 'here').until('sent');
    const [, ...answers] = await alice.messages('bob');
    for (const answer of answers) assert.ok(answer.type === 'message' && answer.replyTo?.from === 'bob' && answer.replyTo.id === message.id);
    assert.ok(!('replyTo' in message));
    broker.say('bob', 'alice', saying({ case: 'text', value: { text: 'of nothing' } }, { replyTo: { from: 'bob', id: Uint8Array.of(1) } }));
    const [, bad] = await heard.until(2);
    assert.deepEqual([bad.text, bad.replyTo], ['of nothing', undefined]);
  }));

  test('golden bytes are read as what they are', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'message');
    await alice.connect();
    const read = async (name: string): Promise<Content> => {
      const before = heard.events.length;
      broker.say('bob', 'alice', { ...text(''), body: sealed({ payload: new Uint8Array(loadVector('content', name).bytes) }) });
      return (await heard.until(before + 1))[before].content;
    };
    assert.deepEqual(await read('text'), { kind: 'text', text: 'hello' });
    assert.deepEqual(await read('text with a mention'), { kind: 'text', text: '🐦 @bob, hello', mentions: [{ user: 'bob', start: 3, length: 4 }] });
    assert.deepEqual(await read('media by id'), media);
    assert.deepEqual(await read('media by URL'), { kind: 'media', url: 'https://example.org/a.png', mediaType: 'image/png' });
    assert.deepEqual(await read('location'), location);
    assert.deepEqual(await read('contact'), contact);
    assert.equal((await read('a kind that is not known')).kind, 'unknown');
    assert.deepEqual(await read('a reply'), { kind: 'text', text: 'yes' });
    assert.equal(heard.events.at(-1)!.replyTo?.from, 'alice');
  }));

  test('what is not as it should be is refused before it is sent', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const wrong: [unknown, RegExp][] = [
      [{ kind: 'location', latitude: 90.1, longitude: 0 }, /latitude/],
      [{ kind: 'location', latitude: NaN, longitude: 0 }, /latitude/],
      [{ kind: 'location', latitude: 0, longitude: -180.5 }, /longitude/],
      [{ kind: 'location', latitude: 0, longitude: 0, accuracyM: -1 }, /radius/],
      [{ kind: 'text', text: 'hi', mentions: [{ user: 'bob', start: 0, length: 3 }] }, /mention/],
      [{ kind: 'text', text: 'hi', mentions: [{ user: 'b b', start: 0, length: 1 }] }, /mention/],
      [{ kind: 'text', text: 7 }, /string/],
      [{ kind: 'custom', customType: '', data: 'x' }, /bytes/],
      [{ kind: 'media', mediaType: 'image/png' }, /either/],
      [{ kind: 'media', id: 'x', url: 'https://x', mediaType: 'image/png' }, /either/],
      [{ kind: 'media', url: 'javascript:alert(1)', mediaType: 'image/png' }, /https/],
      [{ kind: 'media', id: 'x', mediaType: 'png' }, /media type/],
      [{ kind: 'media', id: 'x', mediaType: 'image/png', size: -1 }, /number of bytes/],
      [{ kind: 'media', id: 'x', mediaType: 'image/png', width: 1.5 }, /width/],
      [{ kind: 'media', id: 'x', mediaType: 'image/png', name: '../../x' }, /path/],
      [{ kind: 'media', id: 'x', mediaType: 'image/png', thumbnail: new Uint8Array(16_385) }, /16 KiB/],
      [{ kind: 'contact' }, /a user, a name/],
      [{ kind: 'contact', name: 'x', phones: [''] }, /phone/],
      [{ kind: 'contact', name: 'x', phones: Array.from({ length: 21 }, () => '1') }, /20 phones/],
      [{ kind: 'contact', user: 'no body' }, /user id/],
      [{ kind: 'deleted' }, /no content that can be sent: deleted/],
      [undefined, /no content that can be sent/],
    ];
    for (const [content, why] of wrong) assert.throws(() => alice.send('bob', content as SendContent), { code: Code.MALFORMED, message: why });
    const target = { conversation: 'd:alice:bob', id: '01M81RNZGETSQ0RDT3Q2XBHQ3Z' };
    assert.throws(() => alice.edit(target, location as never), { code: Code.MALFORMED });
    assert.throws(() => alice.reply('bob', { from: 'b b', id: target.id }, 'x'), { code: Code.MALFORMED });
    assert.deepEqual(alice.outbox(), []);
  }));

  test('the same, arriving: kept and told as undecodable; a mention beside the text is left out', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'message', 'undecodable');
    await alice.connect();
    broker.say('bob', 'alice', saying({ case: 'location', value: { latitude: 91 } }));
    broker.say('bob', 'alice', saying({ case: 'media', value: { source: { case: 'url', value: 'file:///etc/passwd' }, mediaType: 'image/png' } }));
    broker.say('bob', 'alice', saying({ case: 'media', value: { source: { case: 'id', value: 'x' }, mediaType: 'image/png', size: 2n ** 60n } }));
    broker.say('bob', 'alice', saying({ case: 'contact', value: {} }));
    broker.say('bob', 'alice', saying({ case: 'text', value: { text: 'hi', mentions: [{ user: 'bob', start: 1, length: 2 }, { user: 'bob', start: 0, length: 2 }] } }));
    await heard.until(5);
    assert.deepEqual(heard.events.map(({ type }) => type), ['undecodable', 'undecodable', 'undecodable', 'undecodable', 'message']);
    const [bad] = heard.events;
    assert.ok(bad.type === 'undecodable' && /latitude/.test(bad.reason));
    assert.deepEqual(Buffer.from(bad.bytes), Buffer.from(sealed({ payload: encoded({ kind: { case: 'location', value: { latitude: 91 } } }) })));
    const last = heard.events[4];
    assert.ok(last.type === 'message');
    assert.deepEqual(last.content, { kind: 'text', text: 'hi', mentions: [{ user: 'bob', start: 0, length: 2 }] });
    assert.equal((await alice.messages('bob')).length, 5);
  }));
});
