import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, create, fromBinary, MessageSchema, MessagesSendRequestSchema, type LogTopic, type MessageInitShape } from 'godwit-schemas';
import type { Append } from '../../broker/ports/conversation-log.js';
import { RefusedError, type Caller, type Plugin, type PluginContext } from '../../broker/ports/plugin.js';
import { directPlugin } from '../../plugins/direct/index.js';
import { Clock, FakeSession, fakeContext, type FakeContext } from './fake-context.js';

const alice: Caller = { user: 'alice', device: undefined, admin: false, expiresAtMs: 0, session: undefined, address: '192.0.2.1' };

interface Published {
  caller: Caller;
  topic: LogTopic;
  message: Uint8Array;
}

async function open(outcome: Partial<Append> = { code: Code.OK, seq: 7, sentAtMs: 123, conversation: 'd:alice:bob' }): Promise<{ plugin: Plugin; context: FakeContext; published: Published[] }> {
  const context = fakeContext(new Clock(1_000));
  const published: Published[] = [];
  const publish: PluginContext['publish'] = async (caller, topic, message) => {
    published.push({ caller, topic, message });
    return outcome as Append;
  };
  for (const user of ['alice', 'bob', 'constructor']) await context.storage.directory.addUser(user, 1);
  const plugin = directPlugin();
  await plugin.start!(Object.assign(context, { publish }));
  return { plugin, context, published };
}

describe('a publish to to/<user>', () => {
  const to = (user: string): LogTopic => ({ kind: 'to', user, raw: false });

  test('goes to the log of the two, in both their lists', async () => {
    const { plugin } = await open();
    assert.deepEqual(await plugin.route!(alice, to('bob')), { conversation: 'd:alice:bob', members: ['alice', 'bob'] });
    assert.deepEqual(await plugin.route!({ ...alice, user: 'bob' }, to('alice')), { conversation: 'd:alice:bob', members: ['bob', 'alice'] });
    assert.deepEqual(await plugin.route!(alice, to('constructor')), { conversation: 'd:alice:constructor', members: ['alice', 'constructor'] });
    assert.deepEqual(await plugin.route!(alice, { kind: 'to', user: 'bob', raw: true }), { conversation: 'd:alice:bob', members: ['alice', 'bob'] });
  });

  test('to oneself is the note to self, in one list', async () => {
    const { plugin } = await open();
    assert.deepEqual(await plugin.route!(alice, to('alice')), { conversation: 'd:alice:alice', members: ['alice'] });
  });

  test('to a user who does not exist is UNKNOWN_USER', async () => {
    const { plugin } = await open();
    for (const user of ['nobody', '__proto__', 'toString']) assert.equal(((await plugin.route!(alice, to(user))) as { code: Code }).code, Code.UNKNOWN_USER, user);
  });

  test('to a user who may not be reached is refused as whoever objects says', async () => {
    const { plugin, context } = await open();
    const refusal = { code: Code.NOT_ALLOWED, text: 'blocked' };
    context.objection = (from, user, what) => (from === 'alice' && user === 'bob' && what === 'message' ? refusal : undefined);
    assert.deepEqual(await plugin.route!(alice, to('bob')), refusal);
    assert.ok('conversation' in (await plugin.route!({ ...alice, user: 'bob' }, to('alice')))!);
  });

  test('to a group is not its business', async () => {
    const { plugin } = await open();
    assert.equal(await plugin.route!(alice, { kind: 'group', group: 'g', raw: false }), undefined);
  });
});

describe('messages.send', () => {
  const body = new Uint8Array([1, 2, 3]);
  const id = new Uint8Array(16).fill(9);
  const send = async (plugin: Plugin, request: MessageInitShape<typeof MessagesSendRequestSchema>, caller = alice): Promise<unknown> =>
    plugin.methods!['messages.send']!(caller, create(MessagesSendRequestSchema, request), new Uint8Array(0));
  const refused = (code: Code) => (error: unknown) => error instanceof RefusedError && error.refusal.code === code;

  test('publishes as the caller, from no device', async () => {
    const { plugin, published } = await open();
    const session = new FakeSession('alice', 'phone', 0);
    const answer = await send(plugin, { to: 'bob', message: { id, body, flags: 1 } }, { ...alice, session });
    assert.deepEqual(answer, { id, seq: 7n, sentAtMs: 123n, conversation: 'd:alice:bob' });
    const [{ caller, topic, message }] = published;
    assert.deepEqual([caller.user, caller.session, topic], ['alice', undefined, { kind: 'to', user: 'bob', raw: false }]);
    assert.deepEqual(fromBinary(MessageSchema, message), create(MessageSchema, { id, body, flags: 1 }));
  });

  test('without an id is given one, another each time', async () => {
    const { plugin, published } = await open();
    const answers = [await send(plugin, { to: 'bob', message: { body } }), await send(plugin, { to: 'bob', message: { body } })] as { id: Uint8Array }[];
    const ids = published.map(({ message }) => fromBinary(MessageSchema, message).id);
    assert.deepEqual(ids.map((it) => it.length), [16, 16]);
    assert.deepEqual(answers.map((answer) => answer.id), ids);
    assert.notDeepEqual(ids[0], ids[1]);
  });

  test('passes on what the sender set, so that the log may refuse it', async () => {
    const { plugin, published } = await open();
    await send(plugin, { to: 'bob', message: { id, body, from: 'mallory', seq: 99n } });
    assert.equal(fromBinary(MessageSchema, published[0].message).from, 'mallory');
  });

  test('is refused without a user or a group, with both, without a message', async () => {
    const { plugin, published } = await open();
    await assert.rejects(send(plugin, { group: 'g', to: 'bob', message: { body } }), refused(Code.MALFORMED));
    await assert.rejects(send(plugin, { group: 'a/b', message: { body } }), refused(Code.MALFORMED));
    await assert.rejects(send(plugin, { message: { body } }), refused(Code.MALFORMED));
    await assert.rejects(send(plugin, { to: 'a/b', message: { body } }), refused(Code.MALFORMED));
    await assert.rejects(send(plugin, { to: 'bob' }), refused(Code.MALFORMED));
    assert.equal(published.length, 0);
  });

  test('that is refused by the way of a publish is refused with its code', async () => {
    const { plugin } = await open({ code: Code.STORAGE_FULL });
    await assert.rejects(send(plugin, { to: 'bob', message: { body } }), refused(Code.STORAGE_FULL));
  });
});
