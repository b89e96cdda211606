import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, Flag, limits, type ConversationState, type ConversationSummary, type Message } from 'godwit-schemas';
import { EntryState } from '../../broker/ports/conversation-log.js';
import type { Storage } from '../../broker/ports/storage.js';
import { append } from '../conformance/appends.js';
import { bodyOf } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';
import { done, group, people, refused, say } from '../support/groups.js';
import { told } from '../support/history.js';
import { httpCall } from '../support/http.js';

const conversation = 'd:alice:bob';

/** `conversation head/read unread "last"`, newest first. */
async function list(device: Device): Promise<string[]> {
  return (await done(device, 'conversations.list', {})).conversations.map(shown);
}

function shown({ conversation: name, head, read, unread, last }: ConversationSummary): string {
  return `${name} ${read}/${head} ${unread} ${last ? `"${bodyOf({ value: last })}"` : '-'}`;
}

const stateOf = ({ value }: { value: Message }): ConversationState | undefined => {
  const kind = value.event?.kind;
  return kind?.case === 'feed' ? kind.value.conversation : undefined;
};

/** Set of a conversation: m muted, a archived, p pinned, c cleared to. */
function set({ mutedUntilMs, archived, pinned, clearedTo }: ConversationState): string {
  return `m${mutedUntilMs}${archived ? ' a' : ''}${pinned ? ' p' : ''} c${clearedTo}`;
}

async function states(device: Device): Promise<string[]> {
  await device.settled();
  return device.got('feed').flatMap((it) => stateOf(it) ?? []).map(set);
}

