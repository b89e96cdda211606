import assert from 'node:assert/strict';
import net from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { Code, memoryStore, mqttTransport, State, type Client, type ClientOptions } from 'godwit-client';
import { tokenFor, type Address } from '../support/address.js';
import { temporaryFolder } from '../support/folder.js';
import { startGodwit } from '../support/godwit.js';
import { ServeProcess } from '../support/process.js';
import { makeCertificate, writeCertificate } from '../unit/certificate.js';
import { lasting, Recorder, Scene, texts } from './fixtures.js';

/** The SDK and the real server. */
class Story extends Scene {
  constructor(readonly server: Address) {
    super();
  }

  url(): string {
    return `mqtt://127.0.0.1:${this.server.mqttPort}`;
  }

  user(name: string, options: Partial<ClientOptions> = {}): Promise<Client> {
    return this.client({ url: this.url() }, name, { token: () => tokenFor(this.server, name), ...options });
  }

  /** A user who has been there: others may write to them. */
  async known(name: string, options: Partial<ClientOptions> = {}): Promise<Client> {
    const client = await this.user(name, options);
    await client.connect();
    return client;
  }
}

async function story(t: TestContext, run: (at: Story) => Promise<void>, server?: Address): Promise<void> {
  const at = new Story(server ?? (await startGodwit(t)));
  try {
    await run(at);
  } finally {
    await at.end();
  }
}

