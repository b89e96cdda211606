import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, codeName, errors, GodwitError, isMethod, isRetry, limits, methods, publishTopics, parsePublishTopic } from 'godwit-schemas';

/** The table of codes as the protocol's document has it. */
const documented: [keyof typeof Code, number, boolean, number | undefined][] = [
  ['OK', 0, false, 200],
  ['MALFORMED', 1, false, 400],
  ['TOO_LARGE', 2, false, 413],
  ['UNAUTHENTICATED', 3, false, 401],
  ['NOT_ALLOWED', 4, false, 403],
  ['UNKNOWN_USER', 5, false, 404],
  ['UNKNOWN_CONVERSATION', 6, false, 404],
  ['UNKNOWN_METHOD', 7, false, 404],
  ['CONFLICT', 8, false, 409],
  ['EPOCH_CONFLICT', 9, false, 409],
  ['DEVICES_CHANGED', 10, false, 409],
  ['LIMIT_REACHED', 11, false, 409],
  ['RATE_LIMITED', 12, true, 429],
  ['STORAGE_FULL', 13, true, 507],
  ['UNAVAILABLE', 14, true, 503],
  ['INTERNAL', 15, true, 500],
  ['TAKEN_OVER', 16, false, undefined],
  ['REVOKED', 17, false, undefined],
  ['SHUTTING_DOWN', 18, true, undefined],
];

describe('errors', () => {
  test('every code of the enum is in the table, and nothing else', () => {
    const codes = Object.values(Code).filter((code) => typeof code === 'number');
    assert.deepEqual([...errors.keys()].sort((a, b) => a - b), codes.sort((a, b) => a - b));
    assert.equal(documented.length, codes.length);
  });

  for (const [name, number, retry, http] of documented) {
    test(`${name} is as documented`, () => {
      assert.equal(Code[name], number);
      const row = errors.get(Code[name]);
      assert.ok(row);
      assert.deepEqual({ code: row.code, name: row.name, retry: row.retry, http: row.http }, { code: number, name, retry, http });
      assert.ok(row.meaning.length > 5);
      assert.equal(isRetry(Code[name]), retry);
      assert.equal(codeName(Code[name]), name);
    });
  }

  test('a code of a later version has a name and is not retried', () => {
    assert.equal(codeName(99 as Code), 'CODE_99');
    assert.equal(isRetry(99 as Code), false);
  });

  test('GodwitError carries its code', () => {
    const error = new GodwitError(Code.RATE_LIMITED, 'slow down', 1500);
    assert.ok(error instanceof Error);
    assert.deepEqual([error.name, error.code, error.message, error.retryAfterMs], ['GodwitError', Code.RATE_LIMITED, 'slow down', 1500]);
    assert.equal(new GodwitError(Code.CONFLICT).message, errors.get(Code.CONFLICT)?.meaning);
  });
});

describe('limits', () => {
  test('have a value, a unit that their name agrees with, and say what happens', () => {
    for (const [name, limit] of Object.entries(limits)) {
      assert.ok(Number.isSafeInteger(limit.value) && limit.value > 0, name);
      assert.ok(limit.what.length > 20, name);
      const unit = /Bytes$/.test(name) ? 'bytes' : /Ms$/.test(name) ? 'ms' : /PerMinute$/.test(name) ? 'per minute' : /PerSecond$/.test(name) ? 'per second' : /Days$/.test(name) ? 'days' : 'count';
      assert.equal(limit.unit, unit, name);
    }
  });

  test('say what happens in words of their own, and no variable twice', () => {
    const rows = Object.values(limits);
    assert.equal(new Set(rows.map((row) => row.what)).size, rows.length);
    const variables = rows.flatMap((row) => row.variable ?? []);
    assert.equal(new Set(variables).size, variables.length);
    for (const variable of variables) assert.match(variable, /^GODWIT_[A-Z_]+$/);
  });

  test('fit one another', () => {
    const value = (name: keyof typeof limits): number => limits[name].value;
    // A publish of the largest message: fixed header, the longest topic with its length, packet id.
    assert.ok(value('packetBytes') >= value('messageBytes') + 5 + 2 + publishTopics.groupRaw('g'.repeat(64)).length + 2);
    assert.ok(value('windowBytes') > value('packetBytes'));
    assert.ok(value('outgoingBytes') > value('windowBytes') + value('packetBytes'));
    assert.ok(value('pendingBytes') > value('packetBytes'));
    // ProtoJSON writes bytes in base 64: four letters for three bytes.
    assert.ok(value('httpBodyBytes') > (value('messageBytes') * 4) / 3 + 1000);
    assert.ok(value('connectBytes') < value('packetBytes'));
  });
});

describe('methods', () => {
  test('have names that are topics, and messages named for them', () => {
    for (const [name, method] of Object.entries(methods)) {
      assert.deepEqual(parsePublishTopic(publishTopics.rpc(name)), { kind: 'rpc', method: name });
      const pascal = name.split('.').map((part) => part[0].toUpperCase() + part.slice(1)).join('');
      assert.equal(method.request.typeName, `godwit.v1.${pascal}Request`);
      assert.equal(method.response.typeName, `godwit.v1.${pascal}Response`);
      assert.equal(method.who, name.startsWith('admin.') ? 'admin' : 'user');
      assert.ok(method.doc.length > 10);
      for (const limit of method.limits) assert.ok(Object.hasOwn(limits, limit), limit);
    }
  });

  test('isMethod is not fooled by what every object has', () => {
    assert.ok(isMethod('messages.send'));
    for (const name of ['constructor', '__proto__', 'toString', '', 'messages', 'messages.send ']) assert.ok(!isMethod(name), name);
  });
});
