import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deviceBody, Envelope, fromBinary, MessageSchema, previewOf, readEnvelope, splitAux } from 'godwit-schemas';
import { concat, encoded, randomMessage, strangeEncoding } from './random-message.js';
import { Random } from './random.js';
import { wireFields } from './reference.js';

const asciiNames = ['alice:phone', 'bob:tablet', 'constructor:__proto__', 'x:y', 'nobody:here'];

describe('splitAux', () => {
  test('parts the fields, keeps their order, and loses nothing', () => {
    const random = new Random(11);
    for (let i = 0; i < 2000; i++) {
      const bytes = random.chance(0.5) ? encoded(randomMessage(random)) : strangeEncoding(random, randomMessage(random));
      const around = concat([[1, 2], bytes, [3]]);
      const { kept, aux } = splitAux(around, 2, 2 + bytes.length);
      const isAux = (number: bigint): boolean => number === 3n || number === 5n;
      const fields = wireFields(bytes);
      assert.deepEqual(aux, concat(fields.filter((f) => isAux(f.number)).map((f) => f.raw)));
      assert.deepEqual(kept, concat(fields.filter((f) => !isAux(f.number)).map((f) => f.raw)));

      const whole = fromBinary(MessageSchema, bytes);
      const keptMessage = fromBinary(MessageSchema, kept);
      const auxMessage = fromBinary(MessageSchema, aux);
      assert.deepEqual(keptMessage, { ...whole, deviceBodies: {}, preview: new Uint8Array(0) });
      assert.deepEqual(auxMessage.deviceBodies, whole.deviceBodies);
      assert.deepEqual(auxMessage.preview, whole.preview);
      const envelope = new Envelope();
      assert.ok(readEnvelope(kept, 0, kept.length, envelope));
      assert.equal(envelope.auxFields, 0);
    }
  });

  test('gives memory of its own', () => {
    const bytes = encoded(randomMessage(new Random(12)));
    const { kept } = splitAux(bytes, 0, bytes.length);
    const before = kept.slice();
    bytes.fill(0);
    assert.deepEqual(kept, before);
  });
});

describe('deviceBody and previewOf', () => {
  test('find what generated code finds', () => {
    const random = new Random(13);
    let found = 0;
    for (let i = 0; i < 3000; i++) {
      const bytes = random.chance(0.5) ? encoded(randomMessage(random)) : strangeEncoding(random, randomMessage(random));
      const whole = fromBinary(MessageSchema, bytes);
      const { aux } = splitAux(bytes, 0, bytes.length);
      for (const name of asciiNames) {
        const body = deviceBody(aux, name);
        const expected = Object.hasOwn(whole.deviceBodies, name) ? whole.deviceBodies[name] : undefined;
        assert.deepEqual(body, expected, `message ${i}, ${name}`);
        if (body) found++;
      }
      assert.deepEqual(previewOf(aux) ?? new Uint8Array(0), whole.preview);
    }
    assert.ok(found > 500, `${found} bodies were found`);
  });

  test('a name that only begins alike is another', () => {
    const entry = (name: string): number[] => [0x1a, name.length + 5, 0x0a, name.length, ...Buffer.from(name), 0x12, 1, 9];
    const aux = Uint8Array.from([...entry('a:phone2'), ...entry('aa:phone')]);
    assert.equal(deviceBody(aux, 'a:phone'), undefined);
    assert.deepEqual(deviceBody(aux, 'aa:phone'), Uint8Array.of(9));
    assert.equal(deviceBody(new Uint8Array(0), 'a:phone'), undefined);
    assert.equal(previewOf(new Uint8Array(0)), undefined);
  });
});
