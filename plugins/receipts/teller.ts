import { deliveryTopics, encodeReceipt, limits } from 'godwit-schemas';
import type { MaybePromise } from '../../broker/ports/conversation-log.js';
import type { DeviceCursor, UserCursor } from '../../broker/ports/cursors.js';
import type { ConnectedSession, PluginContext } from '../../broker/ports/plugin.js';
import { inTurn } from '../../broker/ports/slices.js';
import { hasReceipts, wroteAny, type Floor, type Floors } from './floors.js';

/** What a device was told and has acknowledged. */
type Told = Pick<DeviceCursor, 'toldDelivered' | 'toldRead' | 'toldOwnRead'>;

const NOTHING_TOLD: Told = { toldDelivered: 0, toldRead: 0, toldOwnRead: 0 };
/** Conversations looked at before other work has its turn, a millisecond or so: a device that comes back may have thousands. */
const TURN = 256;
/** Conversations for which a live session's last receipt is remembered; a forgotten one may be told again. */
const LIVE_CONVERSATIONS = 256;

/**
 * Tells one session of floors. A conversation is looked at when something moved in it, compared with what this device
 * was last told, and told at QoS 1: one receipt in flight for each conversation, then the newest state. What a
 * persistent device acknowledged is kept beside its cursor, so the next connection can be told what this one was not.
 */
export class Teller {
  private readonly waiting = new Set<string>();
  private readonly inFlight = new Set<string>();
  private readonly liveTold = new Map<string, Told>();
  private working = false;
  private later = false;
  private stopped = false;
  /** Runs while nothing can be sent. */
  private retry: NodeJS.Timeout | undefined;
  private readonly topic: string;

  constructor(
    private readonly session: ConnectedSession,
    private readonly context: Pick<PluginContext, 'storage' | 'log' | 'now'>,
    private readonly floors: Floors,
    /** Told each time when there is nothing more to do. */
    private readonly rested: () => void,
  ) {
    this.topic = deliveryTopics.receipt(session.user);
  }

  /** Nothing waits and nothing is remembered here: the next look may be another teller's. */
  get idle(): boolean {
    return !this.working && !this.later && this.waiting.size === 0 && this.inFlight.size === 0 && this.liveTold.size === 0;
  }

  /** Something may have moved in these conversations. */
  look(conversations: Iterable<string>): void {
    for (const conversation of conversations) this.waiting.add(conversation);
    this.workLater();
  }

  /** As `look`, where the moves have been gathered already: the receipt leaves with whatever else is written now. */
  lookNow(conversation: string): void {
    this.waiting.add(conversation);
    this.work();
  }

  /** The device itself set its user's read cursor: it need not be told. */
  knowsOwnRead(conversation: string, seq: number): void {
    this.remember(conversation, { ...NOTHING_TOLD, toldOwnRead: seq });
  }

  /** The connection is gone. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.retry);
    this.waiting.clear();
    this.inFlight.clear();
  }

  private workLater(): void {
    if (this.working || this.later || this.retry || this.stopped) return;
    this.later = true;
    inTurn(() => {
      this.later = false;
      this.work();
    });
  }

  private work(): void {
    if (this.working || this.retry || this.stopped) return;
    this.working = true;
    try {
      const turn = this.turn();
      if (turn instanceof Promise) turn.then(() => this.done(), (error) => this.failed(error));
      else this.done();
    } catch (error) {
      this.failed(error);
    }
  }

  private done(): void {
    this.working = false;
    if (this.mayGoOn) this.workLater();
    else this.rested();
  }

  private failed(error: unknown): void {
    this.working = false;
    this.context.log.error({ user: this.session.user, device: this.session.device, err: error }, 'receipts failed');
  }

  private turn(): MaybePromise<void> {
    let looked = 0;
    for (const conversation of this.waiting) {
      if (!this.maySend) return;
      if (this.inFlight.has(conversation)) continue;
      if (looked++ === TURN) return;
      this.waiting.delete(conversation);
      const told = this.tell(conversation);
      if (told instanceof Promise) return told.then(() => this.turn());
    }
  }

  private get maySend(): boolean {
    return !this.stopped && !this.retry && this.inFlight.size < limits.receiptsInFlight.value;
  }

  /** Something waits that is not in flight, and may be sent. */
  private get mayGoOn(): boolean {
    if (!this.maySend) return false;
    for (const conversation of this.waiting) if (!this.inFlight.has(conversation)) return true;
    return false;
  }

  private tell(conversation: string): MaybePromise<void> {
    const { user } = this.session;
    if (this.session.takes(this.topic) === undefined || !hasReceipts(user, conversation)) return;
    const { cursors } = this.context.storage;
    const floor = this.floors.seenBy(user, conversation);
    const own = cursors.user(user, conversation);
    const told = this.told(conversation);
    if (!(floor instanceof Promise || own instanceof Promise || told instanceof Promise)) return this.compare(conversation, floor, own, told);
    return Promise.all([floor, own, told]).then((known) => this.compare(conversation, ...known));
  }

