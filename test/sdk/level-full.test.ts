import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Code } from 'godwit-client';
import { levelStore } from 'godwit-client/node';
import { temporaryFolder } from '../support/folder.js';
import { Recorder, scene, texts } from './fixtures.js';
import { text } from './contents.js';
import { noLimits, smallFiles } from './small-files.js';

const full = { code: Code.STORAGE_FULL };

test('a disk that is full: STORAGE_FULL, what is stored can be read, and what is acknowledged later is there', { skip: noLimits, timeout: 30_000 }, async (t) => {
  const folder = join(await temporaryFolder(t), 'store');
  const store = await levelStore(folder);
  const value = randomBytes(5_000);
  const disk = smallFiles(t, 50_000);
  let written = 0;
  const fill = async (): Promise<void> => {
    for (;; written++) await store.write([{ key: `a/${written}`, value }, { key: 'n', value: Uint8Array.of(written) }]);
  };
  await assert.rejects(fill(), full);
  assert.ok(written > 5);
  for (let i = 0; i < 3; i++) await assert.rejects(store.write([{ key: 'refused', value: Uint8Array.of(1) }]), full);
  assert.deepEqual([...(await store.get('n'))!], [written - 1]);
  assert.equal((await store.range({ from: 'a/', before: 'a0' })).length, written);
  disk.lift();
  // What is read meanwhile is neither cut off nor refused.
  const reads = Array.from({ length: 20 }, () => store.range({ from: 'a/', before: 'a0' }));
  await store.write([{ key: 'b', value: Uint8Array.of(2) }]);
  for (const read of reads) assert.equal((await read).length, written);
  await store.write([{ key: 'c', value: Uint8Array.of(3) }]);
  await store.close();
  await assert.rejects(store.write([]), { code: Code.UNAVAILABLE });
  const again = await levelStore(folder);
  assert.deepEqual([...(await again.get('b'))!, ...(await again.get('c'))!, ...(await again.get('n'))!], [2, 3, written - 1]);
  assert.equal((await again.range({ from: 'a/', before: 'a0' })).length, written);
  assert.equal(await again.get('refused'), undefined);
  await again.close();
  assert.ok(!(await readdir(folder)).includes('room'));
});

test('an app on a full disk: what is sent fails and says so, what comes is not acknowledged, and all goes on when there is room', { skip: noLimits, timeout: 60_000 }, async (t) => {
  const folder = join(await temporaryFolder(t), 'store');
  await scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice', { store: await levelStore(folder) });
    const [heard, states] = [new Recorder(alice, 'message', 'gap'), new Recorder(alice, 'connection')];
    await alice.connect();
    const disk = smallFiles(t, 50_000);
    const large = 'x'.repeat(300);
    const isFull = ({ error }: { error?: Error }): boolean => (error as { code?: number } | undefined)?.code === Code.STORAGE_FULL;
    // It is either the message that cannot be kept, or what became of it.
    const stuck = states.until((events) => events.some((event) => event.state === 'waiting' && isFull(event))).then(() => false);
    const kept = (): Promise<boolean> => alice.sendRaw('bob', randomBytes(3_000)).until('sent').then(() => true, () => false);
    while (await Promise.race([kept(), stuck]));
    const failed = alice.send('bob', 'when there is room');
    await assert.rejects(failed.until('sent'), full);
    assert.deepEqual([failed.state, failed.error?.code, alice.outbox().includes(failed)], ['failed', Code.STORAGE_FULL, true]);
    const told = broker.pubacks().length;
    for (let i = 0; i < 3; i++) broker.say('bob', 'alice', text(`${i} ${large}`));
    const before = states.events.length;
    await states.until((events) => events.slice(before).some((event) => event.state === 'waiting' && isFull(event)));
    assert.equal(broker.pubacks().length, told, 'nothing was acknowledged');
    assert.deepEqual(heard.events, []);
    disk.lift();
    await heard.until(3);
    assert.deepEqual(texts(heard.events), [0, 1, 2].map((i) => `${i} ${large}`));
    await failed.retry();
    await failed.until('sent');
    const page = await alice.messages('bob', { limit: 1_000 });
    await alice.close();
    const again = await at.client(broker, 'alice', { store: await levelStore(folder) });
    assert.deepEqual(await again.messages('bob', { limit: 1_000 }), page, 'after a restart all of it is there');
  })();
});
