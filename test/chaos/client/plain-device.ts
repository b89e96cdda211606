import type { IPublishPacket as Publish } from 'mqtt-packet';
import { Code, codeName, deliveryTopics, fromBinary, isRetry, parseDeliveryTopic, Reason, ResultSchema } from 'godwit-schemas';
import { bodyOf, numberOf, readBody, tokenOf } from '../body.js';
import { conversationWith, topicTo } from '../groups.js';
import type { Written } from '../journal.js';
import type { DevicePlan } from '../plan.js';
import type { Random } from '../seeded.js';
import type { Connection } from './connection.js';
import { Device } from './device.js';
import { Intake } from './intake.js';
import { mayReject } from './sender.js';
import { Traffic, type Actor } from './traffic.js';

/** Publishes without a PUBACK at once. One that takes results may be refused, and keeps its order itself: one. */
const WINDOW = 16;
/** Below the packet id of the SUBSCRIBE. */
const PACKET_IDS = 65_000;
const RETRY_MS = 300;
/** Late enough for a PUBACK to meet a server that has been started again. */
const LATEST_MS = 2_500;

interface RawOutgoing {
  token: string;
  to: string;
  packetId: number;
  /** An earlier connection sent it: again under the same packet id, with DUP (MQTT-4.4.0-1). */
  again: boolean;
  inFlight: boolean;
  /** What the Result on this connection said. */
  result: Code | undefined;
}

/**
 * A device that speaks MQTT and nothing of ours: raw topics, no ids, no places. What it sends arrives at least once.
 * It may acknowledge on a new connection what the old one delivered, as mqtt.js does.
 */
export class PlainDevice extends Device implements Actor {
  private readonly intake: Intake;
  private readonly traffic: Traffic;
  private queue: RawOutgoing[] = [];
  private said = 0;
  private lastPacketId = 0;

  constructor(plan: DevicePlan, folder: string, random: Random) {
    super(plan, folder, random);
    this.intake = new Intake(plan.habit, random, LATEST_MS, (connection, packet, arrived) => this.take(connection, packet, arrived), (_delivered, packetId) => this.connection?.acknowledge(packetId));
    this.traffic = new Traffic(plan, random, this);
  }

  talk(): void {
    this.traffic.start();
  }

  becomeQuiet(): void {
    this.traffic.stop();
  }

  get backlog(): number {
    return this.queue.length;
  }

  say(to: string, bytes: number): void {
    const { clientId, user } = this.plan;
    const token = tokenOf(clientId, ++this.said, bytes);
    const packetId = this.nextPacketId();
    this.write({ what: 'sent', token, conversation: conversationWith(user, to), to, id: '', qos: 1, expiresInS: 0, packetId });
    this.queue.push({ token, to, packetId, again: false, inFlight: false, result: undefined });
    this.flush();
  }

  protected get open(): number {
    return this.queue.length + this.intake.open;
  }

  protected get filters(): readonly string[] {
    const { user, hearsResults } = this.plan;
    return [`u/${user}/raw/#`, deliveryTopics.gap(user), ...(hearsResults ? [deliveryTopics.result(user)] : [])];
  }

  protected recall(entries: readonly Written[]): void {
    const open = new Map<string, RawOutgoing>();
    for (const entry of entries) {
      if (entry.what === 'sent') {
        const { token, to, packetId } = entry;
        // Whether it went out before the kill is not known: then with DUP, which is right either way.
        open.set(token, { token, to, packetId, again: true, inFlight: false, result: undefined });
        this.said = numberOf(token);
        this.lastPacketId = packetId;
      } else if (entry.what === 'acknowledged' || entry.what === 'rejected') open.delete(entry.token);
    }
    this.queue = [...open.values()];
  }

  protected onReady(): void {
    this.flush();
  }

  protected onLost(): void {
    this.intake.lost();
    for (const message of this.queue) {
      message.again ||= message.inFlight;
      message.inFlight = false;
      message.result = undefined;
    }
  }

