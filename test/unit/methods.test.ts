import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, create, fromBinary, GodwitError, limits, MessagesSendRequestSchema, ReadSetRequestSchema, ReadSetResponseSchema, RequestSchema, ResponseSchema, toBinary, type RequestOf } from 'godwit-schemas';
import type { Logger } from 'pino';
import { RateLimiter } from '../../broker/limits/rate-limiter.js';
import { CallMemory } from '../../broker/methods/call-memory.js';
import { answerRpc } from '../../broker/methods/rpc.js';
import { MethodTable } from '../../broker/methods/table.js';
import { RefusedError, type Caller, type Plugin, type Refusal } from '../../broker/ports/plugin.js';
import { Clock } from './fake-context.js';

const alice: Caller = { user: 'alice', device: undefined, admin: false, expiresAtMs: 0, session: undefined, address: '192.0.2.1' };
const bob: Caller = { ...alice, user: 'bob' };
const root: Caller = { ...alice, user: 'root', admin: true };
const NO_ID = new Uint8Array(0);
const ID = Buffer.from('call-1');

type ReadSet = (caller: Caller, request: RequestOf<'read.set'>) => unknown;

function open(readSet: ReadSet, perMinute = 0, plugins: Plugin[] = []) {
  const clock = new Clock(1_000_000);
  const logged: Record<string, unknown>[] = [];
  const log = { error: (line: Record<string, unknown>) => logged.push(line) } as unknown as Logger;
  const calls = new RateLimiter({ perMinute, maxKeys: 100, now: clock.now });
  const plugin: Plugin = { name: 'fake', methods: { 'read.set': readSet, 'admin.users.add': () => ({ created: true }), 'messages.send': () => ({}) } };
  return { table: new MethodTable([plugin, ...plugins], { calls, log, now: clock.now }), clock, logged };
}

function readSet(seq: number, conversation = 'd:alice:bob'): Uint8Array {
  return toBinary(ReadSetRequestSchema, create(ReadSetRequestSchema, { conversation, seq: BigInt(seq) }));
}

function value(outcome: Uint8Array | Refusal): bigint {
  assert.ok(outcome instanceof Uint8Array, JSON.stringify(outcome));
  return fromBinary(ReadSetResponseSchema, outcome).seq;
}

function code(outcome: Uint8Array | Refusal): Code {
  assert.ok(!(outcome instanceof Uint8Array));
  return outcome.code;
}

describe('a control call', () => {
  test('reaches its handler with the decoded request, and brings back the encoded response', async () => {
    const { table } = open((caller, { seq, conversation }) => {
      assert.deepEqual([caller, conversation], [alice, 'd:alice:bob']);
      return { seq: seq + 1n };
    });
    assert.equal(value(await table.call(alice, 'read.set', NO_ID, readSet(4))), 5n);
  });

  test('of a name that no plugin answers, or that is none, is UNKNOWN_METHOD', async () => {
    const { table } = open(() => ({}));
    for (const name of ['auth.renew', 'no.such', 'constructor', '__proto__', 'toString', '']) assert.equal(code(await table.call(alice, name, NO_ID, NO_ID)), Code.UNKNOWN_METHOD, name);
  });

  test('for admins asks for the claim', async () => {
    const { table } = open(() => ({}));
    assert.equal(code(await table.call(alice, 'admin.users.add', NO_ID, NO_ID)), Code.NOT_ALLOWED);
    assert.ok((await table.call(root, 'admin.users.add', NO_ID, NO_ID)) instanceof Uint8Array);
  });

  test('with params that cannot be read is MALFORMED', async () => {
    const { table } = open(() => ({}));
    assert.equal(code(await table.call(alice, 'read.set', NO_ID, new Uint8Array([0xff]))), Code.MALFORMED);
  });

  test('is refused as the handler says; any other fault is INTERNAL, and logged without params', async () => {
    const { table, logged } = open((_caller, { seq }) => {
      if (seq === 1n) throw new RefusedError({ code: Code.RATE_LIMITED, text: 'later', retryAfterMs: 5 });
      if (seq === 2n) throw new GodwitError(Code.CONFLICT, 'changed');
      throw new Error('a fault');
    });
    assert.deepEqual(await table.call(alice, 'read.set', NO_ID, readSet(1)), { code: Code.RATE_LIMITED, text: 'later', retryAfterMs: 5 });
    assert.deepEqual(await table.call(alice, 'read.set', NO_ID, readSet(2)), { code: Code.CONFLICT, text: 'changed' });
    assert.equal(logged.length, 0);
    const outcome = await table.call(alice, 'read.set', NO_ID, readSet(3, 'd:hush:hush'));
    assert.equal(code(outcome), Code.INTERNAL);
    assert.ok(!JSON.stringify(outcome).includes('a fault'));
    assert.deepEqual([logged[0].method, (logged[0].err as Error).message], ['read.set', 'a fault']);
    assert.ok(!JSON.stringify(logged).includes('hush'));
  });

  test('is answered by the first plugin of the list that has it', async () => {
    const { table } = open(() => ({ seq: 1n }), 0, [{ name: 'later', methods: { 'read.set': () => ({ seq: 2n }) } }]);
    assert.equal(value(await table.call(alice, 'read.set', NO_ID, readSet(1))), 1n);
  });

  test('callsPerMinute: more are refused with the time to wait, others are not touched', async () => {
    const { table, clock } = open(() => ({ seq: 1n }), 60);
    for (let i = 0; i < 60; i++) value(await table.call(alice, 'read.set', NO_ID, readSet(1)));
    const refused = await table.call(alice, 'read.set', NO_ID, readSet(1));
    assert.equal(code(refused), Code.RATE_LIMITED);
    value(await table.call(bob, 'read.set', NO_ID, readSet(1)));
    clock.nowMs += (refused as Refusal).retryAfterMs!;
    value(await table.call(alice, 'read.set', NO_ID, readSet(1)));
  });
});

