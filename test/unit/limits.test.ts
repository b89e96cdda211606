import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addressKey } from '../../broker/limits/address-key.js';
import { RateLimiter } from '../../broker/limits/rate-limiter.js';
import { Clock } from './fake-context.js';

function limiter(options: { perMinute: number; burst?: number; maxKeys?: number }, clock = new Clock(1e12)): { clock: Clock; limiter: RateLimiter } {
  return { clock, limiter: new RateLimiter({ maxKeys: 100, ...options, now: clock.now }) };
}

function takeAll(limiter: RateLimiter, key: string): number {
  let taken = 0;
  while (limiter.take(key) === 0) taken++;
  return taken;
}

describe('RateLimiter', () => {
  test('gives a minute\'s worth at once, then says when one is free, and gives exactly one then', () => {
    const { clock, limiter: messages } = limiter({ perMinute: 100 });
    assert.equal(takeAll(messages, 'alice'), 100);
    assert.equal(messages.take('alice'), 600);
    clock.nowMs += 599;
    assert.equal(messages.take('alice'), 1);
    clock.nowMs += 1;
    assert.equal(takeAll(messages, 'alice'), 1);
    clock.nowMs += 60_000;
    assert.equal(takeAll(messages, 'alice'), 100, 'full again after a minute, and not fuller');
  });

  test('gives no more than the rate over a long time, whatever the fractions', () => {
    const { clock, limiter: calls } = limiter({ perMinute: 7, burst: 2 });
    let taken = 0;
    for (let second = 0; second < 3600; second++, clock.nowMs += 1000) taken += takeAll(calls, 'alice');
    assert.ok(taken >= 7 * 60 && taken <= 7 * 60 + 2, `${taken}`);
  });

  test('has a burst of its own where one is given', () => {
    const { clock, limiter: typing } = limiter({ perMinute: 300, burst: 5 });
    assert.equal(takeAll(typing, 'c1'), 5);
    clock.nowMs += 200;
    assert.equal(takeAll(typing, 'c1'), 1);
  });

  test('peek answers as take would, and takes nothing', () => {
    const { limiter: logins } = limiter({ perMinute: 2 });
    assert.deepEqual([logins.peek('a'), logins.peek('a'), logins.peek('a')], [0, 0, 0]);
    assert.equal(logins.size, 0);
    assert.equal(takeAll(logins, 'a'), 2);
    assert.equal(logins.peek('a'), 30_000);
  });

  test('keeps keys apart, also those with the names of an object\'s properties', () => {
    const { limiter: messages } = limiter({ perMinute: 3 });
    for (const key of ['constructor', '__proto__', 'toString', '', 'alice']) assert.equal(takeAll(messages, key), 3, key);
  });

  test('0 is no limit, and remembers nobody', () => {
    const { limiter: messages } = limiter({ perMinute: 0 });
    for (let i = 0; i < 1000; i++) assert.equal(messages.take(`u${i % 10}`), 0);
    assert.deepEqual([messages.size, messages.peek('u1')], [0, 0]);
  });

  test('never forgets who is in debt, however many others come', () => {
    const { limiter: connects } = limiter({ perMinute: 2, maxKeys: 50 });
    assert.equal(takeAll(connects, 'attacker'), 2);
    for (let i = 0; i < 10_000; i++) connects.take(`other${i}`);
    assert.ok(connects.size <= 50);
    assert.ok(connects.take('attacker') > 0);
  });

  test('those who find no room share one bucket, and are not refused before it is empty', () => {
    const { limiter: connects } = limiter({ perMinute: 2, maxKeys: 3 });
    for (const key of ['a', 'b', 'c']) connects.take(key);
    assert.deepEqual([connects.take('d'), connects.take('e')], [0, 0]);
    assert.ok(connects.take('f') > 0 && connects.peek('d') > 0);
    assert.equal(connects.take('a'), 0, 'who has a bucket keeps it');
  });

  test('makes room by forgetting those whose bucket is full again', () => {
    const { clock, limiter: connects } = limiter({ perMinute: 2, maxKeys: 50 });
    takeAll(connects, 'busy');
    for (let i = 0; i < 100; i++) connects.take(`old${i}`);
    clock.nowMs += 45_000; // one of the two of `busy` is back, all of `old` are
    for (let i = 0; i < 49; i++) assert.equal(takeAll(connects, `new${i}`), 2, `${i}`);
    assert.equal(takeAll(connects, 'busy'), 1);
  });

  test('becomes small again without being full', () => {
    const { clock, limiter: connects } = limiter({ perMinute: 600, maxKeys: 100_000 });
    for (let i = 0; i < 10_000; i++) connects.take(`a${i}`);
    clock.nowMs += 60_000;
    for (let i = 0; i < 12_000; i++, clock.nowMs += 1000) connects.take(`b${i}`);
    assert.ok(connects.size < 10, `${connects.size}`);
  });

  test('a clock that is set back costs a minute at most', () => {
    const { clock, limiter: messages } = limiter({ perMinute: 100 });
    assert.equal(takeAll(messages, 'alice'), 100);
    clock.nowMs -= 3_600_000;
    assert.equal(messages.take('alice'), 600);
    clock.nowMs += 60_000;
    assert.equal(takeAll(messages, 'alice'), 100);
  });
});

describe('addressKey', () => {
  test('is an IPv4 address, however it is written', () => {
    for (const address of ['192.0.2.7', '::ffff:192.0.2.7', '::FFFF:192.0.2.7', '::ffff:c000:207', '0:0:0:0:0:ffff:c000:0207']) {
      assert.equal(addressKey(address), '192.0.2.7', address);
    }
  });

  test('is the network of an IPv6 address, however it is written', () => {
    for (const address of ['2001:db8:0:7::1', '2001:0db8::7:1:2:3:4', '2001:DB8:0:7:ffff:ffff:ffff:ffff', '2001:db8:0:7::192.0.2.1']) {
      assert.equal(addressKey(address), '2001:db8:0:7::/64', address);
    }
    assert.equal(addressKey('fe80::1%eth0'), 'fe80:0:0:0::/64');
    assert.equal(addressKey('::1'), '0:0:0:0::/64');
    assert.notEqual(addressKey('2001:db8:0:8::1'), addressKey('2001:db8:0:7::1'));
  });

  test('leaves alone what is no address', () => {
    assert.equal(addressKey('unix'), 'unix');
    assert.equal(addressKey(''), '');
  });
});
