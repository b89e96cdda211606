import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, limits, publishTopics } from 'godwit-schemas';
import { encodeMessage, newId } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';
import { Wire } from '../support/wire.js';

const REFUSED = 0x80;

describe('a subscription', () => {
  test("is granted under the user's own topics and for anyone's presence, and nowhere else", async (t) => {
    const server = await startGodwit(t);
    await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:phone');
    const granted = ['u/alice/#', 'u/alice/msg', 'u/alice/+', 'u/alice/raw/#', 'u/alice/raw/+/bob', 'u/alice/nothing/yet', 'presence/bob', 'presence/alice', 'presence/nobody'];
    assert.deepEqual(await alice.subscribe(granted), granted.map(() => 1));
    const refused = [
      '#', '+', '+/#', 'u/#', 'u/+/msg', 'u/bob/#', 'u/bob/msg', 'u/+/#', 'u/alice', 'u/ali+/msg', 'u/alic/#', 'U/alice/#',
      'presence/+', 'presence/#', 'presence', 'presence/b+b', 'presence/bob/more', '+/bob',
      '$SYS/#', '$SYS/broker/clients', '$share/group/u/alice/#', '$share/group/u/bob/msg', '/u/alice/msg', 'to/alice', 'to/bob', 'to/#', 'rpc/#', 'read/d:alice:bob', 'typing/d:alice:bob', 'group/#',
      'u/alice/##', 'u/alice/msg#', 'u/alice/#/more',
    ];
    const wellFormed = refused.filter((filter) => !/[^/]#|#.|[^/]\+|\+[^/]/.test(filter));
    assert.deepEqual(await alice.subscribe(wellFormed), wellFormed.map(() => REFUSED));
    // What is no filter at all breaks the protocol: some are refused, none is granted.
    for (const filter of refused.filter((it) => !wellFormed.includes(it))) {
      const wire = await Wire.connect(t, server, 'carol:phone');
      wire.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: filter, qos: 1 }] });
      const answer = await wire.packets.wait('a refusal', (it) => it.cmd === 'suback').catch(() => undefined);
      if (answer?.cmd === 'suback') assert.deepEqual(answer.granted, [REFUSED], filter);
      else assert.equal(wire.open, false);
      await wire.drop();
    }
  });

  test('of several filters is granted and refused one by one, in their order', async (t) => {
    const server = await startGodwit(t);
    const alice = await Wire.connect(t, server, 'alice:phone');
    assert.deepEqual(await alice.subscribe(['u/bob/#', 'u/alice/#', '$SYS/#', 'presence/bob', 'u/+/msg']), [REFUSED, 1, REFUSED, 1, REFUSED]);
    await (await Device.connect(t, server, 'bob:phone')).send('alice', 'for alice');
    await alice.next('msg', 'her message');
    const record = await server.godwit.storage.directory.device('alice', 'phone');
    assert.deepEqual([...record!.filters.keys()].sort(), ['presence/bob', 'u/alice/#']);
  });

  test("of another's topics that was refused gives nothing, now and after a reconnect", async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone');
    const eve = await Wire.connect(t, server, 'eve:phone');
    await eve.subscribe(['u/bob/#', 'u/+/msg', '#', '$SYS/#']);
    await alice.send('bob', 'secret');
    await bob.message('secret');
    await eve.pong();
    await eve.leave();
    const again = await Wire.dial(t, server);
    const { sessionPresent } = await again.login(server, 'eve:phone');
    assert.equal(sessionPresent, false);
    await alice.send('bob', 'secret too');
    await bob.message('secret too');
    await again.pong();
    assert.deepEqual([...eve.packets.all, ...again.packets.all].filter((it) => it.cmd === 'publish'), []);
  });

  test('beyond limits.subscriptions, or of more than filterBytes, is refused', async (t) => {
    const server = await startGodwit(t);
    const alice = await Wire.connect(t, server, 'alice:phone');
    const most = limits.subscriptions.value;
    const filters = Array.from({ length: most + 5 }, (_, i) => `u/alice/raw/d:alice:user${i}/+`);
    const granted: number[] = [];
    for (let i = 0; i < filters.length; i += 300) granted.push(...(await alice.subscribe(filters.slice(i, i + 300))));
    assert.deepEqual(granted, filters.map((_, i) => (i < most ? 1 : REFUSED)));
    assert.deepEqual(await alice.subscribe(filters[0]), [1], 'one that it has is no more');
    alice.send({ cmd: 'unsubscribe', messageId: 99, unsubscriptions: [filters[1]] });
    await alice.packets.wait('the UNSUBACK', (it) => it.cmd === 'unsuback');
    assert.deepEqual(await alice.subscribe(filters[most]), [1], 'there is room again');
    const bob = await Wire.connect(t, server, 'bob:phone');
    const longest = limits.filterBytes.value;
    assert.deepEqual(await bob.subscribe(['u/bob/'.padEnd(longest, 'x'), 'u/bob/'.padEnd(longest + 1, 'x')]), [1, REFUSED]);
  });
});

