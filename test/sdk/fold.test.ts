import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, memoryStore, type DebugEntry, type Store } from 'godwit-client';
import { ContentSchema, fromBinary, SealedSchema, ulidToString } from 'godwit-schemas';
import { kinds, saying, seen, seenOf, text } from './contents.js';
import { lasting, Recorder, scene, slow } from './fixtures.js';

const conversation = 'd:alice:bob';

/** Whether these letters are anywhere in a store. */
async function holds(store: Store, letters: string): Promise<boolean> {
  const rows = await store.range({ from: '', before: '~' });
  return rows.some(([, value]) => Buffer.from(value).includes(letters));
}

const keysOf = async (store: Store, prefix: string): Promise<string[]> => (await store.range({ from: prefix, before: `${prefix}~` })).map(([key]) => key);

describe('edits, reactions and deletions', { timeout: 20_000 }, () => {
  test('between two apps: shown in the message they belong to, told by `changed`, and sent silently', scene(async (at) => {
    const broker = await at.broker();
    const [alice, bob] = [await at.client(broker, 'alice'), await at.client(broker, 'bob')];
    const messages = new Recorder(bob, 'message');
    const [atAlice, atBob] = [new Recorder(alice, 'changed'), new Recorder(bob, 'changed')];
    await alice.connect();
    await bob.connect();
    const sent = alice.send('bob', 'hallo');
    const [message] = await messages.until(1);
    assert.deepEqual(message.reactions, []);
    bob.react(message, '👍');
    await atAlice.until(1);
    await alice.edit(sent, 'hello').until('sent');
    await alice.react(sent, '👍').until('sent');
    await bob.unreact(message, '👍').until('sent');
    await atAlice.until(4);
    await atBob.until(4);
    const steps = ['hallo 👍bob', 'hello* 👍bob', 'hello* 👍bob+alice', 'hello* 👍alice'];
    assert.deepEqual(atAlice.events.map(({ message }) => seenOf(message)), steps);
    assert.deepEqual(atBob.events.map(({ message }) => seenOf(message)), steps);
    const [{ message: changed }] = atBob.events;
    assert.deepEqual([changed.id, changed.seq, changed.from, changed.type, changed.conversation], [sent.id, 1, 'alice', 'message', conversation]);
    assert.equal(atAlice.events[1].message.own, true);
    assert.ok(atBob.events[1].message.editedAtMs! >= message.sentAtMs);
    await alice.delete(sent).until('sent');
    await atBob.until(5);
    for (const client of [alice, bob]) {
      const page = await client.messages(client === alice ? 'bob' : 'alice');
      assert.deepEqual(seen(page), ['(deleted)']);
      assert.ok(page[0].type === 'message' && page[0].content.kind === 'deleted' && page[0].text === undefined);
    }
    assert.deepEqual(messages.events.length, 1, 'none of them is a message');
    assert.deepEqual(broker.log.entries(conversation).map(({ message }) => message.flags), [0, 1, 1, 1, 1, 1]);
  }));

  test('only own messages can be edited and deleted: said at once', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const heard = new Recorder(alice, 'message');
    await alice.connect();
    broker.say('bob', 'alice', text('mine'));
    const [message] = await heard.until(1);
    assert.throws(() => alice.edit(message, 'yours'), { code: Code.NOT_ALLOWED });
    assert.throws(() => alice.delete(message), { code: Code.NOT_ALLOWED });
    assert.throws(() => alice.react({ conversation, id: 'nothing' }, '👍'), { code: Code.MALFORMED });
    assert.throws(() => alice.react(message, ''), { code: Code.MALFORMED });
    assert.throws(() => alice.react(message, 'x'.repeat(65)), { code: Code.MALFORMED });
    assert.deepEqual(alice.outbox(), []);
  }));

  test("someone else's edit or deletion is kept at its place and ignored; their reaction counts", scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const notes: DebugEntry[] = [];
    const alice = await at.client(broker, 'alice', { store, debug: (entry) => notes.push(entry) });
    const changes = new Recorder(alice, 'changed');
    await alice.connect();
    const { id } = await alice.send('bob', 'mine').until('sent');
    const target = { from: 'alice', id };
    broker.say('bob', 'alice', saying(kinds.edit(target, 'forged')));
    broker.say('bob', 'alice', saying(kinds.deletion(target)));
    broker.say('bob', 'alice', saying(kinds.reaction(target, '🐦')));
    // Before their target is here, too: it never comes, and they are not kept waiting for it.
    const absent = { from: 'alice', id: '01M81RNZGETSQ0RDT3Q2XBHQ3Z' };
    broker.say('bob', 'alice', saying(kinds.deletion(absent)));
    broker.say('bob', 'alice', text('last'));
    await broker.until(() => broker.pubacks().length === 5);
    assert.deepEqual(changes.events.map(({ message }) => seenOf(message)), ['mine 🐦bob']);
    assert.deepEqual(seen(await alice.messages('bob')), ['mine 🐦bob', 'last']);
    assert.deepEqual(notes.filter(({ what }) => what.startsWith('ignored')).map(({ what, seq }) => [what, seq]), [
      ["ignored: edit of someone else's message", 2], ["ignored: deletion of someone else's message", 3], ["ignored: deletion of someone else's message", 5],
    ]);
    assert.equal((await keysOf(store, 'm/')).length, 6, 'each is at its place');
    assert.ok(await holds(store, 'forged'));
    assert.deepEqual(await keysOf(store, 'f/'), []);
  }));

  test('what comes before its message waits for it, also over a restart', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const first = await at.client(broker, 'alice', { store: lasting(store) });
    await first.connect();
    broker.answers = (_, topic) => !topic.startsWith('to/');
    const sent = first.send('bob', 'helo');
    await broker.until(() => broker.messages().length === 1);
    const target = { from: 'alice', id: sent.id };
    broker.say('bob', 'alice', saying(kinds.reaction(target, '👍')));
    broker.say('alice', 'bob', saying(kinds.edit(target, 'hello')));
    broker.say('bob', 'alice', saying(kinds.reaction(target, '🐦')));
    await broker.until(() => broker.pubacks().length === 3);
    assert.deepEqual(seen(await first.messages('bob')), []);
    assert.equal((await keysOf(store, 'f/')).length, 1);
    await first.close();
    broker.answers = () => true;
    const second = await at.client(broker, 'alice', { store });
    await second.connect();
    await second.outbox()[0].until('sent');
    assert.deepEqual(seen(await second.messages('bob')), ['hello* 👍bob 🐦bob']);
    assert.deepEqual(await keysOf(store, 'f/'), []);
  }));

  test('a fold that comes twice changes once: delivered again, or at another place', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const changes = new Recorder(alice, 'changed');
    await alice.connect();
    const one = text('one');
    broker.say('bob', 'alice', one);
    const reaction = saying(kinds.reaction({ from: 'bob', id: one.id }, '👍'));
    broker.say('bob', 'alice', reaction);
    await changes.until(1);
    Object.assign(broker.session('alice').places.get(conversation)!, { position: 0, last: 0, started: false });
    broker.log.entries(conversation)[1].message.id = text('').id;
    broker.say('bob', 'alice', saying(kinds.reaction({ from: 'bob', id: one.id }, '👍', true)));
    broker.say('bob', 'alice', reaction);
    await broker.until(() => broker.pubacks().length === 6);
    assert.deepEqual(changes.events.map(({ message }) => seenOf(message)), ['one 👍bob', 'one'], 'the reaction at place 4 is the one at place 2');
    assert.deepEqual(seen(await alice.messages('bob')), ['one']);
  }));

  test('a store that fails: fold and message are stored together, or neither', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const alice = await at.client(broker, 'alice', { store });
    const changes = new Recorder(alice, 'changed');
    await alice.connect();
    const sent = await alice.send('bob', 'helo').until('sent');
    let failures = 2;
    slow(store, async () => {
      if (failures-- > 0) throw new Error('disk full');
    });
    broker.say('alice', 'bob', saying(kinds.edit({ from: 'alice', id: sent.id }, 'hello')));
    await changes.until(1);
    const edit = alice.edit(sent, 'hello!');
    failures = 1;
    await edit.until('sent');
    assert.deepEqual(changes.events.map(({ message }) => seenOf(message)), ['hello*', 'hello!*']);
    assert.deepEqual(seen(await alice.messages('bob')), ['hello!*']);
  }));

  test('a deletion takes what was said out of the store, edits too, whatever comes after', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const alice = await at.client(broker, 'alice', { store });
    const heard = new Recorder(alice, 'message');
    const changes = new Recorder(alice, 'changed');
    await alice.connect();
    const one = text('secret-one');
    const target = { from: 'bob', id: one.id };
    broker.say('bob', 'alice', one);
    broker.say('bob', 'alice', saying(kinds.edit(target, 'secret-two')));
    await changes.until(1);
    assert.deepEqual(await Promise.all(['secret-one', 'secret-two'].map((letters) => holds(store, letters))), [false, true]);
    broker.say('bob', 'alice', saying(kinds.deletion(target)));
    broker.say('bob', 'alice', saying(kinds.edit(target, 'secret-three')));
    broker.say('bob', 'alice', saying(kinds.reaction(target, '👍')));
    broker.say('bob', 'alice', text('after'));
    await heard.until(2);
    assert.deepEqual(changes.events.map(({ message }) => seenOf(message)), ['secret-two*', '(deleted)']);
    assert.deepEqual(seen(await alice.messages('bob')), ['(deleted)', 'after']);
    assert.equal(await holds(store, 'secret'), false);
  }));

  test('what an edit says disappears with its message, and its own place at the server too', scene(async (at) => {
    const broker = await at.broker();
    let now = 1_000_000_000_000;
    broker.log.now = () => now;
    const store = memoryStore();
    const alice = await at.client(broker, 'alice', { store: lasting(store), now: () => now });
    await alice.connect();
    const sent = await alice.send('bob', 'secret-one', { expiresInS: 60 }).until('sent');
    const changes = new Recorder(alice, 'changed');
    alice.edit(sent, 'secret-two');
    const [{ message }] = await changes.until(1);
    now += 20_000;
    await alice.edit(message, 'secret-three').until('sent');
    assert.deepEqual(broker.log.entries(conversation).map(({ message }) => message.expiresInS), [60, 60, 40]);
    now += 40_000;
    assert.deepEqual(await alice.messages('bob'), []);
    await alice.close();
    const later = await at.client(broker, 'alice', { store, now: () => now });
    assert.equal(await holds(store, 'secret'), false);
    await later.connect();
    const heard = new Recorder(later, 'message', 'changed');
    broker.say('bob', 'alice', saying(kinds.reaction({ from: 'alice', id: sent.id }, '👍')));
    broker.say('bob', 'alice', text('on'));
    await heard.until(1);
    assert.deepEqual(heard.events.map(({ type }) => type), ['message'], 'a reaction to what has disappeared');
    assert.deepEqual(await keysOf(store, 'f/'), [], 'and nothing waits');
  }));

  test('a change that the app had not dealt with is handed over again', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const first = await at.client(broker, 'alice', { store: lasting(store) });
    const heard = new Recorder(first, 'message');
    const changed = new Recorder(first, 'changed');
    first.on('changed', () => new Promise(() => {}));
    await first.connect();
    const one = text('one');
    broker.say('bob', 'alice', one);
    await heard.until(1);
    broker.say('bob', 'alice', saying(kinds.reaction({ from: 'bob', id: one.id }, '👍')));
    await changed.until(1);
    await first.close();
    const second = await at.client(broker, 'alice', { store });
    const again = new Recorder(second, 'message', 'changed');
    await second.connect();
    await again.until(1);
    assert.deepEqual(again.events.map((event) => [event.type, event.again]), [['changed', true]]);
    assert.ok(again.events[0].type === 'changed' && seenOf(again.events[0].message) === 'one 👍bob');
  }));

  test('an edit of a later kind is shown as unknown; what is folded into no message is ignored', scene(async (at) => {
    const broker = await at.broker();
    const notes: string[] = [];
    const alice = await at.client(broker, 'alice', { debug: ({ what }) => notes.push(what) });
    const heard = new Recorder(alice, 'message', 'undecodable', 'changed');
    await alice.connect();
    const one = text('one');
    const reaction = saying(kinds.reaction({ from: 'bob', id: one.id }, '👍'));
    broker.say('bob', 'alice', one);
    broker.say('bob', 'alice', reaction);
    broker.say('bob', 'alice', saying(kinds.reaction({ from: 'bob', id: reaction.id }, '🐦')));
    broker.say('bob', 'alice', saying({ case: 'edit', value: { target: { from: 'bob', id: one.id } } }));
    broker.say('bob', 'alice', saying({ case: 'edit', value: { content: { case: 'text', value: { text: 'of nothing' } } } }));
    broker.say('bob', 'alice', saying({ case: 'reaction', value: { target: { from: 'bob/../x', id: one.id }, emoji: '👍' } }));
    broker.say('bob', 'alice', saying(kinds.reaction({ from: 'bob', id: one.id }, 'x'.repeat(65))));
    await broker.until(() => broker.pubacks().length === 7);
    await heard.until(6);
    assert.deepEqual(heard.events.map(({ type }) => type), ['message', 'changed', 'message', 'undecodable', 'undecodable', 'undecodable']);
    assert.deepEqual(notes.filter((what) => what.startsWith('ignored')), ['ignored: reaction of what is no message']);
    assert.deepEqual(seen(await alice.messages('bob')), ['one 👍bob', '(unknown)', 'undecodable', 'undecodable', 'undecodable']);
  }));

  test('an edited answer still answers; an edited text loses its old mentions', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const changes = new Recorder(alice, 'changed');
    await alice.connect();
    const question = await alice.send('bob', 'where?').until('sent');
    const target = { from: 'alice', id: question.id };
    const answer = await alice.reply('bob', question, { kind: 'text', text: '@bob here', mentions: [{ user: 'bob', start: 0, length: 4 }] }).until('sent');
    alice.edit(answer, 'there');
    const [{ message }] = await changes.until(1);
    assert.deepEqual([message.content, message.replyTo], [{ kind: 'text', text: 'there' }, target]);
    assert.throws(() => alice.reply('carol', { ...target, conversation }, 'no'), { code: Code.MALFORMED });
    alice.edit(answer, { kind: 'custom', customType: 'x/y', data: Uint8Array.of(7) });
    await changes.until(2);
    assert.deepEqual(changes.events[1].message.content, { kind: 'custom', customType: 'x/y', data: Uint8Array.of(7) });
  }));

  test('a page holds as many messages as were asked for, however much is folded in between', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    const words = ['one', 'two', 'three', 'four'].map((word) => text(word));
    for (const word of words) {
      broker.say('bob', 'alice', word);
      for (let n = 0; n < 30; n++) broker.say('bob', 'alice', saying(kinds.reaction({ from: 'bob', id: words[0].id }, `${n % 5}`)));
    }
    await broker.until(() => broker.pubacks().length === 124);
    const newest = await alice.messages('bob', { limit: 2 });
    assert.deepEqual(seen(newest), ['three', 'four']);
    assert.deepEqual(seen(await alice.messages('bob', { before: newest[0].type === 'message' ? newest[0].seq : 0, limit: 2 })), ['one 0bob 1bob 2bob 3bob 4bob', 'two']);
    assert.deepEqual(await alice.messages('bob', { limit: 0 }), []);
  }));

  test('of one user the last 20 emojis at a message are remembered, of others theirs', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    const sent = await alice.send('bob', 'one').until('sent');
    await alice.react(sent, '🐦').until('sent');
    for (let n = 0; n < 25; n++) broker.say('bob', 'alice', saying(kinds.reaction({ from: 'alice', id: sent.id }, `${n}`)));
    await broker.until(() => broker.pubacks().length === 25);
    const [message] = await alice.messages('bob');
    assert.ok(message.type === 'message');
    assert.deepEqual(message.reactions.map(({ emoji }) => emoji), ['🐦', ...Array.from({ length: 20 }, (_, n) => `${n + 5}`)]);
  }));

  test('an own reaction that is refused changes nothing, and says so', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    const sent = await alice.send('bob', 'one').until('sent');
    broker.onMessage = () => ({ code: Code.NOT_ALLOWED });
    const reaction = alice.react(sent, '👍');
    await assert.rejects(reaction.until('sent'), { code: Code.NOT_ALLOWED });
    assert.deepEqual(seen(await alice.messages('bob')), ['one']);
    assert.equal(alice.outbox()[0].id, reaction.id);
  }));

  test('what goes out is what content.proto says', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    const ref = { conversation, from: 'alice', id: '01M81RNZGETSQ0RDT3Q2XBHQ3Z' };
    const out = [alice.react(ref, '👍'), alice.unreact(ref, '👍'), alice.edit(ref, 'x'), alice.delete(ref)];
    await Promise.all(out.map((one) => one.until('sent')));
    const contents = broker.messages().map(({ body }) => fromBinary(ContentSchema, fromBinary(SealedSchema, body).payload).kind);
    assert.deepEqual(contents.map((kind) => kind.case), ['reaction', 'reaction', 'edit', 'deletion']);
    for (const { value } of contents) assert.ok(value && 'target' in value && value.target?.from === 'alice' && ulidToString(value.target.id) === ref.id);
    assert.deepEqual(contents.map(({ value }) => value && 'remove' in value && value.remove), [false, true, false, false]);
  }));
});
