import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inTurn, Slices } from '../../broker/ports/slices.js';

const round = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('in each round of the event loop one of those that wait has its turn, in order', async () => {
  const ran: string[] = [];
  for (const name of ['a', 'b', 'c']) inTurn(() => ran.push(name));
  for (const expected of ['a', 'ab', 'abc', 'abc']) {
    await round();
    assert.equal(ran.join(''), expected);
  }
});

test('work is cut when its slice is over, and who comes while others wait begins behind them', async () => {
  let nowMs = 0;
  const order: string[] = [];
  const long = async (name: string): Promise<void> => {
    const slices = new Slices(() => nowMs);
    for (let piece = 0; piece < 3; piece++) {
      const pause = slices.pause();
      if (pause) await pause;
      order.push(name);
      nowMs += 3;
    }
  };
  await Promise.all([long('a'), long('b')]);
  assert.equal(order.join(''), 'aababb');
  order.length = 0;
  const short = new Slices(() => nowMs);
  for (let piece = 0; piece < 100; piece++) assert.equal(short.pause(), undefined);
  nowMs += 3;
  short.begin();
  assert.equal(short.pause(), undefined);
});
