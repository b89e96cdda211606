import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Code, Reason } from 'godwit-schemas';
import { restoreBackup } from '../../plugins/store-embedded/index.js';
import { bodyOf, checkPlaces, gapOf, newId } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { temporaryFolder } from '../support/folder.js';
import { startGodwit } from '../support/godwit.js';
import { until } from '../support/recorder.js';
import { httpCall } from '../support/http.js';

const admin = { admin: true };
const TERM = 2n ** 32n;

describe('a backup', () => {
  test('is made while the server runs; restored, it begins a new term, and nobody misses or repeats anything unawares', async (t) => {
    const folder = await temporaryFolder(t);
    const original = await startGodwit(t);
    const alice = await Device.connect(t, original, 'alice:phone');
    const bob = await Device.connect(t, original, 'bob:phone');
    const early = newId();
    await alice.send('bob', 'one', { id: early });
    await alice.send('bob', 'two');
    await bob.messages(2);
    await bob.settled();
    // Delivered cursors are lazy: a backup may be older than the last 200 ms of them.
    await until('bob has both', async () => (await original.godwit.storage.cursors.user('bob', 'd:alice:bob')).delivered === 2);
    const { value, status } = await httpCall(original, 'root', 'admin.backup', { folder: join(folder, 'backup') }, admin);
    assert.equal(status, 200);
    assert.ok(value!.bytes > 0n && value!.entries >= 2n);
    // What happens after it is lost with the original: bob has seen a third message, which the backup does not hold.
    const lateId = newId();
    const late = await alice.send('bob', 'three, which will be lost', { id: lateId });
    await bob.message('three, which will be lost');
    await bob.settled();
    const seenByBob = bob.got('msg').filter((it) => it.value.conversation === 'd:alice:bob');
    await original.stop();

    await restoreBackup(join(folder, 'backup'), join(folder, 'data'));
    const restored = await startGodwit(t, { data: join(folder, 'data') });
    const alice2 = await Device.connect(t, restored, 'alice:phone');
    assert.equal(alice2.sessionPresent, true, 'sessions are in the backup');
    assert.equal((await alice2.send('bob', 'one', { id: early })).seq, 1n, 'what it holds is known');
    const next = await alice2.send('bob', 'after the restore');
    assert.ok(next.seq > TERM, 'a place is never given twice');
    // To the new term the lost message is new: its sender may send it again.
    const again = await alice2.send('bob', 'three, which will be lost', { id: lateId });
    assert.deepEqual([again.code, again.seq], [Code.OK, next.seq + 1n]);
    assert.notEqual(again.seq, late.seq);
    const bob2 = await Device.connect(t, restored, 'bob:phone');
    const messages = (await bob2.received.waitMany('three', 3, (it) => it.kind === 'msg' && it.value.conversation === 'd:alice:bob')) as typeof seenByBob;
    assert.deepEqual(messages.map((it) => gapOf(it) ?? bodyOf(it)), [{ from: 3n, to: next.seq - 1n, reason: Reason.LOST }, 'after the restore', 'three, which will be lost']);
    // Seen with what bob knows, every place is proven: the gap names the last place that both know of.
    const places = checkPlaces(seenByBob.filter((it) => it.value.seq <= 2n));
    checkPlaces(messages, places);
    await bob2.settled();
    await restored.restart();
    const bob3 = await Device.connect(t, restored, 'bob:phone');
    const alice3 = await Device.connect(t, restored, 'alice:phone');
    assert.equal((await alice3.send('bob', 'later')).seq, next.seq + 2n, 'a restart begins no further term');
    await bob3.message('later');
    checkPlaces(bob3.got('msg'), places);
  });

  test('holds everything that was acknowledged before it, while others write on', async (t) => {
    const folder = await temporaryFolder(t);
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    await (await Device.connect(t, server, 'bob:phone')).leave();
    await Promise.all(Array.from({ length: 500 }, (_, i) => alice.send('bob', `before ${i}`)));
    const [{ value }] = await Promise.all([
      httpCall(server, 'root', 'admin.backup', { folder: join(folder, 'backup') }, admin),
      ...Array.from({ length: 500 }, (_, i) => alice.send('bob', `meanwhile ${i}`)),
    ]);
    assert.ok(value!.entries >= 500n && value!.entries <= 1_000n);
    await server.stop();
    await restoreBackup(join(folder, 'backup'), join(folder, 'data'));
    const restored = await startGodwit(t, { data: join(folder, 'data') });
    const bob = await Device.connect(t, restored, 'bob:phone');
    const messages = await bob.messages(500);
    assert.deepEqual(messages.map(bodyOf), Array.from({ length: 500 }, (_, i) => `before ${i}`));
    checkPlaces(messages);
  });

  test('is refused where there is something, or no folder can be', async (t) => {
    const server = await startGodwit(t);
    assert.equal((await httpCall(server, 'root', 'admin.backup', { folder: 'relative' }, admin)).error?.code, Code.MALFORMED);
    assert.equal((await httpCall(server, 'root', 'admin.backup', { folder: server.data }, admin)).error?.code, Code.CONFLICT);
    assert.equal((await httpCall(server, 'root', 'admin.backup', { folder: join(server.data, 'format.json') }, admin)).error?.code, Code.CONFLICT);
  });
});
