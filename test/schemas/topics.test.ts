import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deliveryTopics, directConversation, filterGranted, groupConversation, limits, matchesFilter, methods, parseDeliveryTopic, parsePublishTopic, publishTopics, validFilter } from 'godwit-schemas';

/** Valid ids that break careless code. */
const hostile = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'raw', 'u', '-', '_', '0', 'a'.repeat(64)];
/** Not ids at all. */
const bad = ['', ' ', 'a b', 'a.b', 'a:b', 'a/b', '+', '#', '$SYS', '$share', 'é', '\0', 'a\n', 'a'.repeat(65), '..', '%61'];

describe('topics that devices publish to', () => {
  test('are read as they were built, whatever the names', () => {
    for (const name of hostile) {
      const conversation = directConversation(name, 'bob');
      assert.deepEqual(parsePublishTopic(publishTopics.to(name)), { kind: 'to', user: name, raw: false });
      assert.deepEqual(parsePublishTopic(publishTopics.toRaw(name)), { kind: 'to', user: name, raw: true });
      assert.deepEqual(parsePublishTopic(publishTopics.group(name)), { kind: 'group', group: name, raw: false });
      assert.deepEqual(parsePublishTopic(publishTopics.groupRaw(name)), { kind: 'group', group: name, raw: true });
      assert.deepEqual(parsePublishTopic(publishTopics.read(conversation)), { kind: 'read', conversation });
      assert.deepEqual(parsePublishTopic(publishTopics.typing(groupConversation(name))), { kind: 'typing', conversation: `g:${name}` });
      assert.deepEqual(parsePublishTopic(publishTopics.presence(name)), { kind: 'presence', user: name });
    }
    for (const method of [...Object.keys(methods), 'keys.groupInfo.put', 'constructor']) {
      assert.deepEqual(parsePublishTopic(publishTopics.rpc(method)), { kind: 'rpc', method });
    }
  });

  test('with a bad id, an empty or a further level are no topics', () => {
    for (const id of bad) {
      const topics = [publishTopics.to(id), publishTopics.toRaw(id), publishTopics.group(id), publishTopics.groupRaw(id), publishTopics.presence(id)];
      for (const topic of [...topics, publishTopics.read(id), publishTopics.typing(`g:${id}`), publishTopics.read(`d:${id}:bob`)]) {
        assert.equal(parsePublishTopic(topic), undefined, topic);
      }
    }
    for (const method of ['', '.', 'a.', '.a', 'a..b', 'a/b', 'a b', '+', '#', 'a.b.c.d.e', 'x'.repeat(33), '__proto__']) {
      assert.equal(parsePublishTopic(publishTopics.rpc(method)), undefined, method);
    }
    const others = ['', '/', 'to', 'to/', '/to/bob', 'to//bob', 'to/bob/', 'to/bob/raw/', 'to/bob/RAW', 'to/bob/raw/raw', 'TO/bob', 'to /bob', 'u/bob/msg', 'presence/bob/x',
      'read/d:bob:alice', 'read/d:alice', 'read/x:alice', 'read/alice', '$SYS/broker/clients', '$share/g/to/bob', 'to/+', 'to/#', '#', 'constructor/bob', '__proto__/bob', 'group/g/raw/x'];
    for (const topic of others) assert.equal(parsePublishTopic(topic), undefined, topic);
  });
});

describe('topics that devices receive', () => {
  test('are read as they were built, whatever the names', () => {
    for (const user of hostile) {
      for (const kind of ['msg', 'result', 'receipt', 'feed', 'rpc', 'typing', 'gap'] as const) {
        assert.deepEqual(parseDeliveryTopic(deliveryTopics[kind](user)), { kind, user });
        assert.ok(matchesFilter(deliveryTopics.all(user), deliveryTopics[kind](user)));
      }
      const conversation = directConversation(user, 'bob');
      assert.deepEqual(parseDeliveryTopic(deliveryTopics.raw(user, conversation, 'bob')), { kind: 'raw', user, conversation, from: 'bob' });
      assert.deepEqual(parseDeliveryTopic(deliveryTopics.presence(user)), { kind: 'presence', user });
      assert.ok(filterGranted(deliveryTopics.all(user), user));
      assert.ok(filterGranted(deliveryTopics.presence(user), 'someone'));
    }
  });

  test('nothing else is one', () => {
    const others = ['', 'u', 'u/', 'u/alice', 'u/alice/', 'u//msg', 'u/alice/msg/', 'u/alice/msg/x', 'u/alice/constructor', 'u/alice/__proto__', 'u/alice/all', 'u/a b/msg', 'x/alice/msg',
      'presence', 'presence/', 'presence/a/b', 'presence/+', 'u/alice/raw', 'u/alice/raw/d:alice:bob', 'u/alice/raw/d:alice:bob/bob/x', 'u/alice/raw/d:bob:alice/bob', 'u/alice/raw/d:alice:bob/b b', '$SYS/alice/msg'];
    for (const topic of others) assert.equal(parseDeliveryTopic(topic), undefined, topic);
  });
});

