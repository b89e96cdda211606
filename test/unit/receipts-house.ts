import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Code, create, createUlid, deliveryTopics, directConversation, fromBinary, limits, MessageSchema, ReadSchema, ReceiptSchema, toBinary, type Receipt } from 'godwit-schemas';
import type { Append } from '../../broker/ports/conversation-log.js';
import type { ConnectedSession, Plugin, PluginContext, Refusal } from '../../broker/ports/plugin.js';
import { receiptsPlugin } from '../../plugins/receipts/index.js';
import { Clock, FakeSession, fakeContext } from './fake-context.js';

const newId = createUlid();

/** A session that acknowledges when the test says so. */
export class Device extends FakeSession {
  private readonly unacknowledged: (() => void)[] = [];
  private readonly qos: 0 | 1 = 1;
  /** Nothing can be sent at present. */
  mute = false;

  static connect(user: string, device: string, { live = false, qos = 1 as 0 | 1 } = {}): Device {
    const session = new Device(user, device, 0);
    session.filters.add(deliveryTopics.receipt(user));
    Object.assign(session, { live, qos });
    return session;
  }
  override takes(topic: string): 0 | 1 | undefined {
    return super.takes(topic) && this.qos;
  }
  override sendTracked(topic: string, payload: Uint8Array, acknowledged: () => void): boolean {
    if (this.mute) return false;
    this.sent.push({ topic, payload, retain: false });
    this.unacknowledged.push(acknowledged);
    return true;
  }
  acknowledge(count = this.unacknowledged.length): void {
    for (const acknowledged of this.unacknowledged.splice(0, count)) acknowledged();
  }
  /** What came since the last time this was asked. */
  receipts(): Receipt[] {
    return this.sent.splice(0).map(({ topic, payload }) => {
      assert.equal(topic, deliveryTopics.receipt(this.user));
      return fromBinary(ReceiptSchema, payload);
    });
  }
}

export interface House {
  plugin: Plugin;
  context: PluginContext;
  clock: Clock;
  connect(user: string, device?: string, options?: { live?: boolean; qos?: 0 | 1 }): Promise<Device>;
  disconnect(device: Device): void;
  write(from: string, to: string, count?: number): Promise<void>;
  deliver(user: string, conversation: string, seq: number): void;
  read(session: ConnectedSession, conversation: string, seq: number): Promise<Refusal | undefined>;
  /** Everything that is due has happened: the delay is over, and the (synchronous) store has answered. */
  settle(): Promise<void>;
}

/** The receipts plugin on the memory store, with timers that the test moves. */
export async function openHouse(t: TestContext): Promise<House> {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const clock = new Clock(1_000_000);
  const context = fakeContext(clock);
  const plugin = receiptsPlugin();
  await plugin.start!(context);
  t.after(() => plugin.stop!());
  t.after(() => assert.deepEqual(context.errors, []));
  return {
    plugin,
    context,
    clock,
    async connect(user, device = 'phone', options) {
      const session = Device.connect(user, device, options);
      context.sessions.add(session);
      await plugin.subscribed!(session, [`u/${user}/#`]);
      return session;
    },
    disconnect(device) {
      context.sessions.delete(device);
      plugin.disconnected!(device, true);
    },
    async write(from, to, count = 1) {
      const batch = Array.from({ length: count }, () => message(from, to));
      await context.storage.log.append(batch);
    },
    deliver(user, conversation, seq) {
      void context.storage.cursors.moveDelivered(user, conversation, seq, clock.nowMs);
      plugin.delivered!(user, conversation, seq);
    },
    read: async (session, conversation, seq) => plugin.control!.read!(session, { kind: 'read', conversation }, toBinary(ReadSchema, create(ReadSchema, { seq: BigInt(seq) }))),
    async settle() {
      t.mock.timers.tick(limits.receiptSpacingMs.value);
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    },
  };
}

function message(from: string, to: string): Append {
  const id = newId();
  const bytes = toBinary(MessageSchema, create(MessageSchema, { id, body: new Uint8Array([1]) }));
  return {
    conversation: directConversation(from, to),
    members: from === to ? [from] : [from, to],
    from,
    fromDevice: 'phone',
    id,
    buffer: bytes,
    start: 0,
    end: bytes.length,
    aux: undefined,
    flags: 0,
    epoch: 0,
    expiresInS: 0,
    code: Code.OK,
    seq: 0,
    sentAtMs: 0,
    duplicate: false,
  };
}