describe('a publish', () => {
  test('to a topic that is none of the design is refused with NOT_ALLOWED, and the connection stays', async (t) => {
    const server = await startGodwit(t);
    await Device.connect(t, server, 'bob:phone');
    const alice = await Device.connect(t, server, 'alice:phone');
    const topics = [
      'u/alice/msg', 'u/bob/msg', 'u/bob/result', 'u/bob/raw/d:alice:bob/alice', 'u/bob/gap', '$SYS/x', '$share/g/to/bob', 'to', 'to/', 'to/bob/', 'to/bob/rawer', 'to/bob/raw/more',
      'TO/bob', '/to/bob', 'presence/bob', 'presence', 'presence/alice/more', 'read', 'read/x', 'read/d:bob:alice', 'typing/d:bob:carol', 'rpc/', 'rpc/a b', 'rpc/messages.send/more', 'anything', 'to/b b', 'group/', `to/${'x'.repeat(65)}`,
    ];
    const id = newId();
    for (const topic of topics) {
      const result = await alice.publish(topic, encodeMessage('hello', { id }), id);
      assert.equal(result.code, Code.NOT_ALLOWED, topic);
      assert.notEqual(result.text, '');
    }
    await alice.send('bob', 'still here');
  });

  test('to a group is refused: there are none in this version', async (t) => {
    const server = await startGodwit(t);
    const alice = await Device.connect(t, server, 'alice:phone');
    const id = newId();
    assert.equal((await alice.publish(publishTopics.group('friends'), encodeMessage('hello', { id }), id)).code, Code.UNKNOWN_CONVERSATION);
    assert.equal((await alice.publish(publishTopics.groupRaw('friends'), 'hello')).code, Code.UNKNOWN_CONVERSATION);
  });

  test('with retain is a publish like others: nothing is retained', async (t) => {
    const server = await startGodwit(t);
    const alice = await Wire.connect(t, server, 'alice:phone');
    const bob = await Device.connect(t, server, 'bob:phone');
    alice.message('bob', 'hello', {}, { retain: true });
    assert.equal((await bob.message('hello')).retain, false);
    const later = await Device.connect(t, server, 'bob:later', { clean: true });
    await later.settled();
    assert.deepEqual(later.bodies, []);
  });
});

describe('a will', () => {
  test('to a log is appended when the connection dies, and not after a DISCONNECT', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    const will = (body: string) => ({ topic: publishTopics.to('bob'), payload: encodeMessage(body), qos: 1 as const, retain: false });
    const leaving = await Wire.connect(t, server, 'alice:phone', { will: will('never said') });
    await leaving.leave();
    const dying = await Wire.connect(t, server, 'alice:phone', { will: will('last words') });
    await dying.drop();
    assert.equal((await bob.message('last words')).value.from, 'alice');
    assert.deepEqual(bob.bodies, ['last words']);
  });

  test('of a connection that a takeover ended is not lost with the new one', async (t) => {
    const server = await startGodwit(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    const will = (body: string) => ({ topic: publishTopics.toRaw('bob'), payload: Buffer.from(body), qos: 2 as const, retain: false });
    await Wire.connect(t, server, 'alice:phone', { will: will('of the first') });
    const second = await Wire.connect(t, server, 'alice:phone', { will: will('of the second') });
    await second.drop();
    await bob.message('of the second');
  });
});
