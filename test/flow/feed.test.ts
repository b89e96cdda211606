import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, create, EventSchema, FeedSchema, feedConversation, MessageSchema, Reason, toBinary } from 'godwit-schemas';
import type { Append } from '../../broker/ports/conversation-log.js';
import type { Plugin, PluginContext } from '../../broker/ports/plugin.js';
import { bodyOf, gapOf, newId } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit, type TestServer } from '../support/godwit.js';

/** A plugin that writes into feeds, as groups and keys will. */
class Feeds implements Plugin {
  readonly name = 'feeds';
  private context!: PluginContext;

  start(context: PluginContext): void {
    this.context = context;
  }

  async write(user: string, body: string, expiresInS = 0): Promise<void> {
    const id = newId();
    const event = create(EventSchema, { kind: { case: 'feed', value: create(FeedSchema, {}) } });
    const buffer = toBinary(MessageSchema, create(MessageSchema, { id, body: Buffer.from(body), expiresInS, event }));
    const append: Append = {
      conversation: feedConversation(user), members: [user], from: user, fromDevice: '', id, buffer, start: 0, end: buffer.length,
      aux: undefined, flags: 0, epoch: 0, expiresInS, code: Code.OK, seq: 0, sentAtMs: 0, duplicate: false,
    };
    await this.context.storage.log.append([append]);
    this.context.wake([user], append.conversation);
  }
}

describe("a user's feed", () => {
  const start = async (t: Parameters<typeof startGodwit>[0]): Promise<{ server: TestServer; feeds: Feeds }> => {
    const feeds = new Feeds();
    return { server: await startGodwit(t, { plugins: [feeds] }), feeds };
  };

  test('is delivered like messages, on its own topic, to all devices, and to nobody else', async (t) => {
    const { server, feeds } = await start(t);
    const phone = await Device.connect(t, server, 'bob:phone');
    await (await Device.connect(t, server, 'bob:laptop')).leave();
    const alice = await Device.connect(t, server, 'alice:phone');
    await feeds.write('bob', 'one');
    await feeds.write('bob', 'two');
    const laptop = await Device.connect(t, server, 'bob:laptop');
    for (const device of [phone, laptop]) {
      await device.next('feed', 'the second entry', (it) => bodyOf(it) === 'two');
      const entries = device.got('feed');
      assert.deepEqual(entries.map((it) => [it.topic, it.qos, bodyOf(it), it.value.conversation, it.value.seq]), [['u/bob/feed', 1, 'one', 'u:bob', 1n], ['u/bob/feed', 1, 'two', 'u:bob', 2n]]);
      assert.equal(entries[0].value.event?.kind.case, 'feed');
      assert.deepEqual(device.got('msg'), []);
    }
    await alice.settled();
    assert.deepEqual(alice.got('feed'), []);
    await laptop.settled();
    await laptop.leave();
    const again = await Device.connect(t, server, 'bob:laptop');
    await again.settled();
    assert.deepEqual(again.got('feed'), []);
  });

  test('tells its gaps on the same topic', async (t) => {
    const { server, feeds } = await start(t);
    await (await Device.connect(t, server, 'bob:phone')).leave();
    await feeds.write('bob', 'gone', 5);
    await feeds.write('bob', 'here');
    server.clock.advance(5_000);
    const bob = await Device.connect(t, server, 'bob:phone');
    await bob.next('feed', 'what is here', (it) => bodyOf(it) === 'here');
    assert.deepEqual(bob.got('feed').map((it) => gapOf(it) ?? bodyOf(it)), [{ from: 1n, to: 1n, reason: Reason.EXPIRED }, 'here']);
  });

  test("is written by nobody else: neither one's own nor another's", async (t) => {
    const { server } = await start(t);
    const bob = await Device.connect(t, server, 'bob:phone');
    for (const topic of ['u/bob/feed', 'to/u:bob', 'group/u:bob']) assert.equal((await bob.publish(topic, 'x')).code, Code.NOT_ALLOWED, topic);
    assert.equal((await bob.publish('read/u:alice', '\x08\x01')).code, Code.NOT_ALLOWED);
  });
});
