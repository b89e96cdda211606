import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, openAll, output } from './connection.js';
import { PublishTemplate } from './frames.js';
import type { FanOutJob, Metrics } from './job.js';
import { Meter } from './meter.js';
import { handshakes } from './pair.js';

/** Messages of a sender that may be on their way to the receivers, in windows. */
const undeliveredWindows = 2;
/** Where in the body the sender's number stands, behind the message's number and its time. */
const senderAt = 12;
const pollMs = 5;
/** Without any progress for so long a run has failed. */
const stallMs = 15_000;

interface Sender {
  connection: Connection;
  template: PublishTemplate;
  published: number;
  acknowledged: number;
}

/** Deliveries a second of what some send to one group, and the server's CPU time for each; where the receivers are away, messages. */
export async function fanOut(job: FanOutJob): Promise<Metrics> {
  const run = new FanOut(job);
  await run.connect();
  run.go(Infinity);
  await sleep(job.warmMs);
  const before = run.done;
  const meter = new Meter(job.pid);
  await sleep(job.measureMs);
  const { seconds, serverCpuUs, generatorCpu, othersCpu } = meter.stop();
  const deliveries = run.done - before;
  await run.finish();
  return { perSecond: deliveries / seconds, serverCpuUs: serverCpuUs / deliveries, generatorCpu, othersCpu, repeated: run.repeated, reordered: run.reordered };
}

class FanOut {
  delivered = 0;
  repeated = 0;
  reordered = 0;
  private published = 0;
  private acknowledged = 0;
  private limit = Infinity;
  private readonly senders: Sender[] = [];
  private readonly connections: Connection[] = [];

  constructor(private readonly job: FanOutJob) {}

  async connect(): Promise<void> {
    const { server, receivers, senders, payload, publishTopic, prepare } = this.job;
    await openAll(receivers.length, handshakes, async (index) => {
      const { account, filter } = receivers[index];
      const { connection } = await Connection.open(server, account, this.receiverEnd(receivers[index].deliveryTopic));
      await connection.subscribe(filter);
      this.connections.push(connection);
    });
    for (const [index, { account, filter }] of senders.entries()) {
      const bytes = Buffer.from(payload.bytes, 'hex');
      bytes.writeUInt16BE(index, payload.body + senderAt);
      const template = new PublishTemplate(publishTopic, { ...payload, bytes: bytes.toString('hex') }, index, Date.now());
      const { connection } = await Connection.open(server, account);
      if (filter) await connection.subscribe(filter);
      const sender: Sender = { connection, template, published: 0, acknowledged: 0 };
      const acknowledged = (): void => {
        sender.acknowledged++;
        this.acknowledged++;
      };
      connection.handler = { acknowledged, arrived: () => {}, turn: () => {}, afterTurn: () => this.fill(sender) };
      this.senders.push(sender);
      this.connections.push(connection);
    }
    if (prepare) await this.prepare(prepare);
    if (this.job.away) await Promise.all(this.connections.splice(0, receivers.length).map((connection) => connection.leave()));
  }

  private async prepare(prepare: NonNullable<FanOutJob['prepare']>): Promise<void> {
    const response = await fetch(prepare.url, { method: 'POST', headers: { authorization: prepare.authorization, 'content-type': 'application/json' }, body: prepare.body });
    if (!response.ok) throw new Error(`the group could not be made: ${response.status} ${await response.text()}`);
  }

  /** Deliveries, or messages. */
  get done(): number {
    return this.job.away ? this.acknowledged : this.delivered;
  }

  go(limit: number): void {
    this.limit = limit;
    for (const sender of this.senders) this.fill(sender);
  }

  async finish(): Promise<void> {
    this.limit = 0;
    const expected = (): number => this.published * (this.job.away ? 1 : this.job.receivers.length);
    for (let seen = -1, seenAt = performance.now(); this.done < expected(); await sleep(pollMs)) {
      const lost = this.connections.find(({ error }) => error);
      if (lost) throw lost.error;
      if (this.done !== seen) [seen, seenAt] = [this.done, performance.now()];
      else if (performance.now() - seenAt > stallMs) throw new Error(`nothing has moved for ${stallMs / 1000} s: ${this.done} of ${expected()} done`);
    }
    await Promise.all(this.connections.map((connection) => connection.leave()));
  }

  private fill(sender: Sender): void {
    const { window, receivers } = this.job;
    const room = (): boolean =>
      this.published < this.limit &&
      sender.published - sender.acknowledged < window &&
      (this.job.away || this.published * receivers.length - this.delivered < window * this.senders.length * undeliveredWindows * receivers.length);
    if (!room()) return;
    const now = performance.now();
    while (room()) {
      const at = sender.connection.reserve(sender.template.length);
      sender.template.write(output.buffer, at, sender.connection.packetId(), ++sender.published, now);
      this.published++;
    }
    sender.connection.flush();
  }

  private receiverEnd(deliveryTopic: string): NonNullable<Connection['handler']> {
    const topic = Buffer.from(deliveryTopic);
    const last = new Float64Array(this.job.senders.length);
    const bodyAt = this.job.payload.body;
    let waiting = 0;
    return {
      acknowledged: () => {},
      arrived: (chunk, topicAt, topicEnd, payloadAt) => {
        // What the server tells of the group itself has no body of ours: it is shorter.
        if (topicEnd - topicAt !== topic.length || chunk[topicEnd - 1] !== topic[topic.length - 1]) return;
        const at = payloadAt + bodyAt;
        if (chunk[at + senderAt + 2] !== 0x62) return;
        const sender = chunk.readUInt16BE(at + senderAt);
        const number = chunk.readUInt32BE(at);
        if (number <= last[sender]) this.repeated++;
        else {
          if (number !== last[sender] + 1) this.reordered++;
          last[sender] = number;
          this.delivered++;
          waiting++;
        }
      },
      turn: () => {},
      afterTurn: () => {
        if (waiting === 0) return;
        waiting = 0;
        for (const sender of this.senders) this.fill(sender);
      },
    };
  }
}
