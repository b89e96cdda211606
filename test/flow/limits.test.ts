import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, limits, publishTopics } from 'godwit-schemas';
import type { Append } from '../../broker/ports/conversation-log.js';
import type { Storage } from '../../broker/ports/storage.js';
import type { Pump } from '../../broker/session/pump.js';
import { Sessions } from '../../broker/session/sessions.js';
import { bodyOf } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import type { Scope } from '../support/folder.js';
import { startGodwit } from '../support/godwit.js';
import { metricsOf } from '../support/http.js';
import { until } from '../support/recorder.js';
import { Wire } from '../support/wire.js';

/** A store whose appends stand still until they are let go. */
class HeldLog {
  /** When each batch was handed over (milliseconds). */
  readonly begun: number[] = [];
  held = false;
  private readonly waiting: (() => void)[] = [];

  /** Let go also when the test fails: the server could not be stopped. */
  constructor(t: Scope) {
    t.after(() => this.letGo());
  }

  readonly wrap = (storage: Storage): Storage => {
    const { log } = storage;
    const append = async (batch: readonly Append[]): Promise<void> => {
      this.begun.push(performance.now());
      if (this.held) await new Promise<void>((resolve) => this.waiting.push(resolve));
      await log.append(batch);
    };
    return { ...storage, log: Object.assign(Object.create(log) as typeof log, { append }) };
  };

