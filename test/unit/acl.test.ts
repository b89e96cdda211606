import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, parsePublishTopic } from 'godwit-schemas';
import type { Caller } from '../../broker/ports/plugin.js';
import { aclPlugin, publishRefusal } from '../../plugins/acl/index.js';
import { FakeSession } from './fake-context.js';

function codeOf(user: string, topic: string): Code | undefined {
  const parsed = parsePublishTopic(topic);
  assert.ok(parsed, topic);
  return publishRefusal(user, parsed)?.code;
}

describe('publishing', () => {
  test('is allowed to what is one\'s own', () => {
    const topics = ['to/bob', 'to/alice', 'to/bob/raw', 'group/team', 'rpc/messages.send', 'presence/alice', 'read/d:alice:bob', 'read/d:aaron:alice', 'read/d:alice:alice', 'read/u:alice', 'typing/d:alice:bob', 'typing/d:alice:alice'];
    for (const topic of topics) assert.equal(codeOf('alice', topic), undefined, topic);
  });

  test('is refused to what is another\'s', () => {
    const topics = ['presence/bob', 'read/d:bob:carol', 'read/u:bob', 'typing/d:bob:carol', 'typing/u:alice', 'presence/ALICE', 'read/d:alice2:bob'];
    for (const topic of topics) assert.equal(codeOf('alice', topic), Code.NOT_ALLOWED, topic);
  });

  test('of a group is asked where it happens: who is in it changes', () => {
    for (const topic of ['read/g:team', 'typing/g:team', 'group/team']) assert.equal(codeOf('alice', topic), undefined, topic);
  });

  test('knows users by the whole of their name', () => {
    for (const user of ['constructor', '__proto__', 'toString']) {
      assert.equal(codeOf(user, `presence/${user}`), undefined);
      assert.equal(codeOf('alice', `presence/${user}`), Code.NOT_ALLOWED);
    }
  });

  test('is asked of the plugin for the caller', async () => {
    const caller: Caller = { user: 'alice', device: undefined, admin: true, expiresAtMs: 0, session: undefined, address: '' };
    const ask = (topic: string) => aclPlugin().authorizePublish?.(caller, parsePublishTopic(topic)!);
    assert.equal(await ask('to/bob'), undefined);
    assert.equal((await ask('presence/bob'))?.code, Code.NOT_ALLOWED, 'an admin is no other user');
  });
});

describe('subscribing', () => {
  const session = new FakeSession('alice', 'phone', 0);
  const granted = (filter: string, qos: 0 | 1 | 2 = 1) => aclPlugin().authorizeSubscribe?.(session, filter, qos);

  test('is granted under one\'s own prefix, and to a presence by name, at every QoS', () => {
    for (const filter of ['u/alice/#', 'u/alice/msg', 'u/alice/+', 'u/alice/raw/#', 'presence/bob', 'presence/alice']) assert.equal(granted(filter), true, filter);
    for (const qos of [0, 1, 2] as const) assert.equal(granted('u/alice/#', qos), true);
    assert.equal(granted('u/alice/#', 3 as 2), false);
  });

  test('is refused everywhere else', () => {
    const filters = ['#', '+', '+/#', 'u/#', 'u/+/msg', 'u/bob/#', 'u/alice', 'u/alice2/#', 'u/alic+/#', 'presence/#', 'presence/+', 'presence', '/u/alice/#', 'to/alice', 'to/#', '$SYS/#', '$share/g/u/alice/#', '$queue/u/alice/#', 'u/alice/#/msg', '', 'u/alice/\0'];
    for (const filter of filters) assert.equal(granted(filter), false, JSON.stringify(filter));
  });
});
