import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, openAll, output, type Handler, type Server } from './connection.js';
import { PublishTemplate, type Payload } from './frames.js';
import type { PairPlan } from './job.js';

/** Undelivered messages of a pair, in windows: keeps a server that acknowledges early from collecting a backlog. */
const undeliveredWindows = 5;

/** Clients that connect at a time. */
export const handshakes = 100;

/** A sender and a receiver, and the account of what went between them. */
export class Pair {
  sender!: Connection;
  receiver!: Connection;
  /** Messages that may be unacknowledged; 0 = nothing is sent by itself. */
  window = 0;
  /** Messages that may be undelivered. */
  undelivered = 0;
  /** Running number of the last message to send. */
  limit = Infinity;

  published = 0;
  acknowledged = 0;
  delivered = 0;
  repeated = 0;
  reordered = 0;
  /** Deliveries to the sender: results and receipts. */
  told = 0;
  lastArrival = 0;
  /** Milliseconds from sending to arrival are put here when it is set, for messages sent at or after `sampleFrom`. */
  samples: number[] | undefined;
  sampleFrom = Infinity;

  private readonly template: PublishTemplate;
  private readonly topic: Buffer;
  private readonly bodyAt: number;
  /** One more than the highest number that has arrived; those below it that have not are in `missing`. */
  private expected = 1;
  private readonly missing = new Set<number>();
  private now = 0;

  constructor(private readonly plan: PairPlan, payload: Payload, index: number) {
    this.template = new PublishTemplate(plan.publishTopic, payload, index, Date.now());
    this.topic = Buffer.from(plan.deliveryTopic);
    this.bodyAt = payload.body;
  }

  async connectSender(server: Server): Promise<void> {
    const { connection } = await Connection.open(server, this.plan.sender, this.senderEnd());
    this.sender = connection;
    if (this.plan.senderFilter) await connection.subscribe(this.plan.senderFilter);
  }

  /** Resolves to whether the server still had the session. */
  async connectReceiver(server: Server): Promise<boolean> {
    const { connection, sessionPresent } = await Connection.open(server, this.plan.receiver, this.receiverEnd());
    this.receiver = connection;
    return sessionPresent;
  }

  subscribeReceiver(): Promise<void> {
    return this.receiver.subscribe(this.plan.receiverFilter);
  }

  /** Sends what the window has room for. */
  fill(): void {
    if (this.hasRoom()) {
      this.write();
      this.sender.flush();
    }
  }

  /** Sends one message, whatever the window says. */
  sendOne(): void {
    this.put(performance.now());
    this.sender.flush();
  }

  private hasRoom(): boolean {
    return (
      this.published < this.limit &&
      this.published - this.acknowledged < this.window &&
      this.published - this.delivered < this.undelivered
    );
  }

  private write(): void {
    const now = performance.now();
    while (this.hasRoom()) this.put(now);
  }

  private put(now: number): void {
    const at = this.sender.reserve(this.template.length);
    this.template.write(output.buffer, at, this.sender.packetId(), ++this.published, now);
  }

  private senderEnd(): Handler {
    return {
      acknowledged: () => void this.acknowledged++,
      arrived: () => void this.told++,
      turn: () => {
        if (this.hasRoom()) this.write();
      },
      afterTurn: () => {},
    };
  }

  private receiverEnd(): Handler {
    return {
      acknowledged: () => {},
      arrived: (chunk, topicAt, topicEnd, payloadAt) => {
        // Names of a length differ in their last bytes.
        if (topicEnd - topicAt !== this.topic.length || chunk[topicEnd - 1] !== this.topic[this.topic.length - 1]) return;
        this.count(chunk, payloadAt + this.bodyAt);
      },
      turn: () => void (this.now = 0),
      afterTurn: () => {
        if (this.published - this.acknowledged < this.window) this.fill();
      },
    };
  }

  private count(chunk: Buffer, bodyAt: number): void {
    if (this.now === 0) this.now = this.lastArrival = performance.now();
    const number = chunk.readUInt32BE(bodyAt);
    if (number < this.expected && !this.missing.delete(number)) {
      this.repeated++;
    } else {
      this.delivered++;
      if (number < this.expected) this.reordered++;
      else for (; this.expected < number; this.expected++) this.missing.add(this.expected);
      if (number === this.expected) this.expected++;
    }
    if (this.samples) {
      const sentAt = chunk.readDoubleBE(bodyAt + 4);
      if (sentAt >= this.sampleFrom) this.samples.push(this.now - sentAt);
    }
  }
}

/** All pairs of a job, connected and subscribed. */
export async function connectPairs(server: Server, plans: PairPlan[], payload: Payload): Promise<Pair[]> {
  const pairs = plans.map((plan, index) => new Pair(plan, payload, index));
  await openAll(pairs.length, handshakes, async (index) => {
    await pairs[index].connectReceiver(server);
    await pairs[index].subscribeReceiver();
  });
  await openAll(pairs.length, handshakes, (index) => pairs[index].connectSender(server));
  return pairs;
}

/** Opens the windows: from now on acknowledgements and arrivals keep the messages flowing. */
export function startFlow(pairs: Pair[], window: number, limit = Infinity, undelivered = window * undeliveredWindows): void {
  for (const pair of pairs) {
    pair.window = window;
    pair.undelivered = undelivered;
    pair.limit = limit;
    pair.fill();
  }
}

export const total = (pairs: Pair[], field: 'published' | 'acknowledged' | 'delivered' | 'repeated' | 'reordered' | 'told'): number =>
  pairs.reduce((sum, pair) => sum + pair[field], 0);

/** How often it is looked whether a run is complete. Times of arrival are taken as they happen, not here. */
const pollMs = 5;
/** Without any progress for so long a run has failed. */
const stallMs = 15_000;

/** Resolves when `done`; rejects when nothing moves any more, or a connection was lost. */
export async function until(pairs: Pair[], done: () => boolean): Promise<void> {
  let seen = -1;
  let seenAt = performance.now();
  while (!done()) {
    const lost = pairs.find((pair) => pair.sender?.error ?? pair.receiver?.error);
    if (lost) throw lost.sender?.error ?? lost.receiver.error;
    const progress = total(pairs, 'acknowledged') + total(pairs, 'delivered');
    if (progress !== seen) {
      seen = progress;
      seenAt = performance.now();
    } else if (performance.now() - seenAt > stallMs) {
      const count = (field: 'published' | 'acknowledged' | 'delivered') => total(pairs, field);
      throw new Error(
        `nothing has moved for ${stallMs / 1000} s: ${count('published')} published, ${count('acknowledged')} acknowledged, ${count('delivered')} delivered`,
      );
    }
    await sleep(pollMs);
  }
}

/** Stops sending and waits until all that was sent has been acknowledged and has arrived. */
export async function finish(pairs: Pair[]): Promise<void> {
  for (const pair of pairs) pair.limit = pair.published;
  await until(pairs, () => pairs.every((pair) => pair.acknowledged >= pair.published && pair.delivered >= pair.published));
}

export async function leaveAll(pairs: Pair[]): Promise<void> {
  await Promise.all(pairs.flatMap((pair) => [pair.sender.leave(), pair.receiver.leave()]));
}

/** What a server need not do while no connection is lost. (A lost message ends the run: it is never complete.) */
export function faults(pairs: Pair[]): { repeated: number; reordered: number } {
  return { repeated: total(pairs, 'repeated'), reordered: total(pairs, 'reordered') };
}