describe('the list of conversations', () => {
  test('has the newest first: the last message, what was read, and how many of others are not', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol] = await people(t, server, 'alice', 'bob', 'carol');
    assert.deepEqual(await list(alice), []);
    await alice.send('bob', 'one');
    server.clock.advance(1_000);
    await carol.send('alice', 'from carol');
    server.clock.advance(1_000);
    for (const body of ['two', 'three']) await bob.send('alice', body);
    await bob.send('alice', 'a reaction', { flags: Flag.silent });
    assert.deepEqual(await list(alice), ['d:alice:bob 0/4 2 "three"', 'd:alice:carol 0/1 1 "from carol"']);
    assert.deepEqual(await list(bob), ['d:alice:bob 0/4 1 "three"']);
    server.clock.advance(1_000);
    await alice.send('carol', 'hi');
    await alice.read(conversation, 2);
    assert.deepEqual(await list(alice), ['d:alice:carol 0/2 1 "hi"', 'd:alice:bob 2/4 1 "three"']);
    await alice.read(conversation, 4);
    await server.restart();
    const again = await Device.connect(t, server, 'alice:tablet');
    assert.deepEqual(await list(again), ['d:alice:carol 0/2 1 "hi"', 'd:alice:bob 4/4 0 "three"']);
    await again.send('alice', 'a note');
    assert.ok((await list(again)).includes('d:alice:alice 0/1 0 "a note"'));
    await refused(again, 'conversations.list', { after: 'nonsense' }, Code.MALFORMED);
  });

  test('shows no message that is gone, and to each device its own body', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    await alice.send('bob', 'for all', { deviceBodies: { 'bob:phone': Buffer.from('for the phone') } });
    await alice.send('bob', 'soon gone', { expiresInS: 10 });
    await alice.send('bob', 'taken back');
    assert.deepEqual(await list(bob), ['d:alice:bob 0/3 3 "taken back"']);
    await server.godwit.storage.log.erase(conversation, 3, EntryState.Erased);
    assert.deepEqual(await list(bob), ['d:alice:bob 0/3 3 "soon gone"']);
    server.clock.advance(10_000);
    assert.deepEqual(await list(bob), ['d:alice:bob 0/3 3 "for the phone"']);
    assert.deepEqual(await list(await Device.connect(t, server, 'bob:tablet')), ['d:alice:bob 0/3 3 "for all"']);
    await server.godwit.storage.log.trim(conversation, 1);
    assert.deepEqual(await list(bob), ['d:alice:bob 0/3 2 -']);
  });

  test('of groups counts and shows what lies within one\'s times', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol, eve] = await people(t, server, 'alice', 'bob', 'carol', 'eve');
    await group([alice, bob], 'birds');
    for (const body of ['before', 'her']) await say(alice, 'birds', body);
    assert.deepEqual([await list(carol), await list(eve)], [[], []]);
    await done(alice, 'groups.add', { group: 'birds', users: ['carol'] }); // 4
    assert.deepEqual(await list(carol), ['g:birds 0/4 0 -']);
    await say(bob, 'birds', 'with'); // 5
    await say(carol, 'birds', 'mine'); // 6
    await done(alice, 'groups.remove', { group: 'birds', users: ['carol'] }); // 7
    for (const body of ['without', 'her']) await say(alice, 'birds', body); // 8, 9
    assert.deepEqual(await list(carol), ['g:birds 0/7 1 "mine"']);
    await done(alice, 'groups.add', { group: 'birds', users: ['carol'] }); // 10
    await say(alice, 'birds', 'again'); // 11
    assert.deepEqual(await list(carol), ['g:birds 0/11 2 "again"']);
    await carol.read('g:birds', 6);
    assert.deepEqual(await list(carol), ['g:birds 6/11 1 "again"']);
    assert.deepEqual(await list(bob), ['g:birds 0/11 6 "again"']);
    assert.deepEqual(await list(eve), []);
  });

  test('is paged: conversationsPage, conversationsPageBytes, or as asked for', async (t) => {
    const server = await startGodwit(t, { env: { GODWIT_GROUP_MAX_MEMBERS: '2' } });
    const [alice] = await people(t, server, 'alice');
    const { log, directory } = server.godwit.storage;
    const names = Array.from({ length: limits.conversationsPage.value + 5 }, (_, i) => `u${String(i).padStart(4, '0')}`);
    await Promise.all(names.map((user) => directory.addUser(user, 1)));
    for (const user of names) {
      const entry = append(`d:alice:${user}`, user, 'hello');
      await log.append([entry]);
      server.clock.advance(1);
    }
    const names2 = [...names].reverse().map((user) => `d:alice:${user}`);
    const all = await done(alice, 'conversations.list', {});
    assert.deepEqual(all.conversations.map((it) => it.conversation), names2.slice(0, limits.conversationsPage.value));
    const rest = await done(alice, 'conversations.list', { after: all.next });
    assert.deepEqual([rest.conversations.map((it) => it.conversation), rest.next], [names2.slice(limits.conversationsPage.value), '']);
    const found: string[] = [];
    for (let after = ''; found.length === 0 || after !== ''; ) {
      const page = await done(alice, 'conversations.list', { after, limit: 300 });
      assert.ok(page.conversations.length <= 300);
      found.push(...page.conversations.map((it) => it.conversation));
      after = page.next;
    }
    assert.deepEqual(found, names2);
    // With last messages so large that few go into a page.
    await log.append(names.slice(0, 20).map((user) => append(`d:alice:${user}`, user, 'x'.repeat(60_000))));
    const large = await done(alice, 'conversations.list', {});
    assert.equal(large.conversations.length, Math.floor(limits.conversationsPageBytes.value / 60_000));
    assert.equal((await done(alice, 'conversations.list', { after: large.next, limit: 1 })).conversations.length, 1);
  });
});

