import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, Reason, type Message } from 'godwit-schemas';
import { EntryState } from '../../broker/ports/conversation-log.js';
import { bodyOf, checkPlaces, gapOf, newId } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import { done, group, people, refused, say } from '../support/groups.js';
import { told } from '../support/history.js';
import { httpCall } from '../support/http.js';

const conversation = 'd:alice:bob';

const erasedBy = ({ value }: { value: Message }): string | undefined => {
  const kind = value.event?.kind;
  return kind?.case === 'erased' ? `${kind.value.seq} by ${kind.value.by}` : undefined;
};
const isErased = (seq: number) => (it: { value: Message }): boolean => erasedBy(it)?.startsWith(`${seq} `) ?? false;

/** What a conversation's log says was erased, event by event. */
async function events(device: Device, name: string): Promise<string[]> {
  const { messages } = await done(device, 'history.list', { conversation: name, after: 0n });
  return messages.flatMap((value) => erasedBy({ value }) ?? []);
}

async function kept(server: TestServer, name: string): Promise<string> {
  return (await server.godwit.storage.log.read(name, 1, { entries: 1_000, bytes: 1e6 })).map(({ buffer, start, end, aux }) => buffer.toString('latin1', start, end) + (aux?.toString('latin1') ?? '')).join();
}

