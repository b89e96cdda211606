import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InFlight } from '../../broker/session/in-flight.js';
import { inTime } from '../support/recorder.js';

test('packet ids whose reservation failed are reserved when the store is back, without being asked for again', async () => {
  const asked: number[] = [];
  const reserve = async (upTo: number): Promise<void> => {
    asked.push(upTo);
    if (asked.length === 1) throw new Error('the store is away');
  };
  // Who waits for ids looks again when it is called.
  const ids = await inTime('ids', new Promise<InFlight<never>>((resolve) => {
    const inFlight: InFlight<never> = new InFlight(0, 0, reserve, () => {
      if (inFlight.available) resolve(inFlight);
    });
    assert.ok(!inFlight.available);
  }));
  assert.deepEqual([ids.takeId(), asked.length, asked[0] === asked[1]], [1, 2, true]);
});
