import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { clientId, directConversation, feedConversation, groupConversation, parseClientId, parseConversation, peerOf, validDeviceId, validGroupId, validUserId } from 'godwit-schemas';
import { Random } from './random.js';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';

describe('ids', () => {
  test('every allowed letter, up to the longest', () => {
    for (const letter of alphabet) {
      assert.ok(validUserId(letter) && validGroupId(letter) && validDeviceId(letter), letter);
    }
    assert.ok(validUserId(alphabet) && validGroupId(alphabet) && validDeviceId(alphabet.slice(0, 32)));
    assert.ok(!validUserId(`${alphabet}a`) && !validGroupId(`${alphabet}a`) && !validDeviceId(alphabet.slice(0, 33)));
  });

  test('no other letter of the first 0x300', () => {
    for (let unit = 0; unit < 0x300; unit++) {
      const letter = String.fromCharCode(unit);
      const allowed = alphabet.includes(letter);
      for (const id of [letter, `a${letter}`, `${letter}a`]) {
        assert.equal(validUserId(id), allowed, JSON.stringify(id));
        assert.equal(validDeviceId(id), allowed, JSON.stringify(id));
        assert.equal(validGroupId(id), allowed, JSON.stringify(id));
      }
    }
    assert.ok(!validUserId('') && !validDeviceId('') && !validGroupId(''));
  });

  test('client ids part at their one colon', () => {
    for (const [user, device] of [['alice', 'phone'], ['constructor', '__proto__'], ['-', '_']]) {
      assert.deepEqual(parseClientId(clientId(user, device)), { user, device });
    }
    for (const id of ['', ':', 'alice', 'alice:', ':phone', 'alice:phone:x', 'a b:c', 'alice:ph one', `alice:${'d'.repeat(33)}`, `${'u'.repeat(65)}:d`, 'alice/phone', 'alice:phone\n']) {
      assert.equal(parseClientId(id), undefined, JSON.stringify(id));
    }
  });
});

describe('conversations', () => {
  test('are read as they were built', () => {
    const random = new Random(31);
    const name = (): string => Array.from({ length: 1 + random.below(64) }, () => random.pick([...alphabet])).join('');
    for (let i = 0; i < 1000; i++) {
      const a = name();
      const b = random.chance(0.1) ? a : name();
      const direct = directConversation(a, b);
      assert.equal(direct, directConversation(b, a));
      const users = [a, b].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
      assert.deepEqual(parseConversation(direct), { kind: 'direct', users });
      assert.equal(peerOf(direct, a), b);
      assert.equal(peerOf(direct, b), a);
      assert.equal(peerOf(direct, `${a}x`.slice(-64)), users.includes(`${a}x`.slice(-64)) ? users[0] : undefined);
      assert.deepEqual(parseConversation(groupConversation(a)), { kind: 'group', group: a });
      assert.deepEqual(parseConversation(feedConversation(a)), { kind: 'feed', user: a });
    }
  });

  test('the note to self', () => {
    assert.deepEqual(parseConversation('d:alice:alice'), { kind: 'direct', users: ['alice', 'alice'] });
    assert.equal(peerOf('d:alice:alice', 'alice'), 'alice');
    assert.equal(peerOf('d:alice:alice', 'bob'), undefined);
  });

  test('sorted by bytes, not by a language', () => {
    assert.equal(directConversation('alice', 'Bob'), 'd:Bob:alice');
    assert.equal(directConversation('a_', 'a-'), 'd:a-:a_');
    assert.equal(directConversation('a10', 'a9'), 'd:a10:a9');
    assert.equal(directConversation('ab', 'a'), 'd:a:ab');
  });

  test('only canonical names', () => {
    const others = ['', 'd', 'd:', 'd::', 'd:alice', 'd:alice:', 'd::alice', 'd:bob:alice', 'd:alice:bob:', 'd:alice:bob:carol', 'D:alice:bob', 'g:', 'g:a:b', 'g:a b', 'u:', 'u:a:b', 'x:alice', 'alice', 'd:alice:bob ', ' d:alice:bob', `g:${'g'.repeat(65)}`, 'd:a/b:c', 'd:+:b', 'g:#'];
    for (const name of others) {
      assert.equal(parseConversation(name), undefined, name);
      assert.equal(peerOf(name, 'alice'), undefined, name);
    }
    assert.equal(peerOf('g:alice', 'alice'), undefined);
    assert.equal(peerOf('u:alice', 'alice'), undefined);
  });
});
