import type { IPublishPacket as Publish, Packet } from 'mqtt-packet';
import { Journal, type ToWrite, type Written } from '../journal.js';
import type { DevicePlan } from '../plan.js';
import { between, type Random } from '../seeded.js';
import { Connection, type Login } from './connection.js';

const SUBSCRIBE_ID = 65_535;

/** How far a device is, for whoever waits for the quiet end. */
export interface Status {
  connected: boolean;
  /** Publishes and readings that are not settled, and deliveries that are not written down. */
  open: number;
}

/** What a process of clients knows of its devices. */
export interface Participant {
  readonly plan: DevicePlan;
  readonly status: Status;
  start(): void;
  /** A second connection with the same client id, while the first is still open. */
  takeOver(): void;
  /** Everyone has connected once: talk. */
  talk(): void;
  /** No new traffic; what is open is still brought to its end. */
  becomeQuiet(): void;
}

/**
 * A device: connects, and connects again; keeps its journal. What it says and how it listens is its kind's. It starts
 * from its journal, so that it goes on after kill -9 where it was.
 */
export abstract class Device implements Participant {
  /** Accepted, subscribed, and the only one that is listened to. */
  protected connection: Connection | undefined;
  private opening: Connection | undefined;
  private subscribed = false;
  private connections = 0;
  private journal: Journal | undefined;

  /** @param random for habits and pauses; a process that is started again gets another one */
  constructor(readonly plan: DevicePlan, private readonly folder: string, protected readonly random: Random) {}

  get status(): Status {
    return { connected: this.connection !== undefined, open: this.open };
  }

  start(): void {
    const { journal, entries } = Journal.open(journalPath(this.folder, this.plan.clientId));
    this.journal = journal;
    for (const entry of entries) {
      if (entry.what === 'connected') this.connections = entry.connection;
      else if (entry.what === 'subscribed') this.subscribed = true;
    }
    this.recall(entries);
    this.dial();
  }

  takeOver(): void {
    if (this.connection && !this.opening) this.dial();
  }

  abstract talk(): void;
  abstract becomeQuiet(): void;
  /** Takes from the journal where an earlier process was. */
  protected abstract recall(entries: readonly Written[]): void;
  protected abstract get open(): number;
  protected abstract get filters(): readonly string[];
  /** The session is there, or the SUBACK is. */
  protected abstract onReady(connection: Connection): void;
  protected abstract onLost(): void;
  protected abstract onPublish(connection: Connection, packet: Publish): void;
  protected abstract onAcknowledged(kind: 'puback' | 'pubrec' | 'pubcomp', packetId: number): void;

  protected readonly write = (entry: ToWrite): void => this.journal!.write(entry);
  protected readonly broken = (rule: string): void => this.write({ what: 'broken', rule });

  private dial(): void {
    const { clientId, user, token, port, kind, deadAfterLooks } = this.plan;
    const login: Login = { port, clientId, user, token, clean: kind === 'live', deadAfterLooks };
    this.opening = new Connection(login, {
      connack: (connection, returnCode, present) => this.accepted(connection, returnCode, present),
      packet: (connection, packet) => this.packet(connection, packet),
      closed: (connection) => this.lost(connection),
    });
  }

  private accepted(connection: Connection, returnCode: number, present: boolean): void {
    if (returnCode !== 0) {
      // 3, "unavailable", is what a server says that is on its way down.
      if (returnCode !== 3) this.broken(`CONNACK ${returnCode}`);
      return connection.destroy();
    }
    this.opening = undefined;
    const before = this.connection;
    this.connection = connection;
    if (before) {
      before.destroy();
      this.onLost();
    }
    connection.number = ++this.connections;
    this.write({ what: 'connected', connection: connection.number, present });
    if (this.subscribed && !present && this.plan.kind !== 'live') this.broken('the session was forgotten: its subscriptions are gone');
    if (present) return this.onReady(connection);
    connection.busyPacketIds.add(SUBSCRIBE_ID);
    connection.send({ cmd: 'subscribe', messageId: SUBSCRIBE_ID, subscriptions: this.filters.map((topic) => ({ topic, qos: 1 })) } as unknown as Packet);
  }

  private packet(connection: Connection, packet: Packet): void {
    if (connection !== this.connection) return;
    if (packet.cmd === 'publish') this.onPublish(connection, packet);
    else if (packet.cmd === 'puback' || packet.cmd === 'pubrec' || packet.cmd === 'pubcomp') this.onAcknowledged(packet.cmd, packet.messageId!);
    else if (packet.cmd === 'suback') this.subscribedTo(connection, packet.granted as number[]);
  }

  private subscribedTo(connection: Connection, granted: readonly number[]): void {
    if (granted.some((code) => code > 2)) this.broken(`SUBACK ${granted.join()}`);
    if (!this.subscribed) this.write({ what: 'subscribed' });
    this.subscribed = true;
    this.onReady(connection);
  }

  private lost(connection: Connection): void {
    if (connection === this.opening) this.opening = undefined;
    else if (connection === this.connection) {
      this.connection = undefined;
      this.onLost();
    } else return;
    setTimeout(() => {
      if (!this.connection && !this.opening) this.dial();
    }, between(this.random, 20, this.plan.patienceMs));
  }
}

export function journalPath(folder: string, clientId: string): string {
  return `${folder}/${clientId.replace(':', '.')}.journal`;
}
