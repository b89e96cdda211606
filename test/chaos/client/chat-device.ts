import type { IPublishPacket as Publish } from 'mqtt-packet';
import {
  create,
  createUlid,
  deliveryTopics,
  fromBinary,
  parseDeliveryTopic,
  PresenceSchema,
  publishTopics,
  ReadSchema,
  ReceiptSchema,
  ResultSchema,
  State,
  toBinary,
} from 'godwit-schemas';
import { numberOf, tokenOf } from '../body.js';
import { conversationWith } from '../groups.js';
import type { Written } from '../journal.js';
import type { DevicePlan } from '../plan.js';
import type { Random } from '../seeded.js';
import type { Connection } from './connection.js';
import { readDelivery } from './delivery.js';
import { Device } from './device.js';
import { GroupCalls } from './group-calls.js';
import { Intake } from './intake.js';
import { Sender } from './sender.js';
import { Traffic, type Actor } from './traffic.js';

/** How often refused messages are looked at again, ms. */
const RETRY_MS = 50;
const LATEST_MS = 250;

/** A device that behaves as the SDK does: results, places, receipts, reading; it resends with the same ids. */
export class ChatDevice extends Device implements Actor {
  private readonly sender = new Sender(this.plan.pushy, this.write, this.broken);
  private readonly calls = new GroupCalls(this.plan, this.random, this.write, this.broken);
  private readonly intake: Intake;
  private readonly traffic: Traffic;
  private readonly nextId: () => Uint8Array;
  private said = 0;
  /** The last place of each conversation that was delivered here. */
  private readonly lastPlaces = new Map<string, number>();
  /** Readings that must be acknowledged before the end. */
  private readonly finalReadings = new Map<string, number>();
  private readingUnderWay = false;
  private presence = State.ONLINE;

  constructor(plan: DevicePlan, folder: string, random: Random) {
    super(plan, folder, random);
    this.nextId = createUlid(Date.now, (bytes) => bytes.set(random.bytes(bytes.length)));
    // As the SDK: only on the connection that delivered.
    this.intake = new Intake(plan.habit, random, LATEST_MS, (connection, packet) => this.take(connection, packet), (connection, packetId) => {
      if (connection === this.connection) connection.acknowledge(packetId);
    });
    this.traffic = new Traffic(plan, random, this);
  }

  override start(): void {
    super.start();
    setInterval(() => {
      this.sender.flush();
      this.calls.flush();
      this.readFinally();
    }, RETRY_MS);
  }

  talk(): void {
    this.traffic.start();
    this.calls.talk();
  }

  becomeQuiet(): void {
    this.traffic.stop();
    for (const [conversation, seq] of this.lastPlaces) if (this.random.chance(0.5)) this.finalReadings.set(conversation, seq);
  }

  get backlog(): number {
    return this.sender.outbox.size;
  }

  say(to: string, bytes: number, { qos, expiresInS }: { qos: 1 | 2; expiresInS: number }): void {
    const token = tokenOf(this.plan.clientId, ++this.said, bytes);
    const id = Buffer.from(this.nextId()).toString('hex');
    this.sender.say({ token, id, to, conversation: conversationWith(this.plan.user, to), expiresInS, qos });
  }

  readSomething(): void {
    const places = [...this.lastPlaces];
    if (places.length > 0) this.read(...this.random.pick(places), () => undefined);
  }

  typeSomething(): void {
    const conversations = [...this.lastPlaces.keys()];
    if (conversations.length > 0) this.connection?.publish(publishTopics.typing(this.random.pick(conversations)), Buffer.alloc(0), 0);
  }

  changeGroup(): void {
    this.calls.act();
  }

  changePresence(): void {
    this.presence = this.presence === State.ONLINE ? State.AWAY : State.ONLINE;
    const payload = toBinary(PresenceSchema, create(PresenceSchema, { state: this.presence }));
    this.sender.publish(publishTopics.presence(this.plan.user), payload, true, () => undefined);
  }

  protected get open(): number {
    return this.sender.open + this.intake.open + this.finalReadings.size + this.calls.size;
  }

  protected get filters(): readonly string[] {
    const { user, friends } = this.plan;
    return [deliveryTopics.all(user), ...friends.filter((friend) => friend !== user).map((friend) => deliveryTopics.presence(friend))];
  }

  protected recall(entries: readonly Written[]): void {
    this.sender.recall(entries);
    this.calls.recall(entries);
    for (const entry of entries) {
      if (entry.what === 'sent') this.said = numberOf(entry.token);
      else if ((entry.what === 'delivered' || entry.what === 'gap') && !entry.conversation.startsWith('u:')) this.reached(entry.conversation, entry.seq);
    }
  }

  protected onReady(connection: Connection): void {
    this.sender.ready(connection);
    this.calls.ready((topic, payload) => this.sender.publish(topic, payload, false, () => undefined));
  }

  protected onLost(): void {
    this.intake.lost();
    this.sender.lost();
    this.calls.lost();
  }

  protected onAcknowledged(kind: 'puback' | 'pubrec' | 'pubcomp', packetId: number): void {
    this.sender.acknowledged(kind, packetId);
  }

  protected onPublish(connection: Connection, packet: Publish): void {
    const topic = parseDeliveryTopic(packet.topic);
    const payload = packet.payload as Buffer;
    switch (topic?.kind) {
      case 'result':
        return this.sender.result(fromBinary(ResultSchema, payload));
      case 'presence':
        return this.write({ what: 'presence', user: topic.user, state: fromBinary(PresenceSchema, payload).state });
      case 'rpc':
        return this.calls.heard(payload);
      case 'msg':
      case 'feed':
      case 'receipt':
        return this.intake.receive(connection, packet);
      case 'typing':
        return;
      default:
        return this.broken(`a delivery on ${packet.topic}`);
    }
  }

  /** Writes a delivery down. */
  private take(connection: Connection, packet: Publish): void {
    const payload = packet.payload as Buffer;
    if (parseDeliveryTopic(packet.topic)!.kind === 'receipt') {
      const { conversation, delivered, read, ownRead } = fromBinary(ReceiptSchema, payload);
      return this.write({ what: 'receipt', conversation, delivered: Number(delivered), read: Number(read), ownRead: Number(ownRead) });
    }
    const entry = readDelivery(payload, connection.number, packet.dup);
    this.write(entry);
    if (entry.what !== 'broken' && !entry.conversation.startsWith('u:')) this.reached(entry.conversation, entry.seq);
  }

  private reached(conversation: string, seq: number): void {
    this.lastPlaces.set(conversation, Math.max(seq, this.lastPlaces.get(conversation) ?? 0));
  }

  private read(conversation: string, seq: number, done: (accepted: boolean, settled: boolean) => void): void {
    if (!this.connection) return done(false, false);
    this.write({ what: 'reading', conversation, seq });
    this.sender.publish(publishTopics.read(conversation), toBinary(ReadSchema, create(ReadSchema, { seq: BigInt(seq) })), false, (accepted, settled) => {
      if (accepted) this.write({ what: 'read', conversation, seq });
      done(accepted, settled);
    });
  }

  private readFinally(): void {
    const [next] = this.finalReadings;
    if (!next || this.readingUnderWay || !this.connection) return;
    this.readingUnderWay = true;
    this.read(...next, (_accepted, settled) => {
      this.readingUnderWay = false;
      if (settled) this.finalReadings.delete(next[0]);
    });
  }
}
