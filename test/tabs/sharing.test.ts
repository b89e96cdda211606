import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, GodwitError, memoryStore, mqttTransport, State, type ClientEvent } from 'godwit-client';
import { createSharedClient } from 'godwit-client/browser';
import { AdminDeviceSchema, ContentSchema, create, createUlid, fromBinary, methods, PresenceSchema, RequestSchema, SealedSchema, toBinary, type Message } from 'godwit-schemas';
import { fakeToken, quick, Recorder, scene, texts } from '../sdk/fixtures.js';
import { Profile } from './profile.js';

const newId = createUlid();

function textIn(message: Message): string {
  const { kind } = fromBinary(ContentSchema, fromBinary(SealedSchema, message.body).payload);
  return kind.case === 'text' ? kind.value.text : '';
}

const bare = (text: string): { id: Uint8Array; body: Uint8Array; flags: number } => ({ id: newId(), body: Buffer.from(text), flags: 2 });

describe('tabs share one client', { timeout: 30_000 }, () => {
  test('one connection and one device; messages come to every tab, are stored once, and read from every tab', scene(async (at) => {
    const broker = await at.broker();
    const profile = new Profile(at, broker);
    const [{ client: one }, { client: two }] = [await profile.client(), await profile.client()];
    const [heardByOne, heardByTwo] = [new Recorder(one, 'message'), new Recorder(two, 'message')];
    await Promise.all([one.connect(), two.connect()]);
    assert.equal(broker.connects.length, 1);
    assert.deepEqual([two.user, two.device, two.connection], ['alice', one.device, 'connected']);
    for (const text of ['a', 'b', 'c']) broker.say('bob', 'alice', bare(text));
    await Promise.all([heardByOne.until(3), heardByTwo.until(3)]);
    for (const { events } of [heardByOne, heardByTwo]) assert.deepEqual(texts(events), ['a', 'b', 'c']);
    for (const client of [one, two]) assert.deepEqual(texts(await client.messages('bob')), ['a', 'b', 'c']);
    const [info] = await two.conversations();
    assert.deepEqual([info], await one.conversations());
    assert.deepEqual([info.seq, info.last?.text, info.unread], [3, 'c', 3]);
  }));

  test('sends of both tabs go out once each, in the order of each tab; both see the outbox, and the ticks', scene(async (at) => {
    const broker = await at.broker();
    const profile = new Profile(at, broker);
    const [{ client: one }, { client: two }] = [await profile.client(), await profile.client()];
    const ticks = new Recorder(one, 'state');
    const sent = Array.from({ length: 40 }, (_, i) => (i % 2 ? two : one).send('bob', `${i}`));
    assert.equal(two.outbox().length >= 20, true, 'its own are there at once');
    await Promise.all(sent.map((message) => message.until('queued')));
    await two.messages('bob');
    for (const client of [one, two]) assert.deepEqual(client.outbox().map(({ id }) => id).sort(), sent.map(({ id }) => id).sort());
    assert.equal(one.outbox().find(({ id }) => id === sent[1].id)!.text, '1');
    await two.connect();
    await Promise.all(sent.map((message) => message.until('sent')));
    const logged = broker.log.entries('d:alice:bob').map(({ message }) => Number(textIn(message)));
    assert.equal(logged.length, 40);
    for (const half of [0, 1]) assert.deepEqual(logged.filter((n) => n % 2 === half), sent.map((_, i) => i).filter((n) => n % 2 === half));
    assert.ok(sent.every(({ seq, sentAtMs }) => seq! > 0 && sentAtMs! > 0));
    broker.receipt('alice', { conversation: 'd:alice:bob', delivered: 40n, read: 40n, atMs: 1n });
    await Promise.all(sent.map((message) => message.until('read')));
    await ticks.until((events) => events.filter(({ state }) => state === 'read').length === 40);
    assert.deepEqual([one.outbox(), two.outbox()], [[], []]);
  }));

  test('errors keep class and code; bytes and big numbers arrive as they are', scene(async (at) => {
    const broker = await at.broker();
    const profile = new Profile(at, broker);
    await profile.client();
    const { client: two } = await profile.client();
    await two.connect();
    broker.onCall = (method) => (method === 'read.set' ? { value: new Uint8Array(0) } : { error: { code: Code.RATE_LIMITED, text: 'slower', retryAfterMs: 77 } });
    const refusal = await two.call('admin.users.list', {}).catch((error: unknown) => error);
    assert.ok(refusal instanceof GodwitError);
    assert.deepEqual([refusal.code, refusal.message, refusal.retryAfterMs, refusal.name], [Code.RATE_LIMITED, 'slower', 77, 'GodwitError']);
    const { response } = methods['admin.devices.list'];
    const devices = toBinary(response, create(response, { devices: [create(AdminDeviceSchema, { device: 'phone', lastSeenMs: 2n ** 50n })] }));
    broker.onCall = (method) => ({ value: method === 'admin.devices.list' ? devices : new Uint8Array(0) });
    assert.deepEqual(toBinary(response, await two.call('admin.devices.list', { user: 'alice' })), devices);
    await two.call('read.set', { conversation: 'd:alice:bob', seq: 2n ** 60n });
    const { params } = fromBinary(RequestSchema, broker.publishes('rpc/read.set')[0].payload as Buffer);
    assert.equal(fromBinary(methods['read.set'].request, params).seq, 2n ** 60n);
    await assert.rejects(two.call('read.set', { seq: (() => 1n) as never }), { code: Code.MALFORMED });
    broker.onMessage = () => ({ code: Code.NOT_ALLOWED, text: 'blocked' });
    const failed = two.sendRaw('bob', new Uint8Array([1, 0, 255]));
    await assert.rejects(failed.until('sent'), (error) => error instanceof GodwitError && error.code === Code.NOT_ALLOWED && error.message === 'blocked');
    broker.onMessage = () => undefined;
    await failed.retry();
    await failed.until('sent');
    assert.deepEqual([...broker.log.entries('d:alice:bob')[0].message.body], [1, 0, 255]);
    await assert.rejects(failed.retry(), { code: Code.CONFLICT });
    for (const to of ['', 'b/ob', 'u:alice']) assert.throws(() => two.send(to, 'x'), { code: Code.MALFORMED });
    await assert.rejects(two.markRead('bob', -1), { code: Code.MALFORMED });
  }));

  test('a message that failed is discarded in one tab, and gone in the other', scene(async (at) => {
    const broker = await at.broker();
    const profile = new Profile(at, broker);
    const [{ client: one }, { client: two }] = [await profile.client(), await profile.client()];
    const failures = new Recorder(one, 'state');
    broker.onMessage = () => ({ code: Code.UNKNOWN_USER });
    await two.connect();
    two.send('nobody', 'x');
    await failures.until((events) => events.some(({ state }) => state === 'failed'));
    const [failed] = one.outbox();
    assert.equal(failed.error?.code, Code.UNKNOWN_USER);
    await failed.discard();
    await two.messages('bob');
    assert.deepEqual([one.outbox(), two.outbox()], [[], []]);
  }));

  test('the device is online while one tab is; whom no tab watches any more is not watched', scene(async (at) => {
    const broker = await at.broker();
    const profile = new Profile(at, broker);
    const [{ client: one }, { client: two, tab }] = [await profile.client(), await profile.client()];
    await Promise.all([one.connect(), two.connect()]);
    const states = (): State[] => broker.publishes('presence/alice').map(({ payload }) => fromBinary(PresenceSchema, payload as Buffer).state);
    one.setPresence(State.AWAY);
    await one.presence.watch('bob');
    assert.deepEqual(states(), []);
    const [heardByOne, heardByTwo] = [new Recorder(one, 'presence'), new Recorder(two, 'presence')];
    broker.session('alice').deliver('presence/bob', toBinary(PresenceSchema, create(PresenceSchema, { state: State.ONLINE })));
    await heardByOne.until(1);
    await two.presence.watch('bob');
    assert.equal(two.presence.of('bob')?.state, State.ONLINE, 'what the server told before');
    await heardByTwo.until(1);
    await one.presence.unwatch('bob');
    assert.ok(broker.session('alice').filters.has('presence/bob'));
    tab.crash();
    await broker.until(() => !broker.session('alice').filters.has('presence/bob') && states().length === 1);
    assert.deepEqual(states(), [State.AWAY], 'the tab that was online is gone');
  }));

  test('a message is dealt with when one tab that listens is done; a tab without listeners does not count', scene(async (at) => {
    const broker = await at.broker();
    const profile = new Profile(at, broker);
    const { client: idle } = await profile.client();
    const { client: busy, tab } = await profile.client();
    let taken!: () => void;
    const inHand = new Promise<void>((resolve) => (taken = resolve));
    busy.on('message', () => (taken(), new Promise(() => {})));
    await Promise.all([idle.connect(), busy.connect()]);
    broker.say('bob', 'alice', bare('hello'));
    await inHand;
    tab.crash();
    const { client: next } = await profile.client();
    const heard = new Recorder(next, 'message');
    await next.connect();
    const [message] = await heard.until(1);
    assert.deepEqual([message.text, message.again], ['hello', true]);
    await next.messages('bob');
    await next.close();
    await idle.close();
    const { client: last } = await profile.client();
    const nothing = new Recorder(last, 'message');
    await last.connect();
    broker.say('bob', 'alice', bare('another'));
    assert.deepEqual(texts(await nothing.until(1)), ['another'], 'the first was dealt with');
  }));

  test('a tab that does not take what comes holds the others back no more than it must: a thousand messages wait', scene(async (at) => {
    const broker = await at.broker();
    const profile = new Profile(at, broker);
    const { client } = await profile.client();
    const stream = client.stream(['message']);
    await client.connect();
    const all = 2_600;
    for (let i = 0; i < all; i++) broker.say('bob', 'alice', bare(`${i}`));
    await broker.until(() => broker.pubacks().length >= 1_000);
    await client.call('read.set', {});
    assert.ok(broker.pubacks().length < all, 'not all are received');
    for (let i = 0; i < all; i++) {
      const { value } = (await stream.next()) as IteratorYieldResult<ClientEvent>;
      assert.equal(value.type === 'message' && value.text, `${i}`);
    }
  }));

  test('without Web Locks each tab is a device of its own', scene(async (at) => {
    const broker = await at.broker();
    // Node 24 has them.
    const platform = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
    Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });
    at.after(() => (platform ? Object.defineProperty(globalThis, 'navigator', platform) : Reflect.deleteProperty(globalThis, 'navigator')));
    const open = async (): Promise<never> => assert.fail('its store is not shared');
    const options = { url: broker.url, token: fakeToken({ sub: 'alice' }), name: 'alice', open, transport: mqttTransport(), timing: quick };
    const tabs = [await createSharedClient(options), await createSharedClient(options)];
    for (const tab of tabs) at.after(() => tab.close());
    await Promise.all(tabs.map((tab) => tab.connect()));
    assert.notEqual(tabs[0].device, tabs[1].device);
    assert.deepEqual(tabs.map(({ connection }) => connection), ['connected', 'connected']);
  }));

  test('a tab that cannot open the store says why, and the next one in line leads', scene(async (at) => {
    const broker = await at.broker();
    const profile = new Profile(at, broker);
    const bad = profile.client({ open: async () => Promise.reject(new GodwitError(Code.STORAGE_FULL, 'the disk is full')) });
    const good = profile.client({ open: async () => memoryStore() });
    await assert.rejects(bad, { code: Code.STORAGE_FULL, message: 'the disk is full' });
    await (await good).client.connect();
    assert.equal(broker.connects.length, 1);
  }));
});
