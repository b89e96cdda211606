import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Code, MessageSchema, create } from 'godwit-schemas';
import { pino } from 'pino';
import { createGodwit, ConfigError, ListenError, RefusedError, StorageOpenError, type Append, type Caller, type ConnectedSession, type GodwitOptions, type Plugin, type PluginContext } from '../../broker/index.js';
import { bodyOf, newId } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { temporaryFolder } from '../support/folder.js';
import { SECRET, startGodwit } from '../support/godwit.js';
import { httpCall } from '../support/http.js';
import { until } from '../support/recorder.js';

const textOf = ({ buffer, start, end }: Append): string => Buffer.from(buffer.subarray(start, end)).toString('latin1');

describe('createGodwit', () => {
  test('starts the server within the process, as the environment would, and stops it', async (t) => {
    const folder = await temporaryFolder(t);
    const env = { GODWIT_MQTT_PORT: '0', GODWIT_HTTP_PORT: '0', GODWIT_DATA: join(folder, 'data'), GODWIT_AUTH_SECRET: SECRET, GODWIT_LOG_LEVEL: 'silent' };
    const godwit = await createGodwit({ env });
    t.after(() => godwit.stop());
    assert.ok(godwit.mqttPort > 0 && godwit.httpPort > 0);
    assert.deepEqual([godwit.mqttsPort, godwit.config.data, godwit.config.messagesPerMinute], [undefined, join(folder, 'data'), 100]);
    const address = { mqttPort: godwit.mqttPort, httpPort: godwit.httpPort, secret: SECRET };
    const alice = await Device.connect(t, address, 'alice:phone');
    await alice.send('alice', 'note');
    await godwit.stop();
    await alice.closed;
  });

  test('says in one line what is wrong, and leaves nothing open', async (t) => {
    const folder = await temporaryFolder(t);
    const log = pino({ level: 'silent' });
    const good = { GODWIT_MQTT_PORT: '0', GODWIT_HTTP_PORT: '0', GODWIT_DATA: join(folder, 'data'), GODWIT_AUTH_SECRET: SECRET };
    const rejects = async (env: Record<string, string>, type: new (...args: never[]) => Error, text: RegExp): Promise<void> => {
      const error = await createGodwit({ env: { ...good, ...env }, log } satisfies GodwitOptions).then(() => undefined, (it: unknown) => it);
      assert.ok(error instanceof type, String(error));
      assert.match(error.message, text);
      assert.ok(!error.message.includes('\n'));
    };
    await rejects({ GODWIT_MQTT_PORT: 'many' }, ConfigError, /GODWIT_MQTT_PORT/);
    const first = await createGodwit({ env: good, log });
    t.after(() => first.stop());
    await rejects({}, StorageOpenError, /in use/);
    await rejects({ GODWIT_DATA: join(folder, 'other'), GODWIT_HTTP_PORT: String(first.httpPort) }, ListenError, /GODWIT_HTTP_PORT/);
    // What failed to listen has let go of its folder.
    const second = await createGodwit({ env: { ...good, GODWIT_DATA: join(folder, 'other') }, log });
    await second.stop();
  });
});

