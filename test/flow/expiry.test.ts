import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Reason } from 'godwit-schemas';
import { EntryState } from '../../broker/ports/conversation-log.js';
import { bodyOf, checkPlaces, gapOf, newId } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import { until } from '../support/recorder.js';
import { Wire } from '../support/wire.js';

const conversation = 'd:alice:bob';

async function entryAt(server: TestServer, seq: number) {
  const [entry] = await server.godwit.storage.log.read(conversation, seq, { entries: 1, bytes: 1 });
  assert.equal(entry.seq, seq);
  return entry;
}

/** Resolves when the sweep has taken the body of this place. */
function swept(server: TestServer, seq: number): Promise<void> {
  return until(`place ${seq} is swept`, async () => (await entryAt(server, seq)).state !== EntryState.Live);
}

describe('a disappearing message', () => {
  test('is delivered within its time, and says how long that is', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone');
    await alice.send('bob', 'soon gone', { expiresInS: 60 });
    assert.equal((await bob.message('soon gone')).value.expiresInS, 60);
  });

  test('is not delivered after its time, swept or not: who was away is told of a gap', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    await (await Device.connect(t, server, 'bob:phone')).leave();
    await alice.send('bob', 'one');
    for (const body of ['two', 'three']) await alice.send('bob', body, { expiresInS: 30 });
    await alice.send('bob', 'four', { expiresInS: 3_600 });
    await alice.send('bob', 'five', { expiresInS: 30 });
    // The time is over at this moment: no sweep can have been.
    server.clock.advance(30_000);
    const bob = await Device.connect(t, server, 'bob:phone');
    const messages = await bob.messages(4);
    assert.deepEqual(messages.map((it) => gapOf(it) ?? bodyOf(it)), ['one', { from: 2n, to: 3n, reason: Reason.EXPIRED }, 'four', { from: 5n, to: 5n, reason: Reason.EXPIRED }]);
    assert.deepEqual(messages.map((it) => it.value.seq), [1n, 3n, 4n, 5n]);
    assert.deepEqual([messages[1].value.from, messages[1].value.conversation, messages[1].topic], ['', conversation, 'u/bob/msg']);
    checkPlaces(messages);
    // A gap is acknowledged like a message, and not told again.
    await bob.settled();
    await bob.leave();
    const again = await Device.connect(t, server, 'bob:phone');
    await again.settled();
    assert.deepEqual(again.got('msg'), []);
  });

  test('leaves the log with its body; its place, and its id, are kept', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    await (await Device.connect(t, server, 'bob:phone')).leave();
    const id = newId();
    const first = await alice.send('bob', 'the secret body', { id, expiresInS: 5, deviceBodies: { 'bob:phone': Buffer.from('the secret body of the phone') }, preview: Buffer.from('the secret preview') });
    await alice.send('bob', 'another');
    assert.ok((await entryAt(server, 1)).buffer.includes('the secret body'));
    server.clock.advance(6_000);
    await swept(server, 1);
    for (const restarts of [false, true]) {
      if (restarts) await server.restart();
      const entry = await entryAt(server, 1);
      assert.equal(entry.state, EntryState.Expired);
      const kept = Buffer.concat([entry.buffer.subarray(entry.start, entry.end), entry.aux ?? Buffer.alloc(0)]);
      assert.ok(!kept.includes('secret'));
      assert.ok(kept.includes(Buffer.from(id)));
      // A late resend cannot bring it back.
      const sender = await Device.connect(t, server, 'alice:phone');
      const again = await sender.send('bob', 'the secret body', { id, expiresInS: 5 });
      assert.deepEqual([again.code, again.seq, again.sentAtMs], [first.code, 1n, first.sentAtMs]);
      await sender.leave();
    }
    const bob = await Device.connect(t, server, 'bob:phone');
    const messages = await bob.messages(2);
    assert.deepEqual(gapOf(messages[0]), { from: 1n, to: 1n, reason: Reason.EXPIRED });
    assert.equal(bodyOf(messages[1]), 'another');
  });

  test('that was in flight when its time came is a gap when it is sent again, under the same packet id', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const first = await Wire.connect(t, server, 'bob:phone', { acknowledges: false });
    await first.subscribe('u/bob/#');
    await alice.send('bob', 'one');
    await alice.send('bob', 'two', { expiresInS: 5 });
    await alice.send('bob', 'three');
    const before = await first.many('msg', 3);
    await first.drop();
    server.clock.advance(5_000);
    const second = await Wire.connect(t, server, 'bob:phone');
    const after = await second.many('msg', 3);
    assert.deepEqual(after.map((it) => [it.packetId, it.dup]), before.map((it) => [it.packetId, true]));
    assert.deepEqual(after.map((it) => gapOf(it) ?? bodyOf(it)), ['one', { from: 2n, to: 2n, reason: Reason.EXPIRED }, 'three']);
    checkPlaces(after);
  });

  test("of one's own is no gap, and neither are one's own messages between gaps", async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    await (await Device.connect(t, server, 'bob:phone')).leave();
    const bob = await Device.connect(t, server, 'bob:phone', { filters: [] });
    await bob.client.unsubscribeAsync('u/bob/#');
    await alice.send('bob', 'one', { expiresInS: 5 });
    await bob.client.publishAsync('to/alice/raw', 'his own, which stays', { qos: 1 });
    await alice.send('bob', 'three', { expiresInS: 5 });
    await bob.client.publishAsync('to/alice/raw', 'his own', { qos: 1 });
    await alice.send('bob', 'five');
    server.clock.advance(5_000);
    await bob.subscribe('u/bob/#');
    const messages = await bob.messages(3);
    assert.deepEqual(messages.map((it) => gapOf(it) ?? bodyOf(it)), [{ from: 1n, to: 1n, reason: Reason.EXPIRED }, { from: 3n, to: 3n, reason: Reason.EXPIRED }, 'five']);
    checkPlaces(messages);
  });

  test('is not shown as read by who read later: the receipt says when', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone');
    const { sentAtMs } = await alice.send('bob', 'soon gone', { expiresInS: 5 });
    await bob.message('soon gone');
    server.clock.advance(60_000);
    await bob.read(conversation, 1);
    const receipt = await alice.next('receipt', 'read', (it) => it.value.read === 1n);
    assert.ok(receipt.value.atMs >= sentAtMs + 60_000n);
  });
});

test('an erased place is a gap, and stays erased', async (t) => {
  const server = await startGodwit(t);
  const alice = await Device.connect(t, server, 'alice:phone');
  await (await Device.connect(t, server, 'bob:phone')).leave();
  await alice.send('bob', 'taken back');
  await alice.send('bob', 'kept');
  assert.equal(await server.godwit.storage.log.erase(conversation, 1, EntryState.Erased), true);
  await server.restart();
  assert.ok(!(await entryAt(server, 1)).buffer.includes('taken back'));
  const bob = await Device.connect(t, server, 'bob:phone');
  const messages = await bob.messages(2);
  assert.deepEqual(messages.map((it) => gapOf(it) ?? bodyOf(it)), [{ from: 1n, to: 1n, reason: Reason.ERASED }, 'kept']);
});