describe('a call id', () => {
  test('repeated gets the first answer, and nothing is done twice', async () => {
    let done = 0;
    const { table } = open(() => ({ seq: BigInt(++done) }));
    for (let i = 0; i < 3; i++) assert.equal(value(await table.call(alice, 'read.set', ID, readSet(7))), 1n);
    assert.equal(value(await table.call(bob, 'read.set', ID, readSet(7))), 2n, 'of another user is another call');
    assert.equal(value(await table.call(alice, 'read.set', Buffer.from('call-2'), readSet(7))), 3n);
    assert.equal(value(await table.call(alice, 'read.set', NO_ID, readSet(7))), 4n);
    assert.equal(value(await table.call(alice, 'read.set', NO_ID, readSet(7))), 5n, 'without one nothing is remembered');
  });

  test('repeated while the first is under way waits for it', async () => {
    let finish: (answer: object) => void = () => undefined;
    let done = 0;
    const { table } = open(() => {
      done++;
      return new Promise((resolve) => (finish = resolve));
    });
    const first = table.call(alice, 'read.set', ID, readSet(7));
    const second = table.call(alice, 'read.set', ID, readSet(7));
    await new Promise(setImmediate);
    finish({ seq: 9n });
    assert.deepEqual([value(await first), value(await second), done], [9n, 9n, 1]);
  });

  test('used for something else is a CONFLICT', async () => {
    const { table } = open(() => ({ seq: 1n }));
    value(await table.call(alice, 'read.set', ID, readSet(7)));
    assert.equal(code(await table.call(alice, 'read.set', ID, readSet(8))), Code.CONFLICT);
    assert.equal(code(await table.call(alice, 'messages.send', ID, toBinary(MessagesSendRequestSchema, create(MessagesSendRequestSchema)))), Code.CONFLICT);
  });

  test('of a lasting refusal is remembered, of one that is worth a retry is not', async () => {
    let refusal: Refusal = { code: Code.UNAVAILABLE, text: 'not now' };
    let done = 0;
    const { table } = open(() => {
      done++;
      throw new RefusedError(refusal);
    });
    assert.equal(code(await table.call(alice, 'read.set', ID, readSet(1))), Code.UNAVAILABLE);
    refusal = { code: Code.NOT_ALLOWED, text: 'no' };
    assert.equal(code(await table.call(alice, 'read.set', ID, readSet(1))), Code.NOT_ALLOWED);
    assert.equal(code(await table.call(alice, 'read.set', ID, readSet(1))), Code.NOT_ALLOWED);
    assert.equal(done, 2);
  });

  test('callMemoryMs: after that it is a new call', async () => {
    let done = 0;
    const { table, clock } = open(() => ({ seq: BigInt(++done) }));
    value(await table.call(alice, 'read.set', ID, readSet(7)));
    clock.nowMs += limits.callMemoryMs.value - 1;
    assert.equal(value(await table.call(alice, 'read.set', ID, readSet(7))), 1n);
    clock.nowMs += 1;
    assert.equal(value(await table.call(alice, 'read.set', ID, readSet(7))), 2n);
  });

  test('callIdBytes: a longer one is TOO_LARGE', async () => {
    const { table } = open(() => ({ seq: 1n }));
    value(await table.call(alice, 'read.set', new Uint8Array(limits.callIdBytes.value), readSet(7)));
    assert.equal(code(await table.call(alice, 'read.set', new Uint8Array(limits.callIdBytes.value + 1), readSet(7))), Code.TOO_LARGE);
  });

  test('callMemory: the oldest of more than 10,000 answers is forgotten', async () => {
    let done = 0;
    const { table } = open(() => ({ seq: BigInt(++done) }));
    const id = (i: number): Buffer => Buffer.from(String(i));
    for (let i = 0; i <= limits.callMemory.value; i++) await table.call(alice, 'read.set', id(i), readSet(1));
    done = 0;
    await table.call(alice, 'read.set', id(limits.callMemory.value), readSet(1));
    await table.call(alice, 'read.set', id(1), readSet(1));
    assert.equal(done, 0, 'the others are kept');
    await table.call(alice, 'read.set', id(0), readSet(1));
    assert.equal(done, 1);
  });
});