describe('a message that is taken back', () => {
  test('is out of the log, and every device that has it is told, at once or when it comes', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    const tablet = await Device.connect(t, server, 'alice:tablet');
    const laptop = await Device.connect(t, server, 'bob:laptop');
    await alice.send('bob', 'one');
    await laptop.message('one');
    await laptop.settled();
    await laptop.leave();
    const id = newId();
    await alice.send('bob', 'the secret', { id, deviceBodies: { 'bob:phone': Buffer.from('the secret of the phone') }, preview: Buffer.from('the secret preview') });
    await alice.send('bob', 'three');
    await bob.message('three');
    assert.deepEqual(await done(alice, 'messages.erase', { conversation, seq: 2n }), { $typeName: 'godwit.v1.MessagesEraseResponse' });
    for (const device of [bob, tablet, alice]) assert.equal(erasedBy(await device.next('msg', 'that it is erased', isErased(2))), '2 by alice');
    for (const restarts of [false, true]) {
      if (restarts) await server.restart();
      assert.ok(!(await kept(server, conversation)).includes('secret'));
      const reader = await Device.connect(t, server, 'bob:phone');
      assert.deepEqual(told((await done(reader, 'history.list', { conversation })).messages), ['1 one', '2-2 ERASED', '3 three', '4 erased 2']);
      await reader.leave();
    }
    // Who has not got it has a gap in its place.
    const back = await Device.connect(t, server, 'bob:laptop');
    await back.next('msg', 'that it is erased', isErased(2));
    await back.settled();
    const got = back.got('msg').filter(({ value }) => value.conversation === conversation);
    assert.deepEqual(got.map((it) => erasedBy(it) ?? gapOf(it) ?? bodyOf(it)), [{ from: 2n, to: 2n, reason: Reason.ERASED }, 'three', '2 by alice']);
    checkPlaces(got);
    // Nor does a late resend bring it back.
    const again = await Device.connect(t, server, 'alice:phone');
    assert.equal((await again.send('bob', 'the secret', { id })).seq, 2n);
    assert.ok(!(await kept(server, conversation)).includes('secret'));
  });

  test('is erased once, however often it is asked for', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    for (const body of ['one', 'two']) await alice.send('bob', body);
    const callId = newId();
    const call = { conversation, seq: 1n };
    const answers = await Promise.all([alice.call('messages.erase', call, callId), alice.call('messages.erase', call, callId), alice.call('messages.erase', call), alice.call('messages.erase', call)]);
    assert.deepEqual(answers.map(({ error }) => error), [undefined, undefined, undefined, undefined]);
    await server.restart();
    const back = await Device.connect(t, server, 'alice:phone');
    assert.equal((await back.call('messages.erase', call, callId)).error, undefined);
    assert.equal((await httpCall(server, 'alice', 'messages.erase', call)).status, 200);
    // As a crash leaves it that came between the two steps.
    await server.godwit.storage.log.erase(conversation, 2, EntryState.Erased);
    await done(back, 'messages.erase', { conversation, seq: 2n });
    assert.deepEqual(await events(back, conversation), ['1 by alice', '2 by alice']);
    const reader = await Device.connect(t, server, 'bob:phone');
    await reader.next('msg', 'that the second is erased', isErased(2));
    await Promise.all([bob, reader].map((device) => device.leave()));
  });

  test('is not to be taken back by others, nor is what the server said', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, eve] = await people(t, server, 'alice', 'bob', 'eve');
    await alice.send('bob', 'mine');
    await alice.send('alice', 'a note');
    for (const seq of [0n, 1n, 2n, 2n ** 60n]) await refused(bob, 'messages.erase', { conversation, seq }, Code.NOT_ALLOWED);
    for (const seq of [0n, 2n]) await refused(alice, 'messages.erase', { conversation, seq }, Code.NOT_ALLOWED);
    await refused(eve, 'messages.erase', { conversation, seq: 1n }, Code.UNKNOWN_CONVERSATION);
    await refused(eve, 'messages.erase', { conversation: 'nothing', seq: 1n }, Code.MALFORMED);
    await done(alice, 'conversations.set', { conversation, pinned: true });
    await refused(alice, 'messages.erase', { conversation: 'u:alice', seq: 1n }, Code.MALFORMED);
    await done(alice, 'messages.erase', { conversation, seq: 1n });
    await refused(alice, 'messages.erase', { conversation, seq: 2n }, Code.NOT_ALLOWED);
    await server.godwit.storage.log.trim(conversation, 1);
    await refused(alice, 'messages.erase', { conversation, seq: 1n }, Code.NOT_ALLOWED);
    await done(alice, 'messages.erase', { conversation: 'd:alice:alice', seq: 1n });
    assert.deepEqual(await events(alice, 'd:alice:alice'), ['1 by alice']);
  });

  test('in a group: by its sender, by admins and the creator, within their times', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol, dave] = await people(t, server, 'alice', 'bob', 'carol', 'dave');
    const birds = 'g:birds';
    const erase = (seq: number) => ({ conversation: birds, seq: BigInt(seq) });
    await group([alice, bob, carol], 'birds'); // 1
    for (const [device, body] of [[alice, 'a'], [bob, 'b'], [carol, 'c'], [carol, 'd']] as const) await say(device, 'birds', body); // 2 to 5
    for (const seq of [1, 2, 4]) await refused(bob, 'messages.erase', erase(seq), Code.NOT_ALLOWED);
    await done(bob, 'messages.erase', erase(3)); // 6
    await carol.next('msg', 'that it is erased', isErased(3));
    await refused(alice, 'messages.erase', erase(1), Code.NOT_ALLOWED);
    await done(alice, 'messages.erase', erase(4)); // 7
    await done(alice, 'groups.promote', { group: 'birds', users: ['bob'] }); // 8
    await done(bob, 'messages.erase', erase(2)); // 9
    await done(alice, 'groups.add', { group: 'birds', users: ['dave'] }); // 10
    await done(alice, 'groups.promote', { group: 'birds', users: ['dave'] }); // 11
    await refused(dave, 'messages.erase', erase(5), Code.NOT_ALLOWED);
    await done(alice, 'groups.demote', { group: 'birds', users: ['bob'] }); // 12
    await refused(bob, 'messages.erase', erase(5), Code.NOT_ALLOWED);
    await say(alice, 'birds', 'later'); // 13
    await done(dave, 'messages.erase', erase(13)); // 14
    await done(alice, 'groups.remove', { group: 'birds', users: ['carol'] }); // 15
    await say(alice, 'birds', 'without her'); // 16
    await refused(carol, 'messages.erase', erase(16), Code.NOT_ALLOWED);
    await done(carol, 'messages.erase', erase(5)); // 17: what one wrote stays one's own
    const expected = ['3 by bob', '4 by alice', '2 by bob', '13 by dave'];
    assert.deepEqual(await events(alice, birds), [...expected, '5 by carol']);
    assert.deepEqual(await events(carol, birds), expected);
    assert.deepEqual(await events(dave, birds), ['13 by dave', '5 by carol']);
    assert.deepEqual((await done(dave, 'conversations.list', {})).conversations.map(({ last }) => bodyOf({ value: last! })), ['without her']);
  });
});
