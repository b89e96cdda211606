import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from 'godwit-schemas';
import { startGodwit } from '../support/godwit.js';
import { Wire } from '../support/wire.js';

test('before its CONNECT connectTimeoutMs may go by, no more; a CONNECT that drips in is no excuse', async (t) => {
  const server = await startGodwit(t);
  assert.equal(limits.connectTimeoutMs.value, 10_000);
  const started = performance.now();
  const silent = await Wire.dial(t, server);
  const dripping = await Wire.dial(t, server);
  dripping.write(Buffer.from([0x10, 100]));
  const drip = setInterval(() => dripping.open && dripping.write(Buffer.from([0])), 500);
  await Promise.all([silent.closed(), dripping.closed()]);
  clearInterval(drip);
  const waited = performance.now() - started;
  assert.ok(waited > 9_500, `closed after ${waited} ms`);
});