test('matchesFilter follows MQTT 3.1.1 section 4.7', () => {
  const matching = [
    ['sport/tennis/player1/#', 'sport/tennis/player1'], ['sport/tennis/player1/#', 'sport/tennis/player1/ranking'], ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon'],
    ['sport/#', 'sport'], ['#', 'a/b'], ['#', '/'], ['sport/tennis/+', 'sport/tennis/player1'], ['sport/+', 'sport/'], ['+/+', '/finance'], ['/+', '/finance'], ['+/tennis/#', 'sport/tennis'],
    ['a/b', 'a/b'], ['$SYS/#', '$SYS/x'], ['$SYS/monitor/+', '$SYS/monitor/Clients'], ['a/+/c', 'a/$b/c'], ['+//', 'a//'],
  ];
  for (const [filter, topic] of matching) assert.ok(matchesFilter(filter, topic), `${filter} ${topic}`);
  const others = [
    ['sport/tennis/+', 'sport/tennis/player1/ranking'], ['sport/+', 'sport'], ['+', '/finance'], ['#', '$SYS/x'], ['+/monitor/Clients', '$SYS/monitor/Clients'],
    ['a/b', 'a/B'], ['a/b', 'a/b/'], ['a/b/', 'a/b'], ['a', 'b'], ['a/b/c', 'a/b'], ['sport/tennis#', 'sport/tennis#'], ['a/#/b', 'a/x/b'], ['a+', 'a+'], ['', ''],
  ];
  for (const [filter, topic] of others) assert.ok(!matchesFilter(filter, topic), `${filter} ${topic}`);
});

test('validFilter knows where wildcards may stand', () => {
  for (const filter of ['#', '+', 'a/#', '+/+/#', 'a/+/b', '/', 'a b', '/#']) assert.ok(validFilter(filter), filter);
  for (const filter of ['', 'a#', '#/a', 'a/#/b', 'a+', '+a', 'a/b+/c', '##', '++', 'a/+#', 'a\0']) assert.ok(!validFilter(filter), filter);
});

describe('filterGranted', () => {
  test('grants what is under the user\'s own name, and literal presence', () => {
    for (const filter of ['u/alice/#', 'u/alice/+', 'u/alice/msg', 'u/alice/raw/#', 'u/alice/raw/+/+', 'u/alice/raw/+/bob', 'presence/bob', 'presence/__proto__']) {
      assert.ok(filterGranted(filter, 'alice'), filter);
    }
  });

  test('refuses everything else', () => {
    const others = ['', '#', '+/#', '+', 'u/#', 'u/+/msg', 'u/+/#', 'u/alice', 'u/alic/#', 'u/alice2/#', 'u/bob/#', 'u//#', '/u/alice/#', 'u/alice/#/x', 'u/alice/a#', 'u/alice/x+', 'U/alice/#',
      'presence/#', 'presence/+', 'presence/', 'presence/bob/#', 'presence/a b', 'presence', 'to/alice', 'to/#', 'rpc/#', 'read/#', '$SYS/#', '$share/x/u/alice/#', '$share/u/alice/#', '$queue/u/alice/#',
      'u/alice/\0', 'u/alice/é', 'u/alice/\ud800', 'constructor', '__proto__', 'u/__proto__/#'];
    for (const filter of others) assert.ok(!filterGranted(filter, 'alice'), filter);
  });

  test('the longest topic fits into the longest filter, and a longer filter is refused', () => {
    const longest = deliveryTopics.raw('a'.repeat(64), directConversation('a'.repeat(64), 'b'.repeat(64)), 'b'.repeat(64));
    assert.ok(filterGranted(longest, 'a'.repeat(64)));
    const room = limits.filterBytes.value - 'u/alice/'.length;
    assert.ok(filterGranted(`u/alice/${'x'.repeat(room)}`, 'alice'));
    assert.ok(!filterGranted(`u/alice/${'x'.repeat(room + 1)}`, 'alice'));
  });
});