  letGo(): void {
    this.held = false;
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

describe('a store that takes its time', () => {
  test('a connection has pendingPublishes under way, and is not read beyond them; all are answered in the end', async (t) => {
    const log = new HeldLog(t);
    const server = await startGodwit(t, { wrapStorage: log.wrap });
    await Device.connect(t, server, 'bob:phone');
    const alice = await Wire.connect(t, server, 'alice:phone');
    await alice.puback(alice.message('bob', 'the first'));
    const most = limits.pendingPublishes.value;
    log.held = true;
    const ids = Array.from({ length: most * 3 }, (_, i) => alice.message('bob', `message ${i}`));
    const pending = async (): Promise<number> => (await metricsOf(server)).get('godwit_queue_depth')!;
    await until('the connection has all under way that it may', async () => (await pending()) >= most);
    // Others are served meanwhile, and what is asked again stays the same.
    const carol = await Wire.connect(t, server, 'carol:phone');
    for (let i = 0; i < 3; i++) {
      await carol.pong();
      assert.equal(await pending(), most);
    }
    log.letGo();
    await alice.puback(ids.at(-1)!);
    const order = alice.packets.all.flatMap((it) => (it.cmd === 'puback' ? [it.messageId] : []));
    assert.deepEqual(order.slice(1), ids);
  });

  test('all connections together have pendingBytes under way, and none is read beyond them', async (t) => {
    const log = new HeldLog(t);
    const server = await startGodwit(t, { wrapStorage: log.wrap });
    const most = limits.pendingBytes.value;
    const wires: Wire[] = [];
    for (const user of ['alice', 'bob', 'carol', 'dave']) {
      wires.push(await Wire.connect(t, server, `${user}:phone`));
      await wires.at(-1)!.puback(wires.at(-1)!.message(user, 'note'));
    }
    log.held = true;
    const body = 'x'.repeat(60_000);
    const last = wires.map((wire, i) => {
      const user = ['alice', 'bob', 'carol', 'dave'][i];
      for (let n = 0; n < 199; n++) wire.message(user, body);
      return wire.message(user, 'last');
    });
    const bytes = async (): Promise<number> => (await metricsOf(server)).get('godwit_queue_depth')! * body.length;
    await until('as much is under way as may be', async () => (await bytes()) >= most);
    for (let i = 0; i < 10; i++) {
      const underWay = await bytes();
      // Each connection may go beyond it by what one read of its socket holds.
      assert.ok(underWay < most + wires.length * 131_072, `${underWay} bytes are under way`);
    }
    log.letGo();
    await Promise.all(wires.map((wire, i) => wire.puback(last[i])));
  });

  test('commits begin commitSpacingMs apart, however much comes', async (t) => {
    const log = new HeldLog(t);
    const server = await startGodwit(t, { wrapStorage: log.wrap });
    const alice = await Wire.connect(t, server, 'alice:phone');
    for (let round = 0; round < 100; round++) await alice.puback(alice.message('alice', 'note'));
    const commits = log.begun.length - 1;
    assert.ok(commits >= 99);
    // A wait of less than 0.2 ms is none: timers are not that fine.
    const atLeast = commits * (limits.commitSpacingMs.value - 0.25);
    const took = log.begun.at(-1)! - log.begun[0];
    assert.ok(took >= atLeast, `${commits} in ${took} ms`);
  });
});

describe('a store that fails', () => {
  test('is never acknowledged: neither result nor PUBACK, and whoever runs the server is told', async (t) => {
    let broken = false;
    const wrapStorage = (storage: Storage): Storage => {
      const { log } = storage;
      const append = (batch: readonly Append[]): Promise<void> => (broken ? Promise.reject(new Error('the disk is gone')) : log.append(batch));
      return { ...storage, log: Object.assign(Object.create(log) as typeof log, { append }) };
    };
    const server = await startGodwit(t, { wrapStorage, failuresExpected: true });
    const alice = await Wire.connect(t, server, 'alice:phone');
    await alice.subscribe('u/alice/#');
    await alice.puback(alice.message('alice', 'good'));
    broken = true;
    const from = alice.packets.all.length;
    alice.message('alice', 'bad');
    alice.message('alice', 'behind it');
    await until('the failure is told', () => server.failures.length > 0);
    assert.match(String(server.failures[0]), /the disk is gone/);
    await alice.pong();
    assert.deepEqual(alice.packets.all.slice(from).map((it) => it.cmd), ['pingresp']);
    // It can be stopped all the same; the connection ends without a word for the two.
    await server.stop();
    await alice.closed();
    assert.ok(!alice.packets.all.slice(from).some((it) => it.cmd === 'puback'));
    assert.deepEqual(alice.got('result').map((it) => it.value.code), [Code.OK, Code.SHUTTING_DOWN]);
  });
});

describe('a device that takes less than it is sent', () => {
  test('is disconnected at outgoingBytes; others are not, and its cursor keeps its place', async (t) => {
    const server = await startGodwit(t);
    await (await Device.connect(t, server, 'bob:phone')).leave();
    const alice = await Wire.connect(t, server, 'alice:phone');
    const slow = await Wire.connect(t, server, 'bob:phone');
    await slow.subscribe('u/bob/#', 0);
    slow.stream.pause();
    const body = Buffer.alloc(60_000, '.');
    let sent = 0;
    const closed = server.logged.wait('it is closed', (line) => line.msg === 'connection closed' && /bytes wait/.test(String(line.why)));
    void closed.then(() => (sent = -sent));
    // The kernel takes some megabytes of it first.
    while (sent >= 0 && sent < 1_000) {
      await alice.puback(alice.publish(publishTopics.toRaw('bob'), body));
      if (sent >= 0) sent++;
    }
    const line = await closed;
    assert.deepEqual([line.user, line.device], ['bob', 'phone']);
    assert.match(String(line.why), new RegExp(String(limits.outgoingBytes.value)));
    assert.ok(-sent * 60_000 > limits.outgoingBytes.value);
    await alice.pong();
    slow.stream.resume();
    await slow.closed();
    const again = await Wire.connect(t, server, 'bob:phone');
    await again.subscribe('u/bob/#', 1);
    assert.equal((await again.next('msg', 'the first message')).value.seq, 1n);
  });
});

test('of disconnected sessions detachedSessions are remembered, the latest ones', () => {
  const sessions = new Sessions();
  const most = limits.detachedSessions.value;
  const pumps = Array.from({ length: most + 2 }, (_, i) => ({ clientId: `user${i}:phone` }) as Pump);
  for (const pump of pumps.slice(0, most)) sessions.detach(pump);
  // Who comes and goes again is the latest.
  assert.equal(sessions.takeDetached('user0:phone'), pumps[0]);
  sessions.detach(pumps[0]);
  sessions.detach(pumps[most]);
  sessions.detach(pumps[most + 1]);
  assert.equal(sessions.takeDetached('user1:phone'), undefined);
  assert.equal(sessions.takeDetached('user2:phone'), undefined);
  for (const i of [0, 3, most, most + 1]) assert.equal(sessions.takeDetached(`user${i}:phone`), pumps[i]);
  assert.equal(sessions.takeDetached('user0:phone'), undefined, 'it is taken once');
});

test('a publish of exactly packetBytes is read; what it holds is judged then', async (t) => {
  const server = await startGodwit(t);
  const alice = await Wire.connect(t, server, 'alice:phone');
  await alice.subscribe('u/alice/#');
  const topic = publishTopics.to('alice');
  const payload = limits.packetBytes.value - 2 - topic.length - 2;
  alice.publish(topic, Buffer.alloc(payload));
  assert.equal((await alice.next('result', 'the refusal')).value.code, Code.TOO_LARGE);
  alice.publish(topic, Buffer.alloc(payload + 1));
  await alice.closed();
});

test('a full window of one device slows nobody else down', async (t) => {
  const server = await startGodwit(t);
  const stuck = await Wire.connect(t, server, 'bob:stuck', { acknowledges: false });
  await stuck.subscribe('u/bob/#');
  const bob = await Device.connect(t, server, 'bob:phone');
  const alice = await Device.connect(t, server, 'alice:phone');
  await Promise.all(Array.from({ length: 500 }, (_, i) => alice.send('bob', `message ${i}`)));
  const messages = await bob.messages(500);
  assert.equal(bodyOf(messages[499]), 'message 499');
  assert.equal(stuck.got('msg').length, limits.windowMessages.value);
});
