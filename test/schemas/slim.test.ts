import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createRegistry, ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import * as whole from 'godwit-schemas';
import { mutate } from './random-message.js';
import { Random } from './random.js';
import { loadVectors, vectorFiles } from './vectors.js';

/** What bundles take in the place of the whole package: untyped here, as its types are those of the whole. */
const slim = (await import(new URL('../../../schemas/dist/slim.js', import.meta.url).href)) as Record<string, unknown> & {
  create(schema: unknown, init?: unknown): object;
  toBinary(schema: unknown, message: object): Uint8Array;
  fromBinary(schema: unknown, bytes: Uint8Array): object;
  find(name: string): { fields: { no: number }[] };
  callSchemas(name: string): { request: { typeName: string }; response: { typeName: string } };
  calls: Record<string, unknown>;
};

const registry = createRegistry(whole.file_godwit_v1_message, whole.file_godwit_v1_control, whole.file_godwit_v1_content, whole.file_godwit_v1_code);
const messages = [...registry].filter((one): one is DescMessage => one.kind === 'message' && slim[`${one.name}Schema`] !== undefined);
const uint64s = [0n, 1n, 127n, 128n, 2n ** 32n, 2n ** 53n, 2n ** 64n - 1n];
const uint32s = [0, 1, 127, 128, 2 ** 31, 2 ** 32 - 1];
const texts = ['', 'hello', 'zoë 😀', '\0', '__proto__', 'x'.repeat(300)];
const doubles = [0, -0, 1.5, -1e300, Infinity, NaN];

/** Fields of a message at random, as an app gives them to `create`. */
function randomInit(random: Random, { fields }: DescMessage, depth = 3): Record<string, unknown> {
  const init: Record<string, unknown> = {};
  for (const field of fields) {
    if (!random.chance(0.6) || (depth === 0 && field.message)) continue;
    const value = field.fieldKind === 'list' ? Array.from({ length: random.below(4) }, () => randomValue(random, field, depth)) : randomValue(random, field, depth);
    if (field.oneof && !field.oneof.name.startsWith('_')) init[field.oneof.localName] = { case: field.localName, value };
    else init[field.localName] = value;
  }
  return init;
}

function randomValue(random: Random, field: DescField, depth: number): unknown {
  if (field.fieldKind === 'map') return Object.fromEntries(Array.from({ length: random.below(3) }, (_, i) => [`key${i}`, random.bytes(random.below(5))]));
  if (field.message) return randomInit(random, field.message, depth - 1);
  if (field.enum) return random.pick([0, 1, 2, 99]);
  switch (field.scalar) {
    case ScalarType.BYTES:
      return random.bytes(random.pick([0, 1, 200]));
    case ScalarType.STRING:
      return random.pick(texts);
    case ScalarType.UINT32:
      return random.pick(uint32s);
    case ScalarType.UINT64:
      return random.pick(uint64s);
    case ScalarType.BOOL:
      return random.chance(0.5);
    default:
      return random.pick(doubles);
  }
}

/** The message or the error, the same for both. */
function outcome(read: () => object): unknown {
  try {
    return read();
  } catch {
    return 'refused';
  }
}

/** An object of a prototype of its own is not equal to a plain one, however alike. */
const plain = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined).map(([key, one]) => [key, plain(one)]));
};

describe('the codec of bundles beside the whole runtime', () => {
  test('has every message but those of admins', () => {
    assert.ok(messages.length > 30);
    const missing = [...registry].filter((one) => one.kind === 'message' && !messages.includes(one)).map(({ name }) => name);
    assert.deepEqual(missing.filter((name) => !/^Admin|Entry$/.test(name)), []);
    for (const { name, fields } of messages) assert.equal(slim.find(name).fields.length, fields.length, name);
  });

  test('makes, encodes and decodes random messages alike', () => {
    const random = new Random(7);
    for (let round = 0; round < 60; round++) {
      for (const desc of messages) {
        const init = randomInit(random, desc);
        const [expected, made] = [whole.create(desc, init), slim.create(slim.find(desc.name), init)];
        assert.deepEqual(plain(made), plain(expected), desc.name);
        const bytes = whole.toBinary(desc, expected);
        assert.deepEqual(slim.toBinary(slim.find(desc.name), made), bytes, desc.name);
        assert.deepEqual(plain(slim.fromBinary(slim.find(desc.name), bytes)), plain(whole.fromBinary(desc, bytes)), desc.name);
      }
    }
  });

  test('reads the golden vectors, and writes them again', () => {
    for (const { type, bytes, name } of vectorFiles.flatMap((file) => loadVectors(file))) {
      const desc = registry.getMessage(type)!;
      if (!messages.includes(desc)) continue;
      const message = slim.fromBinary(slim.find(desc.name), new Uint8Array(bytes));
      assert.deepEqual(plain(message), plain(whole.fromBinary(desc, new Uint8Array(bytes))), name);
      assert.deepEqual(Buffer.from(slim.toBinary(slim.find(desc.name), message)), Buffer.from(whole.toBinary(desc, whole.fromBinary(desc, new Uint8Array(bytes)))), name);
    }
  });

  test('takes damaged bytes alike, and what it does not know it keeps', () => {
    const random = new Random(11);
    const known = ['Message', 'Content', 'Result', 'Receipt', 'Response', 'Event'].map((name) => messages.find((one) => one.name === name)!);
    let refused = 0;
    for (let round = 0; round < 3_000; round++) {
      const desc = random.pick(known);
      const bytes = whole.toBinary(desc, whole.create(desc, randomInit(random, desc)));
      if (bytes.length === 0) continue;
      const damaged = mutate(random, bytes);
      const [expected, found] = [outcome(() => whole.fromBinary(desc, damaged)), outcome(() => slim.fromBinary(slim.find(desc.name), damaged))];
      if (expected === 'refused') refused++;
      assert.deepEqual(plain(found), plain(expected), `${desc.name} ${Buffer.from(damaged).toString('hex')}`);
      if (found === 'refused') continue;
      assert.deepEqual(slim.toBinary(slim.find(desc.name), found as object), whole.toBinary(desc, expected as never), 'and writes it as the other does');
    }
    assert.ok(refused > 300 && refused < 2_900, `${refused} refused`);
  });

  test('a key of a map may have any name', () => {
    const bytes = Uint8Array.from(Buffer.from('1a0f0a095f5f70726f746f5f5f12020102', 'hex'));
    const { deviceBodies } = slim.fromBinary(slim.find('Message'), bytes) as whole.Message;
    assert.deepEqual(Object.entries(deviceBodies), [['__proto__', new Uint8Array([1, 2])]]);
    assert.equal(Object.getPrototypeOf(deviceBodies), Object.prototype);
  });

  test('every control call of users has its request and response', () => {
    const users = Object.entries(whole.methods).filter(([, { who }]) => who === 'user');
    assert.deepEqual(Object.keys(slim.calls).sort(), users.map(([name]) => name).sort());
    for (const [name, { request, response }] of users) {
      const found = slim.callSchemas(name);
      assert.deepEqual([found.request.typeName, found.response.typeName], [request.typeName, response.typeName]);
    }
    assert.throws(() => slim.callSchemas('toString'), { code: whole.Code.UNKNOWN_METHOD });
  });
});
