import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, State, type Client } from 'godwit-client';
import { create, createUlid, ContentSchema, fromBinary, PresenceSchema, SealedSchema, toBinary } from 'godwit-schemas';
import type { FakeBroker } from '../sdk/fake-broker.js';
import { Recorder, scene, type Scene } from '../sdk/fixtures.js';
import { Profile, type FakeTab } from './profile.js';

const newId = createUlid();
const hour = 3_600_000;

interface Tabs {
  readonly leader: Client;
  readonly leading: FakeTab;
  readonly follower: Client;
  readonly profile: Profile;
}

async function tabs(at: Scene, broker: FakeBroker, options: ConstructorParameters<typeof Profile>[2] = {}): Promise<Tabs> {
  const profile = new Profile(at, broker, options);
  const { client: leader, tab: leading } = await profile.client();
  const { client: follower } = await profile.client();
  await Promise.all([leader.connect(), follower.connect()]);
  return { leader, leading, follower, profile };
}

const states = (broker: FakeBroker): State[] => broker.publishes('presence/alice').map(({ payload }) => fromBinary(PresenceSchema, payload as Buffer).state);
const keepalives = (broker: FakeBroker): (number | undefined)[] => broker.connects.map(({ keepalive }) => keepalive);

function say(broker: FakeBroker, text: string): void {
  const payload = toBinary(ContentSchema, create(ContentSchema, { kind: { case: 'text', value: { text } } }));
  broker.say('bob', 'alice', { id: newId(), body: toBinary(SealedSchema, create(SealedSchema, { payload })) });
}

describe('a tab that does not lead has the whole client', { timeout: 30_000 }, () => {
  test('replies, edits, reactions and deletions: every tab is told what they change, and reads the same', scene(async (at) => {
    const broker = await at.broker();
    const { leader, follower } = await tabs(at, broker);
    const [heard, changes, elsewhere] = [new Recorder(follower, 'message'), new Recorder(follower, 'changed'), new Recorder(leader, 'changed')];
    say(broker, 'hello');
    const [hello] = await heard.until(1);
    const own = follower.reply('bob', hello, 'yes', { expiresInS: 600 });
    assert.equal(own.expiresInS, 600);
    await own.until('sent');
    await follower.edit(own, 'yes!').until('sent');
    await follower.react(hello, '👍').until('sent');
    await follower.react(hello, '🎉').until('sent');
    await follower.unreact(hello, '👍').until('sent');
    await Promise.all([changes.until(4), elsewhere.until(4)]);
    assert.deepEqual(changes.events, elsewhere.events);
    assert.equal(broker.log.entries('d:alice:bob')[2].message.expiresInS, 600, 'an edit disappears with its message');
    const [first, second] = await follower.messages('bob');
    assert.ok(first.type === 'message' && second.type === 'message');
    assert.deepEqual([first.reactions.map(({ emoji }) => emoji), second.text, second.replyTo?.id], [['🎉'], 'yes!', hello.id]);
    await follower.delete(own).until('sent');
    await Promise.all([changes.until(5), elsewhere.until(5)]);
    assert.equal(changes.events[4].message.content.kind, 'deleted');
    assert.deepEqual(await follower.messages('bob'), await leader.messages('bob'));
    assert.throws(() => follower.edit(hello, 'x'), { code: Code.NOT_ALLOWED });
    assert.throws(() => follower.reply('carol', hello, 'x'), { code: Code.MALFORMED });
    assert.throws(() => follower.send('bob', { kind: 'location', latitude: 91, longitude: 0 }), { code: Code.MALFORMED });
  }));

  test('the list of conversations, and its changes, also from the next leader', scene(async (at) => {
    const broker = await at.broker();
    const { leader, leading, follower } = await tabs(at, broker);
    const changes = new Recorder(follower, 'conversation');
    // What was asked before this is told by then.
    await follower.conversations();
    say(broker, 'one');
    await changes.until((events) => events.some(({ unread, last }) => unread === 1 && last?.text === 'one'));
    await follower.markRead('bob', 1);
    await changes.until((events) => events.at(-1)?.unread === 0);
    assert.deepEqual(await follower.conversations(), await leader.conversations());
    const connections = new Recorder(follower, 'connection');
    leading.crash();
    await connections.until((events) => events.at(-1)?.state === 'connected');
    say(broker, 'two');
    await changes.until((events) => events.some(({ last }) => last?.text === 'two'));
    assert.deepEqual((await follower.conversations()).map(({ unread, last }) => [unread, last?.text]), [[1, 'two']]);
  }));

  test("the server's clock is known in every tab", scene(async (at) => {
    const broker = await at.broker();
    broker.log.now = () => Date.now() + hour;
    const { leader, follower, profile } = await tabs(at, broker);
    assert.ok(Math.abs(follower.serverTimeMs() - Date.now()) < hour / 2, 'nothing is known yet');
    await follower.send('bob', 'hello').until('sent');
    const { client: late } = await profile.client();
    for (const client of [leader, follower, late]) assert.ok(Math.abs(client.serverTimeMs() - Date.now() - hour) < hour / 2);
  }));
});

describe('tabs out of sight', { timeout: 30_000 }, () => {
  const long = { timing: { keepaliveS: 30, backgroundKeepaliveS: 600 } };

  test('the device is in background while all tabs are', scene(async (at) => {
    const broker = await at.broker();
    const { leader, follower, profile } = await tabs(at, broker, long);
    await leader.background();
    assert.deepEqual([keepalives(broker), states(broker)], [[30], []], 'one is in front');
    await follower.background();
    await broker.until(() => states(broker).at(-1) === State.AWAY);
    assert.deepEqual(keepalives(broker), [30, 600]);
    leader.foreground();
    await broker.until(() => keepalives(broker).length === 3 && states(broker).at(-1) === State.ONLINE);
    assert.equal(keepalives(broker)[2], 30);
    await leader.background();
    assert.equal(keepalives(broker).at(-1), 600);
    const { client: opened } = await profile.client();
    await broker.until(() => keepalives(broker).at(-1) === 30);
    await opened.close();
    await broker.until(() => keepalives(broker).at(-1) === 600);
  }));

  test('closed only when every tab asks for it; coming back connects', scene(async (at) => {
    const broker = await at.broker();
    const { leader, follower } = await tabs(at, broker, long);
    await follower.background({ close: true });
    assert.equal(leader.connection, 'connected');
    const connections = new Recorder(follower, 'connection');
    await leader.background({ close: true });
    await connections.until((events) => events.at(-1)?.state === 'idle');
    const sent = follower.send('bob', 'later');
    await sent.until('queued');
    follower.foreground();
    await sent.until('sent');
    assert.equal(keepalives(broker).at(-1), 30);
  }));

  test('the next leader stays in background, and does not connect where nobody wants it', scene(async (at) => {
    const broker = await at.broker();
    const { leader, leading, follower } = await tabs(at, broker, long);
    await leader.background({ close: true });
    await follower.background({ close: true });
    leading.crash();
    await follower.messages('bob');
    assert.deepEqual([follower.connection, broker.connects.length], ['idle', 1]);
    await follower.connect();
    assert.equal(keepalives(broker).at(-1), 600, 'a push has woken it: it is in background still');
    await follower.background({ close: true });
    const connections = new Recorder(follower, 'connection');
    follower.foreground();
    await connections.until((events) => events.at(-1)?.state === 'connected');
    assert.equal(keepalives(broker).at(-1), 30);
  }));
});
