import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { fromBinary, SealedSchema } from 'godwit-schemas';
import { encoded, sealed, seen, text } from './contents.js';
import { Recorder, scene } from './fixtures.js';

// As on platforms that have neither, or only the wrapped formats: this file is a process of its own.
Object.assign(globalThis, {
  CompressionStream: class {
    constructor(format: string) {
      throw new TypeError(`Unsupported compression format: ${format}`);
    }
  },
  DecompressionStream: undefined,
});

test('a platform that cannot deflate sends as it is; what it cannot inflate is kept, and shown as sealed', { timeout: 20_000 }, scene(async (at) => {
  const broker = await at.broker();
  const alice = await at.client(broker, 'alice');
  const heard = new Recorder(alice, 'message');
  await alice.connect();
  await alice.send('bob', 'x'.repeat(2_000)).until('sent');
  const { payload, compression } = fromBinary(SealedSchema, broker.messages()[0].body);
  assert.deepEqual([payload.length > 2_000, compression], [true, 0]);
  broker.say('bob', 'alice', { ...text(''), body: sealed({ payload: deflateRawSync(encoded({ kind: { case: 'text', value: { text: 'hello' } } })), compression: 1 }) });
  const [message] = await heard.until(1);
  assert.deepEqual(message.content, { kind: 'sealed', alg: 0, keyEpoch: 0n });
  assert.equal(seen(await alice.messages('bob')).length, 2);
}));
