import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { AuthRenewResponseSchema, create, fromBinary, HistoryListResponseSchema, MessageSchema, methods, ResultSchema, SealedSchema, toBinary, toJson, type Method } from 'godwit-schemas';
import { writeProtoJson } from '../../broker/listeners/json-writer.js';
import { Random } from '../schemas/random.js';
import { concat, mutate, randomMessage, strangeEncoding } from '../schemas/random-message.js';

const texts = ['', 'd:alice:bob', 'a "quoted" \\ text\n', '\u0000\u001f\u007f', 'zoë 😀', '\ufeffmark', '\u2028', 'x'.repeat(300)];
const numbers = [0, 1, 9, 10, 127, 128, 65_535, 2 ** 31, 2 ** 32 - 1];
const large = [0n, 1n, 300n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n];

function randomScalar(random: Random, type: ScalarType): unknown {
  switch (type) {
    case ScalarType.STRING:
      return random.pick(texts);
    case ScalarType.BYTES:
      return random.bytes(random.pick([0, 1, 2, 3, 4, 16, 200]));
    case ScalarType.BOOL:
      return random.chance(0.5);
    case ScalarType.DOUBLE:
      return random.pick([0, -0.5, 1e30]);
    case ScalarType.UINT64:
      return random.pick(large);
    case ScalarType.UINT32:
      return random.pick(numbers);
    default:
      assert.fail(`no values of the type ${ScalarType[type]} yet`);
  }
}

function randomValue(random: Random, field: DescField, depth: number): unknown {
  const one = (): unknown => {
    if (field.message) return randomOf(random, field.message, depth + 1);
    if (field.enum) return random.chance(0.1) ? 4711 : random.pick(field.enum.values).number;
    return randomScalar(random, field.scalar!);
  };
  if (field.fieldKind === 'map') return Object.fromEntries(random.chance(0.7) ? [] : [['a:phone', one()], ['b', one()]]);
  return field.fieldKind === 'list' ? Array.from({ length: random.below(4) }, one) : one();
}

function randomOf(random: Random, schema: DescMessage, depth = 0): Record<string, unknown> {
  const init: Record<string, unknown> = {};
  for (const field of schema.fields) {
    if (random.chance(depth < 4 ? 0.4 : 0.9)) continue;
    if (field.oneof) init[field.oneof.localName] = { case: field.localName, value: randomValue(random, field, depth) };
    else init[field.localName] = randomValue(random, field, depth);
  }
  return init;
}

const expected = (schema: DescMessage, bytes: Uint8Array): string => JSON.stringify(toJson(schema, fromBinary(schema, bytes)));

/** As it is, and, where the runtime reads it, in a part of a larger buffer. */
function check(schema: DescMessage, bytes: Uint8Array, what: string): void {
  const inside = concat([[1, 2, 3], bytes, [0xff, 0xff]]).subarray(3, 3 + bytes.length);
  assert.equal(writeProtoJson(schema, inside).toString(), expected(schema, bytes), `${schema.typeName} ${what}`);
}

describe('ProtoJSON written from bytes is what the runtime gives', () => {
  const schemas = [...Object.values<Method>(methods).map(({ response }) => response), MessageSchema, ResultSchema, SealedSchema];
  test('for whatever an answer may hold', () => {
    const random = new Random(1);
    for (const schema of new Set<DescMessage>(schemas)) {
      for (let i = 0; i < 40; i++) {
        const bytes = toBinary(schema, create(schema, randomOf(random, schema)));
        check(schema, bytes, `${i}`);
        // Twice the same message behind one another is one, of both.
        check(schema, concat([bytes, toBinary(schema, create(schema, randomOf(random, schema)))]), `${i}, in two parts`);
      }
    }
  });

  test('for messages as strange encoders write them, and for damaged ones that can be read', () => {
    const random = new Random(2);
    let read = 0;
    for (let i = 0; i < 2_000; i++) {
      const strange = strangeEncoding(random, randomMessage(random));
      check(MessageSchema, strange, `strange ${i}`);
      const damaged = mutate(random, strange);
      try {
        expected(MessageSchema, damaged);
      } catch {
        continue;
      }
      read++;
      check(MessageSchema, damaged, `damaged ${i}`);
    }
    assert.ok(read > 100, `${read} damaged messages could be read`);
  });

  test('for a page and for nothing at all', () => {
    const messages = Array.from({ length: 200 }, (_, i) => create(MessageSchema, { id: Buffer.alloc(16, i), body: Buffer.alloc(i, 'b'), from: 'alice', seq: BigInt(i + 1), sentAtMs: 1_700_000_000_000n }));
    check(HistoryListResponseSchema, toBinary(HistoryListResponseSchema, create(HistoryListResponseSchema, { messages, more: true })), 'page');
    check(AuthRenewResponseSchema, new Uint8Array(0), 'empty');
  });

  test('and what is no such message is refused', () => {
    assert.throws(() => writeProtoJson(MessageSchema, Uint8Array.from([0x0a, 5, 1])));
    assert.throws(() => writeProtoJson(MessageSchema, Uint8Array.from([0x52, 1, 0xff])), 'bad UTF-8');
  });
});
