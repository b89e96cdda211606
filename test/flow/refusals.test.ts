import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, errors, Flag, isRetry, limits, publishTopics } from 'godwit-schemas';
import type { Append } from '../../broker/ports/conversation-log.js';
import { tokenFor } from '../support/address.js';
import { bodyOf, encodeMessage, newId } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';
import { Wire } from '../support/wire.js';

const bytesOf = ({ buffer, start, end }: Append): Buffer => Buffer.from(buffer.subarray(start, end));

describe('a publish is refused with', () => {
  test('MALFORMED, when it is no Message', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Device.connect(t, server, 'alice:phone');
    const good = encodeMessage('hello');
    const bad = new Map<string, Buffer>([
      ['nothing', Buffer.alloc(0)],
      ['text', Buffer.from('hello')],
      ['cut short', good.subarray(0, good.length - 1)],
      ['without an id', good.subarray(18)],
      ['with an id of 15 bytes', Buffer.concat([Buffer.from([0x0a, 15]), Buffer.alloc(15), good.subarray(18)])],
      ['with a field of the server', Buffer.concat([good, Buffer.from([0x52, 3]), Buffer.from('eve')])],
      ['with a field that is none', Buffer.concat([good, Buffer.from([0xa2, 0x06, 0])])],
      ['with a wrong wire type', Buffer.concat([good, Buffer.from([0x20 | 2, 1, 0])])],
      ['with an endless number', Buffer.concat([good, Buffer.from([0x20]), Buffer.alloc(11, 0xff)])],
      ['with bad UTF-8 in a device', Buffer.concat([good, Buffer.from([0x1a, 6, 0x0a, 2, 0xff, 0xfe, 0x12, 0])])],
    ]);
    for (const [what, payload] of bad) {
      const before = alice.received.all.length;
      await alice.client.publishAsync(publishTopics.to('bob'), payload, { qos: 1 });
      assert.equal((await alice.next('result', what, () => true, before)).value.code, Code.MALFORMED, what);
    }
    await alice.send('bob', 'good');
    await bob.message('good');
    assert.deepEqual(bob.bodies, ['good']);
  });

  test('TOO_LARGE, beyond messageBytes, with its id', async (t) => {
    const server = await startGodwit(t);
    await Device.connect(t, server, 'bob:phone');
    const alice = await Device.connect(t, server, 'alice:phone');
    const most = limits.messageBytes.value;
    const exact = encodeMessage('x'.repeat(most - 22));
    assert.equal(exact.length, most);
    assert.equal((await alice.publish(publishTopics.to('bob'), exact, exact.subarray(2, 18))).code, Code.OK);
    const result = await alice.publish(publishTopics.to('bob'), encodeMessage('x'.repeat(most - 21)));
    assert.equal(result.code, Code.TOO_LARGE);
  });

  test('UNKNOWN_USER, until the user exists, on the same connection', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    assert.equal((await alice.send('bob', 'hello')).code, Code.UNKNOWN_USER);
    const bob = await Device.connect(t, server, 'bob:phone');
    assert.equal((await alice.send('bob', 'hello')).code, Code.OK);
    await bob.message('hello');
  });

  test('EPOCH_CONFLICT, when a commit was made in another epoch; the right one raises it', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Device.connect(t, server, 'alice:phone');
    assert.equal((await alice.send('bob', 'commit 1', { flags: Flag.commit, epoch: 1n })).code, Code.EPOCH_CONFLICT);
    assert.equal((await alice.send('bob', 'commit 0', { flags: Flag.commit, epoch: 0n })).code, Code.OK);
    const two = await Promise.all([alice.send('bob', 'commit 1 of alice', { flags: Flag.commit, epoch: 1n }), bob.send('alice', 'commit 1 of bob', { flags: Flag.commit, epoch: 1n })]);
    assert.deepEqual(two.map((it) => it.code).sort(), [Code.OK, Code.EPOCH_CONFLICT]);
  });

  test('NOT_ALLOWED, where mayReach objects; what is remembered of the way is forgotten with forgetRoutes', async (t) => {
    const blocked = new Set(['alice']);
    let forget!: () => void;
    const plugin = {
      name: 'blocks',
      start: ({ forgetRoutes }: { forgetRoutes(): void }) => void (forget = forgetRoutes),
      mayReach: (from: string, to: string) => (to === 'bob' && blocked.has(from) ? { code: Code.NOT_ALLOWED, text: 'bob does not want to hear from you' } : undefined),
    };
    const server = await startGodwit(t, { plugins: [plugin] });
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Device.connect(t, server, 'alice:phone');
    assert.equal((await alice.send('bob', 'one')).code, Code.NOT_ALLOWED);
    blocked.clear();
    assert.equal((await alice.send('bob', 'two')).code, Code.OK);
    blocked.add('alice');
    forget();
    assert.equal((await alice.send('bob', 'three')).code, Code.NOT_ALLOWED);
    await bob.settled();
    assert.deepEqual(bob.bodies, ['two']);
  });

  test('INTERNAL, when a hook fails, which is logged', async (t) => {
    const plugin = { name: 'broken', beforeAppend: () => { throw new Error('a fault of the hook'); } };
    const server = await startGodwit(t, { plugins: [plugin], errorsExpected: true });
    const alice = await Device.connect(t, server, 'alice:phone');
    const result = await alice.send('alice', 'note');
    assert.equal(result.code, Code.INTERNAL);
    assert.ok(!result.text.includes('a fault of the hook'));
    await server.logged.wait('the fault', (line) => line.msg === 'plugin failed' && line.plugin === 'broken');
  });

  test('every code of the table that a hook gives, with its text, detail, and the time to wait where there is one', async (t) => {
    const codes: Code[] = [...errors.keys()].filter((code) => code !== Code.OK);
    for (const code of [Code.LIMIT_REACHED, Code.DEVICES_CHANGED, Code.UNAVAILABLE, Code.CONFLICT]) assert.ok(codes.includes(code));
    const plugin = {
      name: 'refuses',
      beforeAppend: (append: Append) => {
        const code = Number(/code (\d+)/.exec(bytesOf(append).toString('latin1'))?.[1]) as Code;
        return { code, text: `refused with ${code}`, detail: Buffer.from('detail'), retryAfterMs: 1_234 };
      },
    };
    const server = await startGodwit(t, { plugins: [plugin] });
    const alice = await Device.connect(t, server, 'alice:phone');
    for (const code of codes) {
      // Another conversation each: behind a code that is worth a retry, this one would be held up.
      await server.godwit.storage.directory.addUser(`user${code}`, 0);
      const result = await alice.send(`user${code}`, `code ${code}`);
      assert.deepEqual([result.code, result.text, Buffer.from(result.detail).toString()], [code, `refused with ${code}`, 'detail']);
      assert.equal(result.retryAfterMs, isRetry(code) ? 1_234 : 0);
    }
  });
});

