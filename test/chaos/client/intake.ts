import type { IPublishPacket as Publish } from 'mqtt-packet';
import { between, type Random } from '../seeded.js';
import type { Habit } from '../plan.js';
import type { Connection } from './connection.js';

/**
 * How a device takes in what it is given. All write down before they acknowledge.
 *
 * - `prompt`: at once.
 * - `slow`: what came waits in memory, is written down in order a little later, and is forgotten with the connection.
 * - `late`: written down at once, acknowledged later, in any order.
 * - `scattered`: each one written down and acknowledged later, in any order, and forgotten with the connection.
 */
export class Intake {
  private waiting: { connection: Connection; packet: Publish; arrived: number }[] = [];
  private scattered = 0;
  private arrived = 0;
  private timer: NodeJS.Timeout | undefined;

  /**
   * @param take writes it down; `arrived` counts deliveries in the order in which they came
   * @param latestMs longest time until a late PUBACK
   * @param acknowledge sends the PUBACK, on whatever connection there is then
   */
  constructor(
    private readonly habit: Habit,
    private readonly random: Random,
    private readonly latestMs: number,
    private readonly take: (connection: Connection, packet: Publish, arrived: number) => void,
    private readonly acknowledge: (delivered: Connection, packetId: number) => void,
  ) {}

  /** Deliveries that are not written down. */
  get open(): number {
    return this.waiting.length + this.scattered;
  }

  receive(connection: Connection, packet: Publish): void {
    const arrived = ++this.arrived;
    if (this.habit === 'slow') {
      this.waiting.push({ connection, packet, arrived });
      this.timer ??= setTimeout(() => this.catchUp(), between(this.random, 5, 150));
      return;
    }
    if (this.habit === 'scattered') return this.scatter(connection, packet, arrived);
    this.take(connection, packet, arrived);
    if (packet.qos === 0) return;
    if (this.habit === 'prompt') this.acknowledge(connection, packet.messageId!);
    else setTimeout(() => this.acknowledge(connection, packet.messageId!), between(this.random, 0, this.latestMs));
  }

  /** The connection is gone, and with it what was not written down. */
  lost(): void {
    this.waiting = [];
  }

  private scatter(connection: Connection, packet: Publish, arrived: number): void {
    this.scattered++;
    setTimeout(() => {
      this.scattered--;
      if (connection.closed) return;
      this.take(connection, packet, arrived);
      if (packet.qos > 0) this.acknowledge(connection, packet.messageId!);
    }, between(this.random, 0, 400));
  }

  private catchUp(): void {
    this.timer = undefined;
    const { waiting } = this;
    this.waiting = [];
    for (const { connection, packet, arrived } of waiting) {
      this.take(connection, packet, arrived);
      if (packet.qos > 0) this.acknowledge(connection, packet.messageId!);
    }
  }
}