describe('the memory of calls', () => {
  const keep = (): boolean => true;
  const answer = (bytes: number) => async (): Promise<Uint8Array> => new Uint8Array(bytes);

  test('callMemoryBytes: the oldest answers make room', async () => {
    assert.ok(limits.callMemoryBytes.value >= limits.callMemory.value * 100);
    const memory = new CallMemory({ ms: 1_000, count: 100, bytes: 100 }, () => 0);
    let again = 0;
    const count = async (): Promise<Uint8Array> => new Uint8Array(++again);
    for (const key of ['a', 'b', 'c']) await memory.once(key, 'f', answer(40), keep);
    await memory.once('b', 'f', count, keep);
    await memory.once('c', 'f', count, keep);
    assert.equal(again, 0);
    await memory.once('a', 'f', count, keep);
    assert.equal(again, 1);
  });

  test('a call under way is never forgotten, and does not keep older ones alive', async () => {
    let now = 0;
    const memory = new CallMemory({ ms: 10, count: 1, bytes: 1_000 }, () => now);
    let finish: (bytes: Uint8Array) => void = () => undefined;
    const slow = memory.once('slow', 'f', () => new Promise((resolve) => (finish = resolve)), keep);
    for (const key of ['a', 'b']) await memory.once(key, 'f', answer(1), keep);
    now = 1_000;
    const repeat = memory.once('slow', 'f', answer(2), keep);
    finish(new Uint8Array(3));
    assert.deepEqual([(await slow) as Uint8Array, (await repeat) as Uint8Array], [new Uint8Array(3), new Uint8Array(3)]);
    assert.equal(((await memory.once('a', 'f', answer(7), keep)) as Uint8Array).length, 7, 'its time was over');
  });
});

describe('rpc/<method>', () => {
  const ask = (callId: Uint8Array, params: Uint8Array): Uint8Array => toBinary(RequestSchema, create(RequestSchema, { callId, params }));

  test('a Request is answered with a Response of the same call id', async () => {
    const { table } = open((_caller, { seq }) => ({ seq }));
    const response = fromBinary(ResponseSchema, await answerRpc(table, alice, 'read.set', ask(ID, readSet(3))));
    assert.deepEqual([Buffer.from(response.callId), fromBinary(ReadSetResponseSchema, response.value).seq, response.error], [ID, 3n, undefined]);
  });

  test('a refusal is its error', async () => {
    const { table } = open(() => ({}));
    const response = fromBinary(ResponseSchema, await answerRpc(table, alice, 'no.such', ask(ID, NO_ID)));
    assert.deepEqual([Buffer.from(response.callId), response.error?.code], [ID, Code.UNKNOWN_METHOD]);
  });

  test('a payload that is no Request is MALFORMED', async () => {
    const { table } = open(() => ({}));
    assert.equal(fromBinary(ResponseSchema, await answerRpc(table, alice, 'read.set', new Uint8Array([0xff]))).error?.code, Code.MALFORMED);
  });
});
