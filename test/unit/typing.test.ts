import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, fromBinary, limits, TypingSchema } from 'godwit-schemas';
import type { Plugin, Refusal } from '../../broker/ports/plugin.js';
import { typingPlugin } from '../../plugins/typing/index.js';
import { Clock, fakeContext, FakeSession, type FakeContext } from './fake-context.js';

const NOTHING = new Uint8Array();

function setUp(): { plugin: Plugin; context: FakeContext; clock: Clock; join: (user: string, device: string) => FakeSession } {
  const clock = new Clock(1e12);
  const context = fakeContext(clock);
  const plugin = typingPlugin();
  void plugin.start?.(context);
  const join = (user: string, device: string): FakeSession => {
    const session = new FakeSession(user, device, clock.nowMs);
    session.filters.add(`u/${user}/typing`);
    context.sessions.add(session);
    return session;
  };
  return { plugin, context, clock, join };
}

async function type(plugin: Plugin, session: FakeSession, conversation: string, payload = NOTHING): Promise<Refusal | undefined> {
  return plugin.control!.typing!(session, { kind: 'typing', conversation }, payload);
}

describe('typing', () => {
  test('reaches every session of the other one, and nobody else', async () => {
    const { plugin, join } = setUp();
    const [alice, tablet, phone, laptop, carol] = [join('alice', 'phone'), join('alice', 'tablet'), join('bob', 'phone'), join('bob', 'laptop'), join('carol', 'phone')];
    assert.equal(await type(plugin, alice, 'd:alice:bob'), undefined);
    for (const session of [phone, laptop]) {
      const [{ topic, payload, retain }, ...more] = session.sent;
      assert.deepEqual([topic, retain, more.length], ['u/bob/typing', false, 0]);
      const { conversation, from } = fromBinary(TypingSchema, payload);
      assert.deepEqual({ conversation, from }, { conversation: 'd:alice:bob', from: 'alice' });
    }
    for (const session of [alice, tablet, carol]) assert.equal(session.sent.length, 0);
    await type(plugin, phone, 'd:alice:bob');
    assert.equal(alice.sent.length, 1);
    assert.equal(fromBinary(TypingSchema, alice.sent[0].payload).from, 'bob');
  });

  test('is refused outside of one\'s conversations, and with a payload', async () => {
    const { plugin, join } = setUp();
    const [alice, bob] = [join('alice', 'phone'), join('bob', 'phone')];
    for (const conversation of ['d:bob:carol', 'd:bob:bob', 'g:team', 'u:alice', 'u:bob', 'd:bob:alice']) {
      assert.equal((await type(plugin, alice, conversation))?.code, Code.NOT_ALLOWED, conversation);
    }
    assert.equal((await type(plugin, alice, 'd:alice:bob', Buffer.from('x')))?.code, Code.MALFORMED);
    assert.equal(bob.sent.length, 0);
  });

  test('in the note to self tells nobody', async () => {
    const { plugin, join } = setUp();
    const [alice, tablet] = [join('alice', 'phone'), join('alice', 'tablet')];
    assert.equal(await type(plugin, alice, 'd:alice:alice'), undefined);
    assert.equal(tablet.sent.length, 0);
  });

  test('beyond typingPerSecond of a connection is dropped; other connections and later seconds are not', async () => {
    const { plugin, join, clock } = setUp();
    const [alice, tablet, bob] = [join('alice', 'phone'), join('alice', 'tablet'), join('bob', 'phone')];
    const most = limits.typingPerSecond.value;
    for (let i = 0; i < 3 * most; i++) assert.equal(await type(plugin, alice, 'd:alice:bob'), undefined, 'dropped, not refused');
    assert.equal(bob.sent.length, most);
    await type(plugin, tablet, 'd:alice:bob');
    assert.equal(bob.sent.length, most + 1);
    clock.nowMs += 1000;
    for (let i = 0; i < 3 * most; i++) await type(plugin, alice, 'd:alice:bob');
    assert.equal(bob.sent.length, 2 * most + 1);
  });

  test('is refused where mayReach objects', async () => {
    const { plugin, context, join } = setUp();
    const [alice, bob, carol] = [join('alice', 'phone'), join('bob', 'phone'), join('carol', 'phone')];
    const blocked: Refusal = { code: Code.NOT_ALLOWED, text: 'blocked' };
    context.objection = (from, to, what) => (from === 'alice' && to === 'bob' && what === 'typing' ? blocked : undefined);
    assert.deepEqual(await type(plugin, alice, 'd:alice:bob'), blocked);
    assert.equal(await type(plugin, alice, 'd:alice:carol'), undefined);
    assert.deepEqual([bob.sent.length, carol.sent.length], [0, 1]);
  });
});
