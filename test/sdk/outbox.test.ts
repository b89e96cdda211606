import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { Code, memoryStore, plainCipher, type Cipher, type Sent } from 'godwit-client';
import { ContentSchema, fromBinary, MessageSchema, SealedSchema, type Message } from 'godwit-schemas';
import { FakeBroker } from './fake-broker.js';
import { gate, lasting, Recorder, scene } from './fixtures.js';

function textIn(message: Message): string {
  const { kind } = fromBinary(ContentSchema, fromBinary(SealedSchema, message.body).payload);
  return kind.case === 'text' ? kind.value.text : '';
}

const sentAll = (sent: readonly Sent[]): Promise<Sent[]> => Promise.all(sent.map((one) => one.until('sent')));
const logged = (broker: FakeBroker): string[] => broker.log.entries('d:alice:bob').map(({ message }) => textIn(message));

describe('the outbox', { timeout: 20_000 }, () => {
  test('a message goes from queued to sent, with its place', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const states = new Recorder(alice, 'state');
    const sent = alice.send('bob', 'hello');
    assert.equal(sent.state, 'queued');
    assert.equal(sent.conversation, 'd:alice:bob');
    await alice.connect();
    assert.equal(await sent.until('sent'), sent);
    assert.equal(sent.state, 'sent');
    assert.equal(sent.seq, 1);
    assert.deepEqual(logged(broker), ['hello']);
    assert.deepEqual(states.events, [{ type: 'state', conversation: 'd:alice:bob', id: sent.id, state: 'sent', seq: 1 }]);
    assert.deepEqual(alice.outbox(), []);
  }));

  test('what the app does before its next `await` is done before anything is written', scene(async (at) => {
    const broker = await at.broker();
    const steps: string[] = [];
    const store = memoryStore();
    const write = store.write.bind(store);
    store.write = async (changes) => {
      if (changes.some(({ key }) => key.startsWith('o/'))) steps.push('written');
      await write(changes);
    };
    const alice = await at.client(broker, 'alice', { store });
    const first = alice.send('bob', 'first');
    steps.push(`noted ${first.id}`);
    await first.until('queued');
    assert.deepEqual(steps, [`noted ${first.id}`, 'written']);
  }));

  test('what was sent offline goes out in order, and no more than the window without an answer', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice', { window: 4 });
    const sent = Array.from({ length: 20 }, (_, i) => alice.send('bob', `${i}`));
    let unanswered = 0;
    let most = 0;
    broker.onMessage = () => void (most = Math.max(most, ++unanswered));
    broker.answers = (answer) => (answer === 'puback' && unanswered--, true);
    await alice.connect();
    await sentAll(sent);
    assert.deepEqual(logged(broker), sent.map((_, i) => `${i}`));
    assert.ok(most <= 4);
  }));

  test('the window is full without answers, and goes on with them', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice', { window: 4 });
    broker.answers = () => false;
    await alice.connect();
    const sent = Array.from({ length: 6 }, (_, i) => alice.send('bob', `${i}`));
    await broker.until(() => broker.messages().length === 4);
    await alice.call('read.set', {});
    assert.equal(broker.messages().length, 4, 'a whole round trip later there is no fifth');
    broker.answers = () => true;
    broker.cut('alice');
    await sentAll(sent);
    assert.deepEqual(logged(broker), ['0', '1', '2', '3', '4', '5']);
  }));

  test('a lost PUBACK: the resend carries the same id, and there is one message', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    broker.answers = () => false;
    const sent = [alice.send('bob', 'one'), alice.send('bob', 'two')];
    await broker.until(() => broker.messages().length === 2);
    broker.answers = () => true;
    broker.cut('alice');
    await sentAll(sent);
    const ids = broker.messages().map(({ id }) => Buffer.from(id).toString('hex'));
    assert.equal(ids.length, 4);
    assert.deepEqual(ids.slice(2), ids.slice(0, 2));
    assert.deepEqual(logged(broker), ['one', 'two']);
    assert.deepEqual(sent.map(({ seq }) => seq), [1, 2]);
  }));

  test('cuts between any two answers lose and repeat nothing, and keep the order', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice', { window: 5 });
    let answers = 0;
    broker.answers = () => {
      if (++answers % 7 !== 0) return true;
      broker.cut('alice');
      return false;
    };
    await alice.connect();
    const sent = Array.from({ length: 60 }, (_, i) => alice.send('bob', `${i}`));
    await sentAll(sent);
    assert.deepEqual(logged(broker), sent.map((_, i) => `${i}`));
    assert.deepEqual(sent.map(({ seq }) => seq), sent.map((_, i) => i + 1));
  }));

  test('a process that ends with messages in the outbox: the next one sends them, once, under their ids', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const first = await at.client(broker, 'alice', { store: lasting(store) });
    await first.connect();
    broker.answers = () => false;
    const ids = [first.send('bob', 'one').id, first.send('bob', 'two').id];
    await broker.until(() => broker.messages().length === 2);
    await first.close();
    broker.answers = () => true;
    const second = await at.client(broker, 'alice', { store });
    assert.deepEqual(second.outbox().map(({ id }) => id), ids);
    second.send('bob', 'three');
    const states = new Recorder(second, 'state');
    await second.connect();
    await states.until(3);
    assert.equal(second.device, first.device);
    assert.deepEqual(logged(broker), ['one', 'two', 'three']);
    assert.deepEqual(second.outbox(), []);
  }));

  test('a lasting refusal fails the message with its code; the ones behind it go on', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    broker.onMessage = (message) => (textIn(message) === 'no' ? { code: Code.NOT_ALLOWED, text: 'blocked' } : undefined);
    const [no, yes] = [alice.send('bob', 'no'), alice.send('bob', 'yes')];
    await assert.rejects(no.until('sent'), { code: Code.NOT_ALLOWED, message: 'blocked' });
    await yes.until('sent');
    assert.equal(no.state, 'failed');
    assert.equal(no.error?.code, Code.NOT_ALLOWED);
    assert.deepEqual(alice.outbox(), [no]);
    await assert.rejects(no.until('sent'), { code: Code.NOT_ALLOWED });
  }));

  test('a failed message is kept, can be sent again under its id, or be discarded', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const first = await at.client(broker, 'alice', { store: lasting(store) });
    broker.onMessage = () => ({ code: Code.UNKNOWN_USER });
    await first.connect();
    const { id } = first.send('bob', 'again');
    const [state] = await new Recorder(first, 'state').until(1);
    assert.equal(state.state, 'failed');
    const other = first.send('bob', 'never');
    await assert.rejects(other.until('sent'));
    await first.close();

    const second = await at.client(broker, 'alice', { store });
    const [failed, unwanted] = second.outbox();
    assert.equal(failed.id, id);
    assert.equal(failed.error?.code, Code.UNKNOWN_USER);
    broker.onMessage = () => undefined;
    await second.connect();
    await unwanted.discard();
    await failed.retry();
    await failed.until('sent');
    assert.deepEqual(logged(broker), ['again']);
    assert.deepEqual(second.outbox(), []);
    await assert.rejects(failed.retry(), { code: Code.CONFLICT });
  }));

  test('a rate limit holds everything until its time, then goes on by itself, in order', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    // As the server does: everything to that conversation is refused until the refused id comes again.
    let refused: string | undefined;
    let tokens = 3;
    broker.onMessage = (message) => {
      const text = textIn(message);
      if (tokens <= 0 || (refused !== undefined && refused !== text)) {
        refused ??= text;
        setTimeout(() => (tokens = 2), 5);
        return { code: Code.RATE_LIMITED, retryAfterMs: 10 };
      }
      tokens--;
      refused = undefined;
      return undefined;
    };
    const sent = Array.from({ length: 12 }, (_, i) => alice.send('bob', `${i}`));
    await sentAll(sent);
    assert.deepEqual(logged(broker), sent.map((_, i) => `${i}`));
  }));

  test('a refusal that passes holds back only its own conversation', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    const open = gate();
    let holding = true;
    void open.promise.then(() => (holding = false));
    broker.onMessage = (_, topic) => (holding && topic === 'to/bob' ? { code: Code.UNAVAILABLE, retryAfterMs: 10 } : undefined);
    const held = alice.send('bob', 'later');
    await broker.until(() => broker.messages().length > 0);
    await alice.send('carol', 'now').until('sent');
    assert.equal(held.state, 'queued');
    open.open();
    await held.until('sent');
  }));

  test('a refused message goes again only when the answers of those behind it are in', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    const seen: string[] = [];
    broker.onMessage = (message) => (seen.push(textIn(message)) <= 2 ? { code: Code.UNAVAILABLE, retryAfterMs: 1 } : undefined);
    broker.answers = (_, topic) => !topic.startsWith('to/') || seen.length !== 2;
    const sent = [alice.send('bob', 'one'), alice.send('bob', 'two')];
    await broker.until(() => seen.length === 2);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await alice.call('read.set', {});
    assert.deepEqual(seen, ['one', 'two'], 'its time is over, but the second answer is not in');
    const [, second] = broker.publishes('to/bob');
    broker.result('alice', { id: fromBinary(MessageSchema, second.payload as Buffer).id, code: Code.UNAVAILABLE, retryAfterMs: 1 });
    broker.session('alice').connection!.send({ cmd: 'puback', messageId: second.messageId });
    await sentAll(sent);
    assert.deepEqual(seen, ['one', 'two', 'one', 'two']);
  }));

  test('a message that was being encrypted when an earlier one was refused does not overtake it', scene(async (at) => {
    const broker = await at.broker();
    const sealing = gate();
    let seals = 0;
    const cipher: Cipher = {
      ...plainCipher,
      seal: async (payload) => {
        if (++seals === 3) await sealing.promise;
        return { alg: 0, keyEpoch: 0n, payload };
      },
    };
    const alice = await at.client(broker, 'alice', { cipher });
    await alice.connect();
    const seen: string[] = [];
    broker.onMessage = (message) => (seen.push(textIn(message)) <= 2 ? { code: Code.UNAVAILABLE, retryAfterMs: 1 } : undefined);
    const sent = ['one', 'two', 'three'].map((text) => alice.send('bob', text));
    await broker.until(() => seen.length === 2);
    await alice.call('read.set', {});
    sealing.open();
    await sentAll(sent);
    assert.deepEqual(seen, ['one', 'two', 'one', 'two', 'three']);
  }));

  test('a cipher that fails: the message waits, and is tried again', scene(async (at) => {
    const broker = await at.broker();
    let failures = 2;
    const cipher: Cipher = {
      ...plainCipher,
      seal: async (payload) => {
        if (failures-- > 0) throw new Error('no keys yet');
        return { alg: 0, keyEpoch: 0n, payload };
      },
    };
    const alice = await at.client(broker, 'alice', { cipher });
    const errors = new Recorder(alice, 'error');
    await alice.connect();
    await alice.send('bob', 'hello').until('sent');
    assert.deepEqual(errors.events.map(({ error }) => error.message), ['no keys yet', 'no keys yet']);
  }));

  test('too large is said here: such a packet would end the connection', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    await assert.rejects(alice.send('bob', randomBytes(65_536)).until('sent'), { code: Code.TOO_LARGE });
    await alice.send('bob', randomBytes(65_000)).until('sent');
    assert.equal(broker.messages().length, 1);
  }));

  test('a store that cannot keep a message: it fails, and nothing is published', scene(async (at) => {
    const broker = await at.broker();
    const store = memoryStore();
    const alice = await at.client(broker, 'alice', { store });
    await alice.connect();
    const { write } = store;
    store.write = async () => {
      throw new Error('disk full');
    };
    const sent = alice.send('bob', 'hello');
    await assert.rejects(sent.until('sent'), { code: Code.INTERNAL, message: /disk full/ });
    assert.equal(broker.messages().length, 0);
    store.write = write;
    await sent.retry();
    await sent.until('sent');
  }));

  test('a PUBACK without a result: the session is subscribed again, and the message sent again', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    await alice.connect();
    broker.session('alice').filters.clear();
    await alice.send('bob', 'hello').until('sent');
    assert.deepEqual(logged(broker), ['hello']);
    assert.equal(broker.received.filter(({ packet }) => packet.cmd === 'subscribe').length, 2);
  }));

  test('bad recipients and options are refused at once', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    for (const to of ['', 'b/ob', 'd:bob:carol', 'd:bob:alice', 'u:alice']) assert.throws(() => alice.send(to, 'x'), { code: Code.MALFORMED }, to);
    assert.throws(() => alice.send('bob', 'x', { expiresInS: -1 }), { code: Code.MALFORMED });
    assert.equal(alice.send('constructor', 'x').conversation, 'd:alice:constructor');
  }));

  test('waiting can be given up, the message goes out all the same; closing ends the waiting', scene(async (at) => {
    const broker = await at.broker();
    const alice = await at.client(broker, 'alice');
    const sent = alice.send('bob', 'hello');
    const stop = new AbortController();
    const waiting = sent.until('sent', { signal: stop.signal });
    stop.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    await alice.connect();
    await sent.until('sent');
    const delivered = sent.until('delivered');
    await alice.close();
    await assert.rejects(delivered, { code: Code.UNAVAILABLE });
    assert.throws(() => alice.send('bob', 'x'), { code: Code.UNAVAILABLE });
  }));
});
