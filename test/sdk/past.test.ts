import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createClient, memoryStore, type Client, type Shown } from 'godwit-client';
import { startGodwit, type TestServer } from '../support/godwit.js';
import { lasting, Recorder, texts } from './fixtures.js';
import { device, type Scope } from './real.js';

/** alice has had a conversation with bob, on a first device. */
async function past(t: Scope, count: number): Promise<{ server: TestServer; first: Client; bob: Client }> {
  const server = await startGodwit(t);
  const [first, bob] = [await device(t, server, 'alice'), await device(t, server, 'bob')];
  const heard = new Recorder(first, 'message');
  const said = [];
  for (let i = 1; i <= count; i++) said.push(bob.send('alice', `${i}`));
  await Promise.all(said.map((sent) => sent.until('delivered')));
  await heard.until(count);
  return { server, first, bob };
}

const numbers = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);
const seqs = (shown: readonly Shown[]): number[] => shown.map((one) => (one.type === 'gap' ? one.to : one.type === 'undecodable' ? one.message!.seq : one.seq));

describe('what a device was not delivered', { timeout: 60_000 }, () => {
  test('a second device pages back to the beginning, and has it then without the server', async (t) => {
    const { server, bob } = await past(t, 230);
    const store = memoryStore();
    const second = await device(t, server, 'alice', { store: lasting(store) });
    const heard = new Recorder(second, 'message');
    await bob.send('alice', 'news').until('sent');
    await heard.until(1);
    const newest = await second.messages('bob', { limit: 10 });
    assert.deepEqual(texts(newest), [...numbers(222, 230), 'news']);
    let all: Shown[] = newest;
    for (let page = newest; page.length > 0; all = [...page, ...all]) page = await second.messages('bob', { before: seqs(all)[0], limit: 60 });
    assert.deepEqual(texts(all), [...numbers(1, 230), 'news']);
    assert.deepEqual(texts(heard.events), ['news'], 'the past is no news');
    await second.close();
    await server.stop();
    const offline = await createClient({ url: 'mqtt://127.0.0.1:1', token: 'x', user: 'alice', store });
    assert.deepEqual(texts(await offline.messages('bob', { limit: 1_000 })), [...numbers(1, 230), 'news']);
    await offline.close();
    await server.start();
  });

  test('a new device knows the conversations, what is unread in them, and their ticks; reading on one clears the other', async (t) => {
    const { server, first, bob } = await past(t, 5);
    await first.markRead('bob', 3);
    const own = first.send('bob', 'mine');
    await own.until('delivered');
    await bob.markRead('alice', own.seq!);
    await own.until('read');
    const second = await device(t, server, 'alice');
    const changes = new Recorder(second, 'conversation');
    const [info, ...others] = await second.conversations();
    assert.deepEqual([info.conversation, info.unread, info.ownRead, info.last?.text, others], ['d:alice:bob', 2, 3, 'mine', []]);
    await first.markRead('bob', 5);
    await changes.until((events) => events.some(({ unread }) => unread === 0));
    const [mine] = (await second.messages('bob')).slice(-1);
    assert.ok(mine.type === 'message' && mine.own && mine.fromDevice === first.device);
  });

  test('what was edited, reacted to and taken back before is so on the new device', async (t) => {
    const { server, first, bob } = await past(t, 3);
    const [one, two, three] = (await first.messages('bob')).filter((shown) => shown.type === 'message');
    await first.react(one, '👍').until('sent');
    const mine = bob.send('alice', 'tpyo');
    await mine.until('sent');
    await bob.edit(mine, 'typo').until('sent');
    await bob.delete({ conversation: 'd:alice:bob', from: 'bob', id: two.id }).until('sent');
    const second = await device(t, server, 'alice');
    const shown = (await second.messages('bob')).filter((one) => one.type === 'message');
    assert.deepEqual(shown.map(({ text, content, reactions }) => [text, content.kind, reactions.map(({ emoji }) => emoji)]), [
      ['1', 'text', ['👍']],
      [undefined, 'deleted', []],
      [three.text, 'text', []],
      ['typo', 'text', []],
    ]);
  });

  test('without a connection it is what is here; an answer that does not come keeps nobody waiting for ever', async (t) => {
    const { server, bob } = await past(t, 3);
    const second = await device(t, server, 'alice');
    await second.background({ close: true });
    assert.deepEqual(await second.messages('bob'), []);
    assert.deepEqual(await second.conversations(), []);
    second.foreground();
    await second.connect();
    assert.deepEqual(texts(await second.messages('bob')), numbers(1, 3));
    assert.equal((await second.conversations()).length, 1);
    await bob.send('alice', '4').until('delivered');
    assert.deepEqual(texts(await second.messages('bob')), numbers(1, 4));
  });
});
