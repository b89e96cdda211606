import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Steps } from '../../broker/ports/steps.js';

const START_MS = Date.UTC(2026, 0, 1);

/** Steps of 3 places, a second apart. */
function walk(count: number, steps = new Steps(), from = 1): Steps {
  for (let i = from; i < from + count; i++) steps.push(i * 3, START_MS + i * 1_000);
  return steps;
}

describe('the steps of a cursor', () => {
  test('say when a place was reached first', () => {
    const steps = walk(200);
    for (let place = 1; place <= 600; place++) assert.equal(steps.reached(place), START_MS + Math.ceil(place / 3) * 1_000);
    assert.equal(steps.reached(601), undefined);
    assert.equal(new Steps().reached(1), undefined);
  });

  test('are bounded: the older ones are merged, and never told as too early', () => {
    const steps = walk(20_000);
    assert.ok(steps.count <= 255 && steps.size < 1_400, `${steps.count} steps in ${steps.size} bytes`);
    const late: number[] = [];
    for (let place = 3; place <= 60_000; place += 3) {
      const delay = (steps.reached(place)! - START_MS) / 1_000 - place / 3;
      assert.ok(delay >= 0);
      late.push(delay);
    }
    assert.deepEqual(late.slice(-128), new Array(128).fill(0), 'the newest are as they were');
    assert.ok(late[10_000] > 0, 'the older ones are not');
  });

  test('are read back as they were written, and go on from there without touching what they were read from', () => {
    for (const count of [0, 1, 254, 255, 300]) {
      const steps = walk(count);
      const bytes = Buffer.alloc(7 + steps.size + 3, 0xee);
      assert.equal(steps.write(bytes, 7), 7 + steps.size);
      const copy = Buffer.from(bytes);
      const back = Steps.read(copy, 7);
      assert.deepEqual([back.count, back.size], [steps.count, steps.size]);
      for (const both of [steps, back]) walk(40, both, count + 1);
      for (let place = 1; place <= (count + 40) * 3 + 1; place++) assert.equal(back.reached(place), steps.reached(place));
      assert.deepEqual(copy, bytes);
    }
  });

  test('take places far apart, and a clock that was set back', () => {
    const steps = new Steps();
    steps.push(1, START_MS);
    steps.push(2 ** 40, START_MS - 5_000);
    steps.push(2 ** 50, START_MS + 5_000);
    assert.deepEqual([1, 2, 2 ** 40 + 1, 2 ** 50].map((place) => steps.reached(place)), [START_MS, START_MS, START_MS + 5_000, START_MS + 5_000]);
  });
});