describe('a refusal that is worth a retry', () => {
  test('by a hook holds up what comes behind it, until that comes again', async (t) => {
    let away = true;
    const plugin = { name: 'away', beforeAppend: (append: Append) => (away && bytesOf(append).includes('first') ? { code: Code.UNAVAILABLE, text: 'away' } : undefined) };
    const server = await startGodwit(t, { plugins: [plugin] });
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Device.connect(t, server, 'alice:phone');
    const id = newId();
    assert.equal((await alice.send('bob', 'first', { id })).code, Code.UNAVAILABLE);
    assert.equal((await alice.send('bob', 'second')).code, Code.UNAVAILABLE);
    assert.equal((await alice.send('alice', 'elsewhere')).code, Code.OK);
    away = false;
    assert.equal((await alice.send('bob', 'first', { id })).code, Code.OK);
    assert.equal((await alice.send('bob', 'second')).code, Code.OK);
    await bob.messages(2);
    assert.deepEqual(bob.bodies, ['first', 'second']);
  });

  test('RATE_LIMITED: messagesPerMinute of a user, over all devices, with the time to wait', async (t) => {
    const server = await startGodwit(t, { env: { GODWIT_MESSAGES_PER_MINUTE: '6' } });
    assert.equal(limits.messagesPerMinute.value, 100);
    const bob = await Device.connect(t, server, 'bob:phone');
    const phone = await Device.connect(t, server, 'alice:phone');
    const laptop = await Device.connect(t, server, 'alice:laptop');
    for (let i = 0; i < 3; i++) {
      assert.equal((await phone.send('bob', `phone ${i}`)).code, Code.OK);
      assert.equal((await laptop.send('bob', `laptop ${i}`)).code, Code.OK);
    }
    const refused = await phone.send('bob', 'too much');
    assert.equal(refused.code, Code.RATE_LIMITED);
    assert.ok(refused.retryAfterMs > 5_000 && refused.retryAfterMs <= 10_000, `${refused.retryAfterMs} ms`);
    assert.equal((await bob.send('alice', 'bob is another user')).code, Code.OK);
    server.clock.advance(refused.retryAfterMs);
    assert.equal((await laptop.send('bob', 'now')).code, Code.OK);
  });

  test("refuses the connection's later publishes to that conversation alike, until the refused id comes again", async (t) => {
    const server = await startGodwit(t, { env: { GODWIT_MESSAGES_PER_MINUTE: '2' } });
    const bob = await Device.connect(t, server, 'bob:phone');
    await Device.connect(t, server, 'carol:phone');
    const alice = await Device.connect(t, server, 'alice:phone');
    const [third, fourth] = [newId(), newId()];
    await alice.send('bob', '1');
    await alice.send('bob', '2');
    assert.equal((await alice.send('bob', '3', { id: third })).code, Code.RATE_LIMITED);
    server.clock.advance(120_000);
    // There is room now, but the fourth must not stand before the third.
    assert.equal((await alice.send('bob', '4', { id: fourth })).code, Code.RATE_LIMITED);
    assert.equal((await alice.send('carol', 'another conversation')).code, Code.OK);
    assert.equal((await alice.send('bob', '3', { id: third })).code, Code.OK);
    server.clock.advance(120_000);
    assert.equal((await alice.send('bob', '4', { id: fourth })).code, Code.OK);
    assert.deepEqual((await bob.messages(4)).map(bodyOf), ['1', '2', '3', '4']);
  });

  test('to a raw publish stops nothing behind it: there is no id that could come again', async (t) => {
    const server = await startGodwit(t, { env: { GODWIT_MESSAGES_PER_MINUTE: '1' } });
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:sensor');
    await alice.subscribe('u/alice/result');
    const raw = publishTopics.toRaw('bob');
    alice.publish(raw, 'one', { messageId: 1 });
    alice.publish(raw, 'two', { messageId: 2 });
    assert.deepEqual((await alice.many('result', 2)).map((it) => it.value.code), [Code.OK, Code.RATE_LIMITED]);
    server.clock.advance(60_000);
    // The resend of what was refused is asked anew; what was appended is not appended again.
    alice.publish(raw, 'one', { messageId: 1, dup: true });
    alice.publish(raw, 'two', { messageId: 2, dup: true });
    assert.deepEqual((await alice.many('result', 4)).map((it) => it.value.code).slice(2), [Code.OK, Code.OK]);
    server.clock.advance(60_000);
    alice.publish(raw, 'three', { messageId: 3 });
    assert.deepEqual((await bob.messages(3)).map(bodyOf), ['one', 'two', 'three']);
  });

  test('STORAGE_FULL: below minFreeBytes, and taken again when there is room', async (t) => {
    let free = 10_000;
    const server = await startGodwit(t, { wrapStorage: (storage) => ({ ...storage, freeBytes: () => free }), env: { GODWIT_MIN_FREE_BYTES: '5000' }, errorsExpected: true });
    assert.equal(limits.minFreeBytes.value, 268_435_456);
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Device.connect(t, server, 'alice:phone');
    await alice.send('bob', 'one');
    free = 4_999;
    await server.logged.wait('the disk is nearly full', (line) => /nearly full/.test(line.msg));
    const id = newId();
    const refused = await alice.send('bob', 'two', { id });
    assert.equal(refused.code, Code.STORAGE_FULL);
    assert.ok(refused.retryAfterMs > 0);
    // Reading, acknowledging and connecting go on.
    await bob.message('one');
    await bob.leave();
    free = 5_000;
    await server.logged.wait('there is room', (line) => /room again/.test(line.msg));
    assert.equal((await alice.send('bob', 'two', { id })).code, Code.OK);
    const back = await Device.connect(t, server, 'bob:phone');
    await back.message('two');
    assert.deepEqual(back.bodies, ['two']);
  });
});