describe('a plugin of one\'s own', () => {
  test('auth hook: knows tokens of another kind; what it does not know goes on to the next', async (t) => {
    const plugin: Plugin = {
      name: 'sessions of the web site',
      authenticate: async (token) => {
        await Promise.resolve();
        const [, user] = /^session-(\w+)$/.exec(token) ?? [];
        if (user === 'eve') return { code: Code.UNAUTHENTICATED, text: 'eve was thrown out' };
        return user === undefined ? undefined : { user, device: undefined, admin: false, expiresAtMs: 0 };
      },
    };
    const server = await startGodwit(t, { plugins: [plugin] });
    const alice = await Device.connect(t, server, 'alice:phone', { password: 'session-alice' });
    const bob = await Device.connect(t, server, 'bob:phone');
    await alice.send('bob', 'hello');
    await bob.message('hello');
    await assert.rejects(Device.connect(t, server, 'eve:phone', { password: 'session-eve' }), /Not authorized/i);
    await assert.rejects(Device.connect(t, server, 'carol:phone', { password: 'session-alice' }), /Not authorized/i);
    assert.equal((await httpCall(server, 'alice', 'read.set', { conversation: 'd:alice:bob', seq: 1n }, { token: 'session-alice' })).status, 200);
  });

  test('before-append hook: sees every message by whatever door, and refuses; it may take its time', async (t) => {
    const asked: [string, string, string | undefined][] = [];
    const plugin: Plugin = {
      name: 'moderation',
      beforeAppend: async (append: Append, caller: Caller) => {
        asked.push([append.from, append.conversation, caller.session?.device]);
        await new Promise((resolve) => setImmediate(resolve));
        const text = textOf(append);
        if (text.includes('rude')) return { code: Code.NOT_ALLOWED, text: 'mind your language' };
        if (text.includes('later')) throw new RefusedError({ code: Code.UNAVAILABLE, text: 'the moderators sleep', retryAfterMs: 5_000 });
        return undefined;
      },
    };
    const server = await startGodwit(t, { plugins: [plugin] });
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = await Device.connect(t, server, 'alice:phone');
    const results = await Promise.all(['one', 'rude', 'two', 'later', 'three'].map((body) => alice.send(body === 'later' ? 'alice' : 'bob', body)));
    assert.deepEqual(results.map((it) => [it.code, it.text, it.retryAfterMs]), [
      [Code.OK, '', 0], [Code.NOT_ALLOWED, 'mind your language', 0], [Code.OK, '', 0], [Code.UNAVAILABLE, 'the moderators sleep', 5_000], [Code.OK, '', 0],
    ]);
    await alice.client.publishAsync('to/bob/raw', 'rude', { qos: 1 });
    await alice.client.publishAsync('to/bob', Buffer.from(''), { qos: 1 });
    await alice.client.publishAsync('to/bob/raw', 'raw', { qos: 2 });
    const byHttp = await httpCall(server, 'alice', 'messages.send', { to: 'bob', message: create(MessageSchema, { body: Buffer.from('rude') }) });
    assert.deepEqual([byHttp.status, byHttp.error?.text], [403, 'mind your language']);
    await bob.messages(4);
    assert.deepEqual(bob.bodies, ['one', 'two', 'three', 'raw']);
    assert.deepEqual(asked.at(0), ['alice', 'd:alice:bob', 'phone']);
    assert.deepEqual(asked.at(-1), ['alice', 'd:alice:bob', undefined]);
    assert.equal(asked.length, 8);
  });

  test('after-append hook: is told of everything that is durable, and of what was not appended', async (t) => {
    const told: [string, number, Code, boolean][] = [];
    const plugin: Plugin = {
      name: 'archive',
      afterAppend: (batch) => {
        for (const it of batch) told.push([textOf(it).slice(-5), it.seq, it.code, it.duplicate]);
      },
    };
    const server = await startGodwit(t, { plugins: [plugin] });
    await Device.connect(t, server, 'bob:phone');
    const alice = await Device.connect(t, server, 'alice:phone');
    const id = newId();
    await alice.send('bob', 'first', { id });
    await alice.send('bob', 'first', { id });
    await alice.send('nobody', 'never');
    await alice.send('bob', 'other');
    await until('all are told', () => told.length === 3);
    assert.deepEqual(told, [['first', 1, Code.OK, false], ['first', 1, Code.OK, true], ['other', 2, Code.OK, false]]);
  });

  test('mayReach: is asked for messages, typing and presence, and what it refuses does not happen', async (t) => {
    const asked = new Set<string>();
    const plugin: Plugin = {
      name: 'blocks',
      mayReach: (from, to, what) => {
        asked.add(`${from} ${to} ${what}`);
        return from === 'eve' ? { code: Code.NOT_ALLOWED, text: `${to} has blocked you` } : undefined;
      },
    };
    const server = await startGodwit(t, { plugins: [plugin] });
    const bob = await Device.connect(t, server, 'bob:phone');
    const eve = await Device.connect(t, server, 'eve:phone', { filters: ['u/eve/#', 'presence/bob'] });
    const alice = await Device.connect(t, server, 'alice:phone', { filters: ['u/alice/#', 'presence/bob'] });
    const refused = await eve.send('bob', 'hello');
    assert.deepEqual([refused.code, refused.text], [Code.NOT_ALLOWED, 'bob has blocked you']);
    assert.equal((await eve.publish('typing/d:bob:eve', '')).code, Code.NOT_ALLOWED);
    await alice.next('presence', "bob's presence");
    await alice.client.publishAsync('typing/d:alice:bob', '', { qos: 1 });
    await bob.next('typing', 'typing of alice');
    assert.deepEqual([eve.got('presence'), bob.bodies, bob.got('typing').length], [[], [], 1]);
    for (const what of ['eve bob message', 'eve bob typing', 'eve bob presence', 'alice bob typing']) assert.ok(asked.has(what), what);
  });

  test('context: publishes as somebody, ends sessions, counts in /metrics, and hears who comes and goes', async (t) => {
    let context!: PluginContext;
    const events: string[] = [];
    const name = ({ user, device }: ConnectedSession): string => `${user}:${device}`;
    const plugin: Plugin = {
      name: 'greeter',
      start: (given) => void (context = given),
      stop: () => void events.push('stop'),
      connected: (session) => void events.push(`connected ${name(session)}`),
      disconnected: (session, clean) => void events.push(`disconnected ${name(session)} ${clean ? 'clean' : 'lost'}`),
      subscribed: (session, added) => void events.push(`subscribed ${name(session)} ${added.join()}`),
      unsubscribed: (session, removed) => void events.push(`unsubscribed ${name(session)} ${removed.join()}`),
      delivered: (user, conversation, seq) => void events.push(`delivered ${user} ${conversation} ${seq}`),
      read: (user, conversation, seq) => void events.push(`read ${user} ${conversation} ${seq}`),
    };
    const server = await startGodwit(t, { plugins: [plugin] });
    const bob = await Device.connect(t, server, 'bob:phone');
    await context.storage.directory.addUser('helper', context.now());
    const helper: Caller = { user: 'helper', device: undefined, admin: false, expiresAtMs: 0, session: undefined, address: '' };
    const message = Buffer.from([0x0a, 16, ...newId(), 0x12, 7, ...Buffer.from('welcome')]);
    const append = await context.publish(helper, { kind: 'to', user: 'bob', raw: false }, message);
    assert.deepEqual([append.code, append.seq, append.from], [Code.OK, 1, 'helper']);
    assert.equal(bodyOf(await bob.message('welcome')), 'welcome');
    await assert.rejects(context.publish(helper, { kind: 'to', user: 'nobody', raw: false }, message), (error: RefusedError) => error.refusal.code === Code.UNKNOWN_USER);
    await until('the delivery is told', () => events.includes('delivered bob d:bob:helper 1'));
    await bob.read('d:bob:helper', 1);
    await bob.client.unsubscribeAsync('u/bob/typing');
    await bob.subscribe('presence/alice');
    assert.equal(context.meters.accepted, 1);
    for (const session of context.hub.of('bob')) session.end({ code: Code.REVOKED, text: 'enough for today' });
    await bob.closed;
    assert.deepEqual(bob.got('result').map((it) => [it.value.code, it.value.text]), [[Code.REVOKED, 'enough for today']]);
    await (await Device.connect(t, server, 'bob:phone')).leave();
    await until('he has left', () => events.includes('disconnected bob:phone clean'));
    await server.stop();
    assert.deepEqual(events.filter((it) => !it.startsWith('delivered')), [
      'connected bob:phone', 'subscribed bob:phone u/bob/#', 'read bob d:bob:helper 1', 'unsubscribed bob:phone u/bob/typing', 'subscribed bob:phone presence/alice', 'disconnected bob:phone lost',
      'connected bob:phone', 'subscribed bob:phone u/bob/#,presence/alice', 'disconnected bob:phone clean', 'stop',
    ]);
  });
});