/** A door in front of the server that can be shut. */
async function door(at: Story): Promise<{ url: string; cut(): void }> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((outer) => {
    const inner = net.connect(at.server.mqttPort, '127.0.0.1');
    for (const [a, b] of [[outer, inner], [inner, outer]]) {
      sockets.add(a);
      a.pipe(b);
      a.on('error', () => b.destroy());
      a.on('close', () => (sockets.delete(a), b.destroy()));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  at.after(() => (server.close(), cut()));
  return { url: `mqtt://127.0.0.1:${(server.address() as net.AddressInfo).port}`, cut };
}

describe('the SDK on the real server', { timeout: 60_000 }, () => {
  test('a message, its ticks, typing, reading', (t) => story(t, async (at) => {
    const bob = await at.known('bob');
    const alice = await at.known('alice');
    const heard = new Recorder(bob, 'message', 'gap');
    const typing = new Recorder(bob, 'typing');
    assert.equal(alice.typing('bob'), true);
    await typing.until(1);
    assert.deepEqual(typing.events, [{ type: 'typing', conversation: 'd:alice:bob', from: 'alice' }]);
    const sent = alice.send('bob', 'hello, bob');
    await sent.until('delivered');
    const [message] = await heard.until(1);
    assert.deepEqual([message.type, sent.seq, texts(heard.events)], ['message', 1, ['hello, bob']]);
    await bob.markRead('alice', 1);
    await sent.until('read');
    assert.deepEqual((await alice.messages('bob')).map((one) => one.type === 'message' && [one.text, one.tick]), [['hello, bob', 'read']]);
  }));

  test('a thousand messages both ways at once, a bob who comes and goes: in order, once, all ticked', (t) => story(t, async (at) => {
    const through = await door(at);
    const bob = await at.client({ url: through.url }, 'bob', { token: () => tokenFor(at.server, 'bob') });
    await bob.connect();
    const alice = await at.known('alice');
    const [heardByBob, heardByAlice] = [new Recorder(bob, 'message', 'gap'), new Recorder(alice, 'message', 'gap')];
    const numbers = Array.from({ length: 500 }, (_, i) => `${i}`);
    const sent = numbers.map((text) => alice.send('bob', text));
    const back = numbers.map((text) => bob.send('alice', text));
    for (let cuts = 1; cuts <= 4; cuts++) {
      await heardByBob.until(cuts * 100);
      through.cut();
    }
    await Promise.all([...sent, ...back].map((one) => one.until('delivered')));
    assert.deepEqual(texts(heardByBob.events), numbers);
    assert.deepEqual(texts(heardByAlice.events), numbers);
  }));

  test('offline: it waits here and there, and the ticks come to an alice who was away', (t) => story(t, async (at) => {
    const store = memoryStore();
    const bobs = memoryStore();
    await (await at.known('bob', { store: lasting(bobs) })).close();
    const alice = await at.user('alice', { store: lasting(store) });
    const sent = Array.from({ length: 300 }, (_, i) => alice.send('bob', `${i}`));
    await alice.connect();
    await Promise.all(sent.map((one) => one.until('sent')));
    await alice.close();
    const bob = await at.user('bob', { store: bobs });
    const heard = new Recorder(bob, 'message', 'gap');
    await bob.connect();
    await heard.until(300);
    assert.deepEqual(texts(heard.events), sent.map((_, i) => `${i}`));
    await bob.markRead('alice', 200);
    await bob.call('read.set', { conversation: 'd:alice:bob', seq: 200n });
    const again = await at.user('alice', { store });
    const receipts = new Recorder(again, 'receipt');
    await again.connect();
    await receipts.until((events) => events.some(({ delivered, read }) => delivered === 300 && read === 200));
    const ticks = (await again.messages('bob', { limit: 300 })).map((one) => one.type === 'message' && one.tick);
    assert.deepEqual(ticks, Array.from({ length: 300 }, (_, i) => (i < 200 ? 'read' : 'delivered')));
  }));

  test('a server killed with -9 while messages are on their way: nothing lost, repeated or swapped', async (t) => {
    const server = await ServeProcess.start(t, { GODWIT_AUTH_SECRET: 'a secret of the tests, thirty-two bytes long', GODWIT_MESSAGES_PER_MINUTE: '0' });
    await story(t, async (at) => {
      const front = await door(at);
      const user = (name: string): Promise<Client> => at.client({ url: front.url }, name, { token: () => tokenFor(server, name) });
      const [bob, alice] = [await user('bob'), await user('alice')];
      await bob.connect();
      await alice.connect();
      const heard = new Recorder(bob, 'message', 'gap');
      const sent = Array.from({ length: 600 }, (_, i) => alice.send('bob', `${i}`));
      for (const seen of [50, 300]) {
        await heard.until(seen);
        await server.kill();
        await server.start();
      }
      await Promise.all(sent.map((one) => one.until('delivered')));
      assert.deepEqual(texts(heard.events), sent.map((_, i) => `${i}`));
      assert.deepEqual(sent.map(({ seq }) => seq), sent.map((_, i) => i + 1));
    }, server);
  });

  test('the rate limit is waited for, in order', async (t) => {
    const server = await startGodwit(t, { env: { GODWIT_MESSAGES_PER_MINUTE: '600' } });
    await story(t, async (at) => {
      const bob = await at.known('bob');
      const alice = await at.known('alice');
      const heard = new Recorder(bob, 'message', 'gap');
      const sent = Array.from({ length: 610 }, (_, i) => alice.send('bob', `${i}`));
      await Promise.all(sent.map((one) => one.until('sent')));
      await heard.until(610);
      assert.deepEqual(texts(heard.events), sent.map((_, i) => `${i}`));
    }, server);
  });

  test('refusals fail with their code', (t) => story(t, async (at) => {
    const alice = await at.known('alice');
    await assert.rejects(alice.send('nobody', 'hello').until('sent'), { code: Code.UNKNOWN_USER });
    await assert.rejects(alice.call('admin.users.list', {}), { code: Code.NOT_ALLOWED });
    await alice.send('alice', 'a note to self').until('sent');
  }));

  test('the same device elsewhere: the first is taken over and stays away', (t) => story(t, async (at) => {
    const first = await at.known('alice', { device: 'phone' });
    const heard = new Recorder(first, 'connection');
    const second = await at.known('alice', { device: 'phone' });
    await heard.until((events) => events.at(-1)?.state === 'taken-over');
    await second.call('read.set', {}).catch(() => {});
    assert.equal(second.connection, 'connected');
    assert.equal(first.connection, 'taken-over');
  }));

  test('a bad token signs out; one that expires is renewed in time', (t) => story(t, async (at) => {
    const stranger = await at.user('alice', { token: tokenFor({ secret: 'another secret, of thirty-two bytes or so' }, 'alice') });
    await assert.rejects(stranger.connect(), { code: Code.UNAUTHENTICATED });
    assert.equal(stranger.connection, 'signed-out');
    let asked = 0;
    const day = 86_400;
    const token = (): string => tokenFor(at.server, 'alice', { days: ++asked === 1 ? 2 / day : 1 });
    const alice = await at.known('alice', { token, timing: { renewBeforeMs: 60_000 } });
    const heard = new Recorder(alice, 'connection');
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    assert.equal(asked, 2);
    await alice.send('alice', 'still here').until('sent');
    assert.deepEqual(heard.events, []);
  }));

  test('presence: seen when it comes and goes, and again after a reconnect', (t) => story(t, async (at) => {
    const through = await door(at);
    const alice = await at.client({ url: through.url }, 'alice', { token: () => tokenFor(at.server, 'alice') });
    const heard = new Recorder(alice, 'presence');
    await alice.connect();
    const bob = await at.known('bob');
    await alice.presence.watch('bob');
    await heard.until((events) => events.at(-1)?.state === State.ONLINE);
    bob.setPresence(State.AWAY);
    await heard.until((events) => events.at(-1)?.state === State.AWAY);
    await bob.close();
    await heard.until((events) => events.at(-1)?.state === State.OFFLINE);
    assert.ok(alice.presence.of('bob')!.lastSeenMs > 0);
    const told = heard.events.length;
    through.cut();
    await heard.until(told + 1);
    assert.equal(heard.events.at(-1)!.state, State.OFFLINE);
  }));

  test('background and foreground: others see AWAY and ONLINE, and no offline between; messages come in both', (t) => story(t, async (at) => {
    const bob = await at.known('bob');
    const alice = await at.known('alice', { device: 'phone' });
    const [seen, heard, states] = [new Recorder(bob, 'presence'), new Recorder(alice, 'message', 'gap'), new Recorder(alice, 'connection')];
    await bob.presence.watch('alice');
    await seen.until(1);
    await alice.background();
    await seen.until((events) => events.at(-1)?.state === State.AWAY);
    await bob.send('alice', 'are you there?').until('delivered');
    alice.foreground();
    await seen.until((events) => events.at(-1)?.state === State.ONLINE);
    await alice.send('bob', 'now I am').until('delivered');
    assert.deepEqual(seen.events.map(({ state }) => state), [State.ONLINE, State.AWAY, State.ONLINE]);
    await alice.background({ close: true });
    await seen.until((events) => events.at(-1)?.state === State.OFFLINE);
    const later = bob.send('alice', 'call me');
    await later.until('sent');
    alice.foreground();
    await later.until('delivered');
    assert.deepEqual(texts(heard.events), ['are you there?', 'call me']);
    assert.deepEqual(states.events.map(({ state }) => state), ['idle', 'connecting', 'connected']);
    assert.ok(Math.abs(alice.serverTimeMs() - Date.now()) < 60_000);
  }));

  test('two devices of one user: the other has it too, with ticks; plain bytes; WebSocket', (t) => story(t, async (at) => {
    const bob = await at.known('bob');
    const phone = await at.known('alice');
    const laptop = await at.client({ url: `ws://127.0.0.1:${at.server.httpPort}/mqtt` }, 'alice', { token: () => tokenFor(at.server, 'alice') });
    const onLaptop = new Recorder(laptop, 'message', 'gap');
    await laptop.connect();
    phone.sendRaw('bob', '21.5');
    const [message] = await onLaptop.until(1);
    assert.ok(message.type === 'message' && message.own && message.content.kind === 'bare' && message.text === '21.5');
    const ticks = new Recorder(laptop, 'state');
    await bob.markRead('alice', 1);
    await ticks.until((events) => events.at(-1)?.state === 'read');
    await laptop.send('bob', 'by WebSocket').until('delivered');
    const reads = new Recorder(phone, 'receipt');
    bob.send('alice', 'thanks');
    await onLaptop.until(2);
    await laptop.markRead('bob', 3);
    await reads.until((events) => events.some(({ ownRead }) => ownRead === 3));
  }));

  test('TLS with a certificate of one\'s own; without it there is no connection', async (t) => {
    const certificate = makeCertificate();
    const { certFile, keyFile } = await writeCertificate(await temporaryFolder(t), certificate);
    const server = await startGodwit(t, { env: { GODWIT_TLS_CERT: certFile, GODWIT_TLS_KEY: keyFile, GODWIT_MQTTS_PORT: '0' } });
    await story(t, async (at) => {
      const options = { token: () => tokenFor(server, 'alice') };
      const url = `mqtts://localhost:${server.godwit.mqttsPort}`;
      const alice = await at.client({ url }, 'alice', { ...options, transport: mqttTransport({ tls: { ca: certificate.cert } }) });
      await alice.connect();
      await alice.send('alice', 'by TLS').until('sent');
      const wary = await at.client({ url }, 'alice', options);
      const heard = new Recorder(wary, 'connection');
      wary.connect();
      const [, waiting] = await heard.until((events) => events.some(({ state }) => state === 'waiting'));
      assert.match(waiting.error!.message, /certificate/);
    }, server);
  });
});