describe('what is set of a conversation', () => {
  test('is told to all the devices of the user, at once or when they come, and to nobody else', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    const tablet = await Device.connect(t, server, 'alice:tablet');
    const away = await Device.connect(t, server, 'alice:laptop');
    await away.settled();
    await away.leave();
    await bob.send('alice', 'one');
    assert.equal(set((await done(alice, 'conversations.set', { conversation, pinned: true })).state!), 'm0 p c0');
    await tablet.next('feed', 'that it is pinned', (it) => stateOf(it)?.pinned === true);
    await done(tablet, 'conversations.set', { conversation, mutedUntilMs: 5_000n, archived: true });
    await done(alice, 'conversations.set', { conversation, pinned: false });
    await server.restart();
    const expected = ['m0 p c0', 'm5000 a p c0', 'm5000 a c0'];
    assert.deepEqual(await states(await Device.connect(t, server, 'alice:laptop')), expected);
    const back = await Device.connect(t, server, 'bob:phone');
    assert.deepEqual(await states(back), []);
    const { conversations } = await done(await Device.connect(t, server, 'alice:phone'), 'conversations.list', {});
    assert.deepEqual(conversations.flatMap((it) => (it.conversation === conversation ? set(it.state!) : [])), ['m5000 a c0']);
    assert.deepEqual((await done(back, 'conversations.list', {})).conversations.flatMap((it) => (it.conversation === conversation ? set(it.state!) : [])), ['m0 c0']);
  });

  test('at once by two devices, is told last as it then is', async (t) => {
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const wrapStorage = (storage: Storage): Storage => {
      const { conversationSettings } = storage;
      const set: typeof conversationSettings.set = async (user, name, change) => {
        const setting = await conversationSettings.set(user, name, change);
        if (change.pinned) await held;
        return setting;
      };
      return { ...storage, conversationSettings: Object.assign(Object.create(conversationSettings) as typeof conversationSettings, { set }) };
    };
    const server = await startGodwit(t, { wrapStorage });
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    await bob.send('alice', 'one');
    const calls = [alice.call('conversations.set', { conversation, pinned: true }), alice.call('conversations.set', { conversation, archived: true })];
    // Both are being answered.
    await done(alice, 'conversations.list', {});
    letGo();
    await Promise.all(calls);
    await alice.settled();
    assert.equal((await states(alice)).at(-1), 'm0 a p c0');
  });

  test('can be set only by who is or was in it', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, eve] = await people(t, server, 'alice', 'bob', 'eve');
    await alice.send('bob', 'one');
    await group([alice, bob], 'birds');
    for (const name of [conversation, 'g:birds', 'g:nothing', 'd:eve:nobody']) {
      await refused(eve, 'conversations.set', { conversation: name, pinned: true }, Code.UNKNOWN_CONVERSATION);
      await refused(eve, 'conversations.clear', { conversation: name }, Code.UNKNOWN_CONVERSATION);
    }
    await refused(eve, 'conversations.set', { conversation: 'u:eve', pinned: true }, Code.MALFORMED);
    await refused(alice, 'conversations.set', { conversation: 'birds', pinned: true }, Code.MALFORMED);
    await refused(alice, 'conversations.set', { conversation, mutedUntilMs: 2n ** 60n }, Code.MALFORMED);
    assert.deepEqual(await states(eve), []);
  });

  test('a cleared conversation shows its user nothing from before, counts as read, and is whole for the other', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    for (const body of ['one', 'two', 'three']) await alice.send('bob', body);
    assert.equal(set((await done(bob, 'conversations.clear', { conversation })).state!), 'm0 c3');
    for (const restarts of [false, true]) {
      if (restarts) await server.restart();
      const [mine, theirs] = await Promise.all(['bob:tablet', 'alice:tablet'].map((id) => Device.connect(t, server, id)));
      assert.deepEqual(await list(mine), ['d:alice:bob 0/3 0 -']);
      assert.deepEqual((await done(mine, 'history.list', { conversation })).messages, []);
      assert.deepEqual((await done(mine, 'history.list', { conversation, after: 0n })), await done(mine, 'history.list', { conversation, before: 3n }));
      assert.deepEqual(await list(theirs), ['d:alice:bob 0/3 0 "three"']);
      assert.equal((await done(theirs, 'history.list', { conversation })).messages.length, 3);
      await Promise.all([mine, theirs].map((device) => device.leave()));
    }
    assert.equal((await server.godwit.storage.cursors.user('bob', conversation)).read, 0, 'alice is not told that it was read');
    await (await Device.connect(t, server, 'alice:phone')).send('bob', 'four');
    const back = await Device.connect(t, server, 'bob:phone');
    assert.deepEqual(await list(back), ['d:alice:bob 0/4 1 "four"']);
    assert.deepEqual(told((await done(back, 'history.list', { conversation, after: 0n })).messages), ['4 four']);
    const { value } = await httpCall(server, 'bob', 'conversations.list', {});
    assert.deepEqual(value!.conversations.map(shown), ['d:alice:bob 0/4 1 "four"']);
  });
});
