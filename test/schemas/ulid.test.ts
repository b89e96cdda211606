import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createUlid, parseUlid, ulid, ulidToString } from 'godwit-schemas';
import { Random } from './random.js';

const timeOf = (id: Uint8Array): number => Buffer.from(id).readUIntBE(0, 6);

describe('ulid', () => {
  test('is the time and 80 random bits', () => {
    const id = ulid(1_795_355_770_380, (bytes) => bytes.fill(0xab));
    assert.equal(id.length, 16);
    assert.equal(timeOf(id), 1_795_355_770_380);
    assert.ok(id.subarray(6).every((byte) => byte === 0xab));
  });

  test('draws on real randomness by itself', () => {
    const seen = new Set(Array.from({ length: 1000 }, () => ulidToString(ulid(1))));
    assert.equal(seen.size, 1000);
  });

  test('refuses times that do not fit', () => {
    for (const time of [-1, 2 ** 48, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) assert.throws(() => ulid(time), RangeError);
    assert.equal(timeOf(ulid(2 ** 48 - 1)), 2 ** 48 - 1);
  });
});

describe('createUlid', () => {
  test('always rises: within a millisecond, over time, and when the clock goes back', () => {
    const random = new Random(41);
    let now = 1_795_355_770_380;
    const next = createUlid(() => now, (bytes) => bytes.set(random.bytes(bytes.length)));
    let last = next();
    for (let i = 0; i < 20_000; i++) {
      if (random.chance(0.3)) now += random.below(100) - 45;
      const id = next();
      if (Buffer.compare(id, last) <= 0) assert.fail(`id ${i} does not rise`);
      last = id;
    }
    assert.ok(timeOf(last) >= now);
  });

  test('goes into the next millisecond when the random part is used up', () => {
    const next = createUlid(() => 5, (bytes) => bytes.fill(0xff));
    const first = next();
    const second = next();
    assert.equal(timeOf(first), 5);
    assert.equal(timeOf(second), 6);
    assert.ok(second.subarray(6).every((byte) => byte === 0));
    assert.equal(next()[15], 1);
  });

  test('gives memory of its own each time', () => {
    const next = createUlid(() => 5);
    const first = next();
    const copy = first.slice();
    next();
    assert.deepEqual(first, copy);
  });
});

describe('the text of a ULID', () => {
  test('is that of the specification', () => {
    assert.equal(ulidToString(Buffer.from('00000000000000000000000000000000', 'hex')), '00000000000000000000000000');
    assert.equal(ulidToString(Buffer.from('ffffffffffffffffffffffffffffffff', 'hex')), '7ZZZZZZZZZZZZZZZZZZZZZZZZZ');
    // The specification's own example of a time: 1469918176385 is 01ARYZ6S41.
    assert.equal(ulidToString(ulid(1_469_918_176_385)).slice(0, 10), '01ARYZ6S41');
  });

  test('is read back, in either case, and sorts like the bytes', () => {
    const random = new Random(42);
    const ids = Array.from({ length: 2000 }, () => random.bytes(16));
    for (const id of ids) {
      const text = ulidToString(id);
      assert.deepEqual(parseUlid(text), id);
      assert.deepEqual(parseUlid(text.toLowerCase()), id);
    }
    const byBytes = [...ids].sort(Buffer.compare).map(ulidToString);
    assert.deepEqual(byBytes, ids.map(ulidToString).sort());
  });

  test('anything else is not one', () => {
    for (const text of ['', '0'.repeat(25), '0'.repeat(27), `8${'0'.repeat(25)}`, `${'0'.repeat(25)}U`, `${'0'.repeat(25)}I`, `${'0'.repeat(25)}é`, `${'0'.repeat(25)} `]) {
      assert.equal(parseUlid(text), undefined, text);
    }
    assert.throws(() => ulidToString(new Uint8Array(15)), RangeError);
  });
});
