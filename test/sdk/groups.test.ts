import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, createClient, memoryStore, type Client, type Shown } from 'godwit-client';
import { levelStore } from 'godwit-client/node';
import { GroupChangeKind } from 'godwit-schemas';
import { tokenFor } from '../support/address.js';
import { temporaryFolder } from '../support/folder.js';
import { startGodwit, type TestServer } from '../support/godwit.js';
import { Recorder } from './fixtures.js';

/** What is shown of a group, in words. */
const story = (shown: readonly Shown[]): string[] =>
  shown.map((one) => {
    if (one.type === 'gap') return `gap ${one.from}-${one.to}`;
    if (one.type === 'undecodable') return 'undecodable';
    const { content } = one;
    if (content.kind !== 'event') return `${one.from}: ${one.text ?? content.kind}`;
    const { kind } = content.event;
    return kind.case === 'group' ? `${GroupChangeKind[kind.value.kind]} ${kind.value.users.join()}`.trim() : String(kind.case);
  });

describe('groups in the SDK, on a real server', { timeout: 60_000 }, () => {
  const open = async (t: Parameters<typeof startGodwit>[0], server: TestServer, user: string, store = memoryStore()): Promise<Client> => {
    const client = await createClient({ url: `mqtt://127.0.0.1:${server.mqttPort}`, token: () => tokenFor(server, user), user, store, timing: { backoffMinMs: 10, backoffMaxMs: 100 } });
    t.after(() => client.close());
    await client.connect();
    return client;
  };

  test('messages to all, ticks when all others have them, unread counts, replies and reactions', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map((user) => open(t, server, user)));
    const heard = new Recorder(bob, 'message');
    const changed = new Recorder(alice, 'changed');
    await alice.call('groups.create', { group: 'birds', settings: { name: 'Birds' }, members: ['bob', 'carol'] });
    await carol.messages('g:birds');
    await carol.background({ close: true });
    const sent = alice.send('g:birds', 'hello');
    await sent.until('sent');
    await heard.until((events) => events.some(({ text }) => text === 'hello'));
    const hello = heard.events.find(({ text }) => text === 'hello')!;
    await bob.reply('g:birds', hello, 'hi').until('sent');
    await bob.react(hello, '👍').until('sent');
    await changed.until(1);
    assert.equal(sent.state, 'sent', 'carol has not got it');
    carol.foreground();
    await sent.until('delivered');
    await bob.markRead('g:birds', hello.seq);
    await carol.markRead('g:birds', hello.seq);
    await sent.until('read');
    assert.deepEqual(story(await carol.messages('g:birds')), ['CREATED alice,bob,carol', 'alice: hello', 'bob: hi']);
    const [message] = (await alice.messages('g:birds')).filter((one) => one.type === 'message' && one.text === 'hello');
    assert.ok(message.type === 'message');
    assert.deepEqual(message.reactions, [{ emoji: '👍', users: ['bob'] }]);
    const list = await carol.conversations();
    assert.deepEqual(list.filter(({ conversation }) => conversation === 'g:birds').map(({ unread, last }) => [unread, last?.text]), [[1, 'hi']]);
  });

  test('who is removed is told, refused, and keeps what they had; what waits in the outbox fails with why', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = [await open(t, server, 'alice'), await open(t, server, 'bob', await levelStore(await temporaryFolder(t)))];
    const heard = new Recorder(bob, 'message');
    await alice.call('groups.create', { group: 'birds', settings: { name: 'Birds' }, members: ['bob'] });
    await alice.send('g:birds', 'hello').until('delivered');
    await bob.background({ close: true });
    const late = bob.send('g:birds', 'too late');
    await alice.call('groups.remove', { group: 'birds', users: ['bob'] });
    await alice.send('g:birds', 'without bob').until('sent');
    bob.foreground();
    await assert.rejects(late.until('sent'), { code: Code.UNKNOWN_CONVERSATION });
    await heard.until((events) => events.some(({ content }) => content.kind === 'event' && content.event.kind.case === 'group' && content.event.kind.value.kind === GroupChangeKind.REMOVED));
    assert.deepEqual(story(await bob.messages('g:birds')), ['CREATED alice,bob', 'alice: hello', 'REMOVED bob']);
    const feed = story(await bob.messages('u:bob'));
    assert.deepEqual(feed, ['feed', 'feed']);
  });
});