describe('a connection that the server ends is told why', () => {
  test('UNAUTHENTICATED: its token has expired', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone', { password: tokenFor(server, 'alice', { days: 1 / 24 }) });
    const bob = await Device.connect(t, server, 'bob:phone');
    server.clock.advance(3_601_000);
    await alice.closed;
    assert.deepEqual(alice.got('result').map((it) => it.value.code), [Code.UNAUTHENTICATED]);
    await bob.settled();
  });

  test('SHUTTING_DOWN: the server stops', async (t) => {
    const server = await startGodwit(t);
    const devices = [await Device.connect(t, server, 'alice:phone'), await Device.connect(t, server, 'alice:laptop', { clean: true })];
    await server.stop();
    for (const device of devices) {
      await device.closed;
      assert.deepEqual(device.got('result').map((it) => it.value.code), [Code.SHUTTING_DOWN]);
    }
  });

  test('MALFORMED and TOO_LARGE: it broke the protocol', async (t) => {
    const server = await startGodwit(t);
    for (const [bytes, code] of [[Buffer.from('30060004746f2f23', 'hex'), Code.MALFORMED], [Buffer.from([0x30, 0x81, 0x88, 0x04]), Code.TOO_LARGE]] as const) {
      const alice = await Wire.connect(t, server, 'alice:phone');
      await alice.subscribe('u/alice/#');
      alice.write(bytes);
      await alice.closed();
      assert.deepEqual(alice.got('result').map((it) => it.value.code), [code]);
    }
  });
});