  protected onAcknowledged(kind: 'puback' | 'pubrec' | 'pubcomp', packetId: number): void {
    const first = this.queue.find(({ inFlight }) => inFlight);
    const message = this.queue.find((it) => it.inFlight && it.packetId === packetId);
    if (kind !== 'puback' || !message) return this.broken(`a ${kind} for nothing that was published: ${packetId}`);
    if (message !== first) this.broken(`a puback out of the order of the publishes: ${packetId} before ${first!.packetId}`);
    if (this.plan.hearsResults && message.result === undefined) this.broken(`a puback without a Result before it: ${message.token}`);
    const { token, to, result = Code.OK } = message;
    const rejected = mayReject(to, result);
    if (result !== Code.OK && !rejected) return this.sayAgain(message);
    this.write(rejected ? { what: 'rejected', token, code: result } : { what: 'acknowledged', token });
    this.queue.splice(this.queue.indexOf(message), 1);
    this.flush();
  }

  protected onPublish(connection: Connection, packet: Publish): void {
    if (parseDeliveryTopic(packet.topic)?.kind === 'result') this.result(packet.payload as Buffer);
    else this.intake.receive(connection, packet);
  }

  private flush(): void {
    const { connection } = this;
    if (!connection) return;
    for (const message of this.queue.slice(0, this.plan.hearsResults ? 1 : WINDOW)) {
      if (message.inFlight) continue;
      message.inFlight = true;
      connection.publish(topicTo(message.to, true), bodyOf(message.token), 1, message.packetId, { dup: message.again });
    }
  }

  private result(payload: Buffer): void {
    const { packetId, code, seq } = fromBinary(ResultSchema, payload);
    const message = this.queue.find((it) => it.inFlight && it.packetId === packetId);
    if (!message) {
      if (packetId !== 0 || (code !== Code.TAKEN_OVER && code !== Code.SHUTTING_DOWN)) this.broken(`a Result ${codeName(code)} for packet ${packetId}`);
      return;
    }
    message.result = code;
    if (code === Code.OK) return this.write({ what: 'accepted', token: message.token, seq: Number(seq) });
    this.write({ what: 'refused', token: message.token, code });
    if (!isRetry(code) && !mayReject(message.to, code)) this.broken(`refused for good, ${codeName(code)}: ${message.token}`);
  }

  /** What was refused is done with for MQTT: the next try is a publish of its own. It stays in flight until then. */
  private sayAgain(message: RawOutgoing): void {
    const connection = this.connection;
    Object.assign(message, { packetId: this.nextPacketId(), again: false, result: undefined });
    setTimeout(() => {
      if (this.connection !== connection) return;
      message.inFlight = false;
      this.flush();
    }, RETRY_MS);
  }

  private take(connection: Connection, packet: Publish, arrived: number): void {
    const topic = parseDeliveryTopic(packet.topic);
    const payload = packet.payload as Buffer;
    if (topic?.kind === 'gap') {
      const { conversation, from, to, reason } = JSON.parse(payload.toString()) as { conversation: string; from: string; to: string; reason: keyof typeof Reason };
      return this.write({ what: 'gap', connection: connection.number, conversation, from: Number(from), seq: Number(to), reason: Reason[reason], after: undefined });
    }
    if (topic?.kind !== 'raw') return this.broken(`a delivery on ${packet.topic}`);
    const token = readBody(payload);
    if (token === undefined || !token.startsWith(`${topic.from}:`)) return this.broken(`a body that nobody sent, on ${packet.topic}`);
    this.write({ what: 'raw', connection: connection.number, arrived, conversation: topic.conversation, token, dup: packet.dup });
  }

  private nextPacketId(): number {
    this.lastPacketId = (this.lastPacketId % PACKET_IDS) + 1;
    return this.lastPacketId;
  }
}