  private compare(conversation: string, floor: Floor | undefined, own: Readonly<UserCursor>, told: Told | undefined): MaybePromise<void> {
    const delivered = (floor?.delivered ?? 0) > (told?.toldDelivered ?? 0);
    const read = (floor?.read ?? 0) > (told?.toldRead ?? 0);
    if (floor === undefined || !(delivered || read)) return this.step(conversation, floor, own, told, delivered, read, false);
    const concerns = told === undefined || this.concerns(conversation, floor, told, delivered, read);
    if (!(concerns instanceof Promise)) return this.step(conversation, floor, own, told, delivered, read, concerns);
    return concerns.then((does) => this.step(conversation, floor, own, told, delivered, read, does));
  }

  /** @param concerns the steps of the floor pass over something that this user wrote */
  private step(conversation: string, floor: Floor | undefined, own: Readonly<UserCursor>, told: Told | undefined, delivered: boolean, read: boolean, concerns: boolean): void {
    if (this.stopped) return;
    const tell: Told = { toldDelivered: floor?.delivered ?? 0, toldRead: floor?.read ?? 0, toldOwnRead: own.read };
    if (concerns || own.read > (told?.toldOwnRead ?? 0)) {
      // Of the floor's steps the later one: a message that had expired by then is not shown as read.
      const atMs = concerns && floor ? Math.max(delivered ? floor.deliveredAtMs : 0, read ? floor.readAtMs : 0) : own.readAtMs;
      this.send(conversation, tell, atMs);
    } else if (delivered || read) {
      // None of these places is this user's: known without a word, and not looked at again.
      this.remember(conversation, tell);
    }
  }

  /** Whether the steps of the floor pass over something that this user wrote. */
  private concerns(conversation: string, floor: Floor, told: Told, delivered: boolean, read: boolean): MaybePromise<boolean> {
    const { log } = this.context.storage;
    const { user } = this.session;
    const wroteRead = (): MaybePromise<boolean> => read && wroteAny(user, log, conversation, told.toldRead, floor.read);
    if (!delivered) return wroteRead();
    const wrote = wroteAny(user, log, conversation, told.toldDelivered, floor.delivered);
    return wrote instanceof Promise ? wrote.then((any) => any || wroteRead()) : wrote || wroteRead();
  }

  private send(conversation: string, tell: Told, atMs: number): void {
    const receipt = encodeReceipt({ conversation, delivered: tell.toldDelivered, read: tell.toldRead, atMs, ownRead: tell.toldOwnRead });
    this.inFlight.add(conversation);
    if (!this.session.sendTracked(this.topic, receipt, () => this.acknowledged(conversation, tell))) this.tryAgain(conversation);
  }

  private acknowledged(conversation: string, tell: Told): void {
    if (this.stopped) return;
    this.inFlight.delete(conversation);
    this.remember(conversation, tell);
    if (this.waiting.size > 0) this.workLater();
    else this.rested();
  }

  private tryAgain(conversation: string): void {
    this.inFlight.delete(conversation);
    this.waiting.add(conversation);
    this.retry = setTimeout(() => {
      this.retry = undefined;
      this.work();
    }, limits.receiptSpacingMs.value);
  }

  /** undefined: not known (of a live session), so anything may be news. */
  private told(conversation: string): Told | undefined | Promise<Told> {
    if (!this.persistent) return this.liveTold.get(conversation);
    const cursor = this.context.storage.cursors.device(this.session.user, this.session.device, conversation);
    return cursor instanceof Promise ? cursor.then((it) => it ?? NOTHING_TOLD) : (cursor ?? NOTHING_TOLD);
  }

  private remember(conversation: string, told: Told): void {
    if (this.persistent) {
      const { toldDelivered, toldRead, toldOwnRead } = told;
      this.context.storage.cursors.moveDevice(this.session.user, this.session.device, conversation, { position: 0, last: 0, started: false, toldDelivered, toldRead, toldOwnRead });
      return;
    }
    const known = this.liveTold.get(conversation) ?? NOTHING_TOLD;
    this.liveTold.delete(conversation);
    this.liveTold.set(conversation, {
      toldDelivered: Math.max(known.toldDelivered, told.toldDelivered),
      toldRead: Math.max(known.toldRead, told.toldRead),
      toldOwnRead: Math.max(known.toldOwnRead, told.toldOwnRead),
    });
    if (this.liveTold.size > LIVE_CONVERSATIONS) this.liveTold.delete(this.liveTold.keys().next().value!);
  }

  /** Only what a persistent session acknowledged at QoS 1 is known to be known. */
  private get persistent(): boolean {
    return !this.session.live && this.session.takes(this.topic) === 1;
  }
}
