import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Aedes } from 'aedes';
import { bodyBytes, connectFrame, PublishTemplate, readHeader, remainingLength, subscribeFrame } from './load/frames.js';
import type { Job } from './load/job.js';
import { percentile } from './load/meter.js';
import { runJob } from './load/run.js';
import { parseOptions } from './options.js';
import { plainAccount, plainDialect } from './peers/plain.js';
import { checkLine, checks } from './checks.js';
import { failures, table } from './report.js';
import { Results } from './results.js';
import { listsWorkload } from './lists/workload.js';
import { godwit } from './peers/godwit.js';
import { scales } from './workload.js';
import { workloads } from './workloads.js';

describe('frames of the load generator', () => {
  test('the remaining length takes one to four bytes', () => {
    assert.deepEqual(remainingLength(0), [0]);
    assert.deepEqual(remainingLength(127), [127]);
    assert.deepEqual(remainingLength(128), [0x80, 1]);
    assert.deepEqual(remainingLength(268_435_455), [0xff, 0xff, 0xff, 0x7f]);
    const into = { start: 0, end: 0 };
    for (const length of [0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152]) {
      const head = Uint8Array.from([0x30, ...remainingLength(length)]);
      assert.equal(readHeader(head, 0, head.length, into), length === 0);
      assert.deepEqual(into, { start: head.length, end: head.length + length });
    }
  });

  test('CONNECT and SUBSCRIBE have the bytes of the specification', () => {
    const connect = connectFrame({ clientId: 'a:b', username: 'a', password: 'p', clean: false });
    assert.equal(connect.toString('latin1'), '\x10\x15\0\x04MQTT\x04\xc0\x0e\x10\0\x03a:b\0\x01a\0\x01p');
    assert.equal(connectFrame({ clientId: 'c', clean: true })[9], 0x02);
    assert.equal(subscribeFrame(258, 'u/a/#').toString('latin1'), '\x82\x0a\x01\x02\0\x05u/a/#\x01');
  });

  test('a PUBLISH template carries packet id, id, number and time', () => {
    const id = Buffer.alloc(16, 'i');
    const payload = Buffer.concat([Buffer.from([10, 16]), id, Buffer.from([18, 200, 1]), Buffer.alloc(bodyBytes, 'b')]);
    const template = new PublishTemplate('to/b7', { bytes: payload.toString('hex'), id: 2, body: 21 }, 7, 0x010203040506);
    const frame = Buffer.alloc(template.length + 5);
    template.write(frame, 5, 0xabcd, 42, 1.5);
    const into = { start: 0, end: 0 };
    assert.ok(readHeader(frame, 5, frame.length, into));
    assert.equal(frame[5], 0x32);
    assert.equal(into.end, frame.length);
    assert.equal(frame.toString('latin1', into.start, into.start + 7), '\0\x05to/b7');
    assert.equal(frame.readUInt16BE(into.start + 7), 0xabcd);
    const at = into.start + 9;
    assert.equal(frame.readUIntBE(at + 2, 6), 0x010203040506);
    assert.equal(frame.readUInt16BE(at + 8), 7);
    assert.equal(frame.readUInt32BE(at + 14), 42);
    assert.equal(frame.readUInt32BE(at + 21), 42);
    assert.equal(frame.readDoubleBE(at + 25), 1.5);
    assert.ok(!readHeader(frame, 5, frame.length - 1, into));
  });
});

describe('workloads on a stock Aedes', () => {
  let broker: Aedes;
  const server = createServer();
  before(async () => {
    broker = await Aedes.createBroker();
    server.on('connection', broker.handle);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(() => {
    broker.close();
    server.close();
  });

  /** What the workloads share, with users of their own for each test. */
  const base = async (name: string, count: number) => ({
    server: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    pid: process.pid,
    payload: plainDialect.payload,
    pairs: await Promise.all(
      Array.from({ length: count }, async (_, index) => ({
        sender: await plainAccount(`${name}-a${index}`, true),
        receiver: await plainAccount(`${name}-b${index}`, false),
        publishTopic: `m/${name}${index}`,
        deliveryTopic: `m/${name}${index}`,
        receiverFilter: `m/${name}${index}`,
      })),
    ),
  });

  test('200 messages arrive, once and in order', async () => {
    const job: Job = { kind: 'count', ...(await base('count', 4)), window: 10, messages: 200, marks: [0.5, 1] };
    const metrics = await runJob(job);
    assert.equal(metrics.messages, 200);
    assert.equal(metrics.repeated, 0);
    assert.equal(metrics.reordered, 0);
    assert.ok(metrics.perSecond > 0);
    if (process.platform === 'linux') assert.ok(metrics.resident100 > 1);
  });

  test('paced messages are timed', async () => {
    const job: Job = { kind: 'paced', ...(await base('paced', 2)), perSecond: 200, burstMs: 100, warmMs: 50, measureMs: 200 };
    const metrics = await runJob(job);
    assert.ok(metrics.p50 > 0 && metrics.p50 <= metrics.p99 && metrics.p99 <= metrics.max);
  });

  test('a queue is drained after a reconnect to the same session', async () => {
    const job: Job = { kind: 'drain', ...(await base('drain', 2)), window: 10, queued: 30, repeats: 2 };
    const metrics = await runJob(job);
    assert.equal(metrics.sessionsLost, 0);
    assert.equal(metrics.repeated, 0);
    assert.ok(metrics.perSecond > 0);
  });

  const groupOf = async (name: string, receivers: number) => {
    const { server: address, pid, payload } = await base(name, 0);
    const topic = `g/${name}`;
    return {
      ...{ kind: 'fan-out' as const, server: address, pid, payload, publishTopic: topic, window: 5, warmMs: 20, measureMs: 200 },
      senders: [{ account: await plainAccount(`${name}-a`, true) }, { account: await plainAccount(`${name}-b`, true) }],
      receivers: await Promise.all(Array.from({ length: receivers }, async (_, index) => ({ account: await plainAccount(`${name}-r${index}`, false), filter: topic, deliveryTopic: topic }))),
    };
  };

  test('what two send to a group reaches everyone, once and in the order of each', async () => {
    const metrics = await runJob(await groupOf('fan', 5));
    assert.deepEqual([metrics.repeated, metrics.reordered], [0, 0]);
    assert.ok(metrics.perSecond > 0);
  });

  test('messages to those who are away are counted as they are acknowledged', async () => {
    const metrics = await runJob({ ...(await groupOf('away', 3)), away: true });
    assert.ok(metrics.perSecond > 0);
  });

  test('those that reconnect get their session back', async () => {
    const clients = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => ({ account: await plainAccount(`back${index}`, false), filter: `m/back${index}` })),
    );
    const { server: address, pid } = await base('back', 0);
    const metrics = await runJob({ kind: 'reconnect', server: address, pid, clients, settleMs: 10 });
    assert.equal(metrics.sessionsLost, 0);
    assert.ok(metrics.seconds > 0);
  });
});

