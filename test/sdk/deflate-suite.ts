import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { Code, memoryStore, type Cipher } from 'godwit-client';
import { ContentSchema, fromBinary, SealedSchema } from 'godwit-schemas';
import { encoded, sealed, seen, text } from './contents.js';
import { lasting, Recorder, scene, type Create } from './fixtures.js';

const long = 'one bird, two birds, '.repeat(2_000);
const contentOf = (text: string): Uint8Array => encoded({ kind: { case: 'text', value: { text } } });

/** What holds of bodies that are deflated, by whatever does it. */
export function deflateSuite(create?: Create): void {
  test('a long text is deflated, as any inflater reads it; a short one, and what gets no smaller, is not', scene(async (at) => {
    at.create = create ?? at.create;
    const broker = await at.broker();
    const [alice, bob] = [await at.client(broker, 'alice'), await at.client(broker, 'bob')];
    const heard = new Recorder(bob, 'message');
    await alice.connect();
    await bob.connect();
    const random = randomBytes(2_000);
    const threshold = 'x'.repeat(512 - 6);
    assert.equal(contentOf(threshold).length, 512);
    const sent = [alice.send('bob', long), alice.send('bob', threshold), alice.send('bob', `${threshold}x`), alice.send('bob', random)];
    await Promise.all(sent.map((one) => one.until('sent')));
    const bodies = broker.messages().map(({ body }) => fromBinary(SealedSchema, body));
    assert.deepEqual(bodies.map(({ compression }) => compression), [1, 0, 1, 0]);
    assert.ok(bodies[0].payload.length < 1_000, `${long.length} bytes as ${bodies[0].payload.length}`);
    assert.deepEqual(inflateRawSync(bodies[0].payload), Buffer.from(contentOf(long)));
    await heard.until(4);
    assert.equal(heard.events[0].text, long);
    assert.ok(heard.events[3].content.kind === 'custom' && random.equals(heard.events[3].content.data));
  }));

  test('a text beyond the size of a message goes, where it is small enough deflated', scene(async (at) => {
    at.create = create ?? at.create;
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    await alice.send('bob', 'x'.repeat(1_000_000)).until('sent');
    await assert.rejects(alice.send('bob', 'x'.repeat(1_100_000)).until('sent'), { code: Code.TOO_LARGE }, 'nobody would read more than 1 MiB');
  }));

  test('what inflates to more than 1 MiB, or is cut off, is undecodable; the rest goes on', scene(async (at) => {
    at.create = create ?? at.create;
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'message', 'undecodable');
    await alice.connect();
    const body = (payload: Uint8Array) => ({ ...text(''), body: sealed({ payload, compression: 1 }) });
    const most = contentOf('x'.repeat(1_048_576 - 8));
    assert.equal(most.length, 1_048_576);
    broker.say('bob', 'alice', body(deflateRawSync(Buffer.alloc(60_000_000))));
    broker.say('bob', 'alice', body(deflateRawSync(contentOf('x'.repeat(1_048_576 - 7)))));
    broker.say('bob', 'alice', body(deflateRawSync(most)));
    broker.say('bob', 'alice', body(deflateRawSync(contentOf(long)).subarray(0, 20)));
    broker.say('bob', 'alice', body(Uint8Array.of(255, 255)));
    broker.say('bob', 'alice', body(new Uint8Array(0)));
    broker.say('bob', 'alice', text('fine'));
    await heard.until(7);
    assert.deepEqual(heard.events.map(({ type }) => type), ['undecodable', 'undecodable', 'message', 'undecodable', 'undecodable', 'undecodable', 'message']);
    assert.ok(heard.events[0].type === 'undecodable' && /more than 1048576 bytes/.test(heard.events[0].reason));
  }));

  test('a compression that is not known: sealed, and the cipher is not asked', scene(async (at) => {
    at.create = create ?? at.create;
    const broker = await at.broker();
    let asked = 0;
    const cipher: Cipher = { seal: async (payload) => ({ alg: 9, keyEpoch: 0n, payload }), open: async ({ payload }) => (asked++, payload) };
    const alice = await at.client(broker, 'alice', { cipher });
    const heard = new Recorder(alice, 'message');
    await alice.connect();
    broker.say('bob', 'alice', { ...text(''), body: sealed({ alg: 9, keyEpoch: 3n, payload: Uint8Array.of(1), compression: 2 }) });
    const [message] = await heard.until(1);
    assert.deepEqual(message.content, { kind: 'sealed', alg: 9, keyEpoch: 3n });
    assert.deepEqual(seen(await alice.messages('bob')), ['(sealed)']);
    assert.equal(asked, 0);
  }));

  test('a cipher is given what is deflated already, and gives back the same', scene(async (at) => {
    at.create = create ?? at.create;
    const broker = await at.broker();
    const given: Uint8Array[] = [];
    const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte ^ 1);
    const cipher: Cipher = {
      seal: async (content) => (given.push(content), { alg: 9, keyEpoch: 0n, payload: flip(content) }),
      open: async ({ alg, payload, ...rest }) => (assert.deepEqual(Object.keys(rest), ['keyEpoch']), alg === 9 ? flip(payload) : undefined),
    };
    const store = memoryStore();
    const [alice, bob] = [await at.client(broker, 'alice', { cipher }), await at.client(broker, 'bob', { cipher, store: lasting(store) })];
    const heard = new Recorder(bob, 'message');
    await alice.connect();
    await bob.connect();
    await alice.send('bob', long).until('sent');
    assert.deepEqual(inflateRawSync(given[0]), Buffer.from(contentOf(long)));
    const [message] = await heard.until(1);
    assert.equal(message.text, long);
    // What was opened is stored opened and inflated: no key is needed any more.
    await bob.close();
    const later = await at.client(broker, 'bob', { store });
    assert.deepEqual(seen(await later.messages('alice')), [long]);
    const [row] = await store.range({ from: 'm/', before: 'm0' });
    assert.equal(fromBinary(ContentSchema, row[1].subarray(4 + new DataView(row[1].buffer, row[1].byteOffset).getUint32(0))).kind.case, 'text');
  }));
}