test('pages, lists and connects are timed on a Godwit with furnished folder, beside messages', async () => {
  const workload = listsWorkload({ users: 2, conversations: 12, groupsOneIn: 4, longPlaces: 250, behind: 2, behindIn: 5 });
  const server = await godwit.start('default', workload.furnish);
  try {
    const metrics = await workload.run(server, godwit, { ...scales.trial, warmMs: 20, burstMs: 20, measureMs: 150 });
    const missing = workload.rows.filter(({ metric }) => !Number.isFinite(metrics[metric]) && (process.platform === 'linux' || !metric.endsWith('Waited')));
    assert.deepEqual(missing, []);
    assert.deepEqual([metrics.connectCount, metrics.waitingCount], [4, 4]);
    assert.ok(metrics.page200Bytes > metrics.page50Bytes && metrics.listBytes > metrics.listProtobufBytes);
  } finally {
    await server.stop();
  }
});

describe('report', () => {
  const peer = (name: string) => ({ peer: { name, settings: '', variants: ['x'], dialect: plainDialect } as never, version: '1' });

  test('medians, ratios and checks come from all rounds', () => {
    const results = new Results();
    for (const [round, rate] of [100, 300, 200].entries()) {
      results.add({ round, workload: 'throughput', peer: 'Mosquitto', variant: 'x', metrics: { perSecond: rate, serverCpuUs: 10 } });
      results.add({ round, workload: 'throughput', peer: 'Godwit', variant: 'x', metrics: { perSecond: 2 * rate, serverCpuUs: 8 } });
    }
    results.add({ round: 1, workload: 'throughput', peer: 'Aedes', variant: 'x', error: 'stalled' });
    const lines = table([workloads[0]], [peer('Mosquitto'), peer('Godwit'), peer('Aedes'), { ...peer('rumqttd'), version: undefined }], results);
    assert.match(lines, /throughput +\| messages\/s \| +200 \| +400 \(2\.00\) \| +failed \| not installed \|/);
    assert.deepEqual(failures(workloads, results), ['Aedes failed in round 1 at 50 pairs, 1000 in flight: stalled']);
    const verdicts = checks(results).map(checkLine);
    assert.ok(verdicts.includes("must CPU per message at most 0.7 times Mosquitto's: 0.80 (does not hold)"));
    assert.ok(verdicts.includes("must throughput at least 1.3 times Mosquitto's: 2.00 (holds)"));
    assert.ok(verdicts.includes("aim  throughput at least 2.5 times Mosquitto's: 2.00 (not reached)"));
    assert.ok(!verdicts.some((line) => line.includes('idle')), 'what was not measured has no verdict');
  });

  test('a percentile is one of the samples', () => {
    assert.equal(percentile([1, 2, 3, 4], 0.5), 2);
    assert.equal(percentile([1, 2, 3, 4], 0.99), 4);
    assert.ok(Number.isNaN(percentile([], 0.5)));
  });

  test('wrong options are named', () => {
    const known = { workloads: ['throughput'], peers: ['godwit'] };
    assert.equal(parseOptions(['--quick'], known).rounds, 1);
    assert.equal(parseOptions([], known).rounds, 3);
    assert.deepEqual(parseOptions(['--peers', 'Godwit'], known).peers, ['godwit']);
    assert.throws(() => parseOptions(['--only', 'nothing'], known), /--only nothing: not one of throughput/);
    assert.throws(() => parseOptions(['--rounds', '0'], known), /--rounds 0/);
  });
});
