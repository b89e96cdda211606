import { isGroupConversation, Reason, stampPrefix } from 'godwit-schemas';
import type { Engine } from '../engine.js';
import type { Entry, Hole, Window } from '../ports/conversation-log.js';
import { isUnavailable } from '../ports/availability.js';
import { cover } from '../ports/cover.js';
import { goneFor } from '../ports/entries.js';
import { Slices } from '../ports/slices.js';
import { ALWAYS, windowAt } from '../ports/windows.js';
import { writePayload } from './delivery-frames.js';
import { DeliveryWriter } from './delivery-writer.js';
import { InFlight, type Tracked } from './in-flight.js';
import { Reader, type Delivered } from './reader.js';
import type { Session } from './session.js';

/** The gap that `deliver` gathers, `from` 0 = none: one at a time, since it runs without a pause. */
const gap = { from: 0, to: 0, reason: Reason.EXPIRED };
/** What one conversation may send before the next one's turn. */
const TURN = { entries: 32, bytes: 65_536 };

/**
 * Delivers to one device: reads the logs of its conversations from its cursors on, writes what it finds within the
 * window, and moves the cursors with its PUBACKs. There is no other way to a device: a live message and a backlog of
 * ten thousand are the same reading. A pump outlives its connection by what is in flight, so that the next one can be
 * sent the same packets again under their ids (MQTT-4.4.0-1).
 */
export class Pump {
  private session: Session | undefined;
  private readonly readers = new Map<string, Reader>();
  private readonly line: Reader[] = [];
  readonly inFlight: InFlight<Tracked | Delivered>;
  private scheduled = false;
  private resending = false;
  private readonly own: Uint8Array;
  private readonly frames: DeliveryWriter;
  private readonly dirty = new Set<Reader>();
  /** The readers stand where a live session reads, not at the device's cursors. */
  private live = false;
  /** The connection that was sent again what the one before it left in flight. */
  private resentTo: Session | undefined;
  /** Counts what `attach` was called: of two that look at the conversations, the later one goes on. */
  private attached = 0;
  /** When moved cursors were last handed on. */
  flushedAtMs = 0;
  /** When the window closed without a PUBACK since; 0 = it is open. */
  stalledSinceMs = 0;

  constructor(private readonly engine: Engine, readonly user: string, readonly device: string, packetIds: number, clean: boolean) {
    this.own = stampPrefix(user, device, '').subarray(0, user.length + device.length + 4);
    this.frames = new DeliveryWriter(user, device, engine.now);
    this.inFlight = new InFlight(
      packetIds,
      packetIds,
      // A clean session forgets its packet ids with the connection.
      clean ? () => Promise.resolve() : (upTo) => engine.storage.directory.reservePacketIds(user, device, upTo),
      () => this.schedule(),
    );
  }

  get clientId(): string {
    return this.frames.clientId;
  }

  /**
   * Takes a connection, or one whose subscription for messages changed: resends what the last one left in flight, then
   * whatever lies behind the cursors.
   */
  async attach(session: Session): Promise<void> {
    this.session = session;
    const attached = ++this.attached;
    if (!session.takesMessages) return;
    if (session.live || this.live) this.startOver();
    this.live = session.live;
    if (this.live) return;
    if (this.resentTo !== session) {
      this.resentTo = session;
      // Nothing new before what was sent already, whatever the store takes to read it.
      this.resending = true;
      for (const item of this.inFlight.values()) {
        if ('reader' in item) await this.resend(session, item);
        if (this.session !== session) return;
      }
      this.resending = false;
      this.schedule();
    }
    const { log, cursors } = this.engine.storage;
    // There may be thousands: what is found first is sent meanwhile, and other sessions have their turns.
    const slices = new Slices();
    await slices.pause();
    const [conversations, rows] = await Promise.all([log.conversationsOf(this.user), cursors.ofDevice(this.user, this.device)]);
    slices.begin();
    for (const conversation of conversations) {
      const pause = slices.pause();
      if (pause) await pause;
      const answer = log.head(conversation);
      const head = answer instanceof Promise ? await answer : answer;
      if (this.session !== session || this.attached !== attached) return;
      if (!head || head.head <= (rows.get(conversation)?.position ?? 0)) continue;
      let reader = this.readers.get(conversation);
      if (!reader) {
        reader = new Reader(conversation);
        reader.start(rows.get(conversation));
        this.readers.set(conversation, reader);
      }
      reader.target = Math.max(reader.target, head.head);
      this.makeReady(reader, false);
    }
  }

  /** The connection is gone: cursors go to the store, and only what is in flight is kept. */
  detach(): void {
    if (this.live) this.startOver();
    this.flushCursors();
    this.session = undefined;
    this.resentTo = undefined;
    this.resending = false;
    this.stalledSinceMs = 0;
    this.line.length = 0;
    for (const item of [...this.inFlight.values()]) if (!('reader' in item)) this.inFlight.remove(item.packetId);
    for (const [conversation, reader] of this.readers) {
      reader.ready = false;
      if (reader.inFlight === 0) this.readers.delete(conversation);
    }
  }

  /** From live to kept, or the other way: nothing that was read so says where the other one stands. */
  private startOver(): void {
    this.flushCursors();
    this.stalledSinceMs = 0;
    this.line.length = 0;
    this.readers.clear();
    for (const item of [...this.inFlight.values()]) if ('reader' in item) this.inFlight.remove(item.packetId);
  }

  /** The conversation has entries up to `last`, of which `first` is new. */
  wake(conversation: string, first: number, last: number): void {
    const session = this.session;
    if (!session || !session.takesMessages) return;
    let reader = this.readers.get(conversation);
    if (!reader) {
      reader = new Reader(conversation);
      this.readers.set(conversation, reader);
      if (this.live) reader.startAt(first - 1);
      else {
        const cursor = this.engine.storage.cursors.device(this.user, this.device, conversation);
        if (cursor instanceof Promise) this.load(reader, cursor.then((row) => reader!.start(row)));
        else reader.start(cursor);
      }
    }
    if (last > reader.target) reader.target = last;
    this.makeReady(reader, true);
  }

  /** A PUBACK came. */
  acknowledge(packetId: number): void {
    const item = this.inFlight.remove(packetId);
    if (!item) return;
    this.stalledSinceMs = 0;
    if (this.line.length > 0) this.schedule();
    if (!('reader' in item)) return item.acknowledged?.();
    item.reader.acknowledge(item);
    if (item.sentAtMs > 0) {
      this.engine.meters.delivered++;
      this.engine.meters.sentToDelivered.observe(this.engine.now() - item.sentAtMs);
    }
    if (item.reader.dirty) this.moved(item.reader);
  }

  /** Sends something at QoS 1 that is not a place of a log. False: no packet id is free now. */
  sendTracked(topic: Buffer, payload: Uint8Array, acknowledged: () => void): boolean {
    if (!this.session || !this.inFlight.available) return false;
    const packetId = this.inFlight.takeId();
    const bytes = writePayload(this.session.output, topic, payload, packetId);
    this.inFlight.add({ packetId, bytes, acknowledged });
    return true;
  }

  /** Hands moved cursors to the store, and tells who waits for it that this user has more. */
  flushCursors(): void {
    const { storage, host } = this.engine;
    const now = this.engine.now();
    if (this.dirty.size > 0) this.flushedAtMs = now;
    for (const reader of this.dirty) {
      reader.dirty = false;
      const position = reader.acknowledged;
      const { conversation, last, started } = reader;
      storage.cursors.moveDevice(this.user, this.device, conversation, { position, last, started, toldDelivered: 0, toldRead: 0, toldOwnRead: 0 });
      const moved = storage.cursors.moveDelivered(this.user, conversation, position, now);
      if (moved instanceof Promise) void moved.then((did) => did && host.delivered(this.user, conversation, position));
      else if (moved) host.delivered(this.user, conversation, position);
    }
    this.dirty.clear();
  }

  /** Sends what the window allows. */
  pump(): void {
    this.scheduled = false;
    const session = this.session;
    if (!session?.deliverable || !session.takesMessages || this.resending) return;
    const { log } = this.engine.storage;
    while (this.line.length > 0) {
      if (!session.volatile && (!this.inFlight.open || !this.inFlight.available)) {
        if (!this.inFlight.open) this.stalledSinceMs ||= this.engine.now();
        return;
      }
      const reader = this.line.shift()!;
      reader.ready = false;
      if (reader.loading || reader.position >= reader.target) continue;
      // Who had anything of a one-to-one is in it for good.
      const windows = reader.position === 0 || isGroupConversation(reader.conversation) ? log.windowsOf(reader.conversation, this.user) : ALWAYS;
      if (windows instanceof Promise) {
        this.load(reader, windows.then(async (known) => {
          const window = this.session === session ? this.enter(session, reader, known) : undefined;
          if (!window) return;
          const entries = await log.read(reader.conversation, reader.position + 1, TURN);
          if (this.session === session) this.deliver(session, reader, entries, window);
        }));
        continue;
      }
      const window = this.enter(session, reader, windows);
      if (!window) continue;
      const page = log.read(reader.conversation, reader.position + 1, TURN);
      if (page instanceof Promise) {
        this.load(reader, page.then((entries) => { if (this.session === session) this.deliver(session, reader, entries, window); }));
        continue;
      }
      this.deliver(session, reader, page, window);
      if (reader.position < reader.target && !reader.loading) this.makeReady(reader, false);
    }
  }

  schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.engine.schedulePump(this);
  }

  private makeReady(reader: Reader, first: boolean): void {
    if (!reader.ready && !reader.loading) {
      reader.ready = true;
      // What is written now goes before what has waited long: a direct message does not stand behind a backlog.
      if (first) this.line.unshift(reader);
      else this.line.push(reader);
    }
    this.schedule();
  }

  private load(reader: Reader, loaded: Promise<void>): void {
    reader.loading = true;
    const done = (): void => {
      reader.loading = false;
      if (this.session && reader.position < reader.target) this.makeReady(reader, false);
    };
    loaded.then(done, (error) => {
      // Other conversations go on, this one waits.
      if (isUnavailable(error)) return void setTimeout(done, error.refusal.retryAfterMs).unref();
      reader.loading = false;
      this.engine.log.error({ err: error, conversation: reader.conversation }, 'reading a log failed');
      this.session?.destroy('reading a log failed');
    });
  }

  private moved(reader: Reader): void {
    if (this.live) {
      reader.dirty = false;
      return;
    }
    if (this.dirty.size === 0) this.engine.scheduleFlush(this);
    this.dirty.add(reader);
  }

  /**
   * The window that the next place lies in, after a gap for what lies before it; undefined: nothing more is theirs. Who
   * never had anything of a group begins where they joined, without a gap.
   */
  private enter(session: Session, reader: Reader, windows: readonly Window[]): Window | undefined {
    const next = reader.position + 1;
    const window = windowAt(windows, next);
    if (!window || window.from > reader.target) {
      reader.target = Math.min(reader.target, reader.position);
      return undefined;
    }
    if (window.from <= next) return window;
    if (window === windows[0]) reader.startAt(window.from - 1);
    else {
      this.sendGap(session, reader, next, window.from - 1, Reason.NOT_MEMBER);
      reader.position = window.from - 1;
    }
    return window;
  }

  private deliver(session: Session, reader: Reader, page: readonly Entry[], window: Window): void {
    gap.from = 0;
    for (const entry of page) {
      if (!session.volatile && !this.inFlight.open) break;
      const before = Math.min(entry.seq - 1, window.to);
      if (before > reader.position) {
        const holes = this.holes(reader);
        if (!holes) break;
        for (const hole of cover(holes, reader.position + 1, before)) this.extendGap(session, reader, hole.from, hole.to, hole.reason);
        reader.position = before;
      }
      if (entry.seq > window.to) break;
      const own = this.isOwn(entry);
      const gone = own ? undefined : goneFor(entry, this.engine.now());
      if (gone !== undefined) this.extendGap(session, reader, entry.seq, entry.seq, gone);
      else if (!own) {
        this.flushGap(session, reader);
        this.sendEntry(session, reader, entry);
      }
      reader.position = entry.seq;
    }
    if (page.length === 0) {
      const holes = this.holes(reader);
      if (!holes) return;
      const end = Math.min(reader.target, window.to);
      for (const hole of cover(holes, reader.position + 1, end)) this.extendGap(session, reader, hole.from, hole.to, hole.reason);
      reader.position = end;
    }
    this.flushGap(session, reader);
    // Own messages need no PUBACK: the cursor passes them.
    if (reader.inFlight === 0) this.moved(reader);
  }

  private extendGap(session: Session, reader: Reader, from: number, to: number, reason: Reason): void {
    // Places of one's own that lie between are no gap.
    if (gap.from > 0 && (reason !== gap.reason || from !== gap.to + 1)) this.flushGap(session, reader);
    if (gap.from === 0) gap.from = from;
    gap.to = to;
    gap.reason = reason;
  }

  private flushGap(session: Session, reader: Reader): void {
    const { from, to, reason } = gap;
    gap.from = 0;
    if (from > 0) this.sendGap(session, reader, from, to, reason);
  }

  /** The holes of the reader's log; undefined: they are being fetched. */
  private holes(reader: Reader): readonly Hole[] | undefined {
    const known = reader.holes;
    reader.holes = undefined;
    if (known) return known;
    const answer = this.engine.storage.log.holes(reader.conversation);
    if (!(answer instanceof Promise)) return answer;
    this.load(reader, answer.then((holes) => void (reader.holes = holes)));
    return undefined;
  }

  /** A device is not sent its own messages. */
  private isOwn(entry: Entry): boolean {
    const { buffer, stamp } = entry;
    const own = this.own;
    for (let i = 0; i < own.length; i++) if (buffer[stamp + i] !== own[i]) return false;
    return true;
  }

  private sendEntry(session: Session, reader: Reader, entry: Entry): void {
    const packetId = session.volatile ? 0 : this.inFlight.takeId();
    const after = reader.sentStarted && reader.sentLast === entry.seq - 1 ? undefined : reader.sentLast;
    const bytes = this.frames.entry(session, reader.conversation, entry, packetId, after, false);
    if (bytes > 0) this.sent(reader, packetId, bytes, entry.seq, entry.seq, entry.sentAtMs, Reason.EXPIRED);
  }

  private sendGap(session: Session, reader: Reader, from: number, to: number, reason: Reason): void {
    const packetId = session.volatile ? 0 : this.inFlight.takeId();
    const bytes = this.frames.gap(session, reader.conversation, packetId, from, to, reason, reader.sentLast, false);
    if (bytes > 0) this.sent(reader, packetId, bytes, from, to, 0, reason);
  }

  private sent(reader: Reader, packetId: number, bytes: number, from: number, seq: number, sentAtMs: number, reason: Reason): void {
    if (packetId === 0) {
      reader.sentLast = seq;
      reader.sentStarted = true;
      this.engine.meters.delivered++;
      return;
    }
    const delivery: Delivered = { packetId, bytes, acknowledged: undefined, reader, from, seq, sentAtMs, reason, acked: false };
    this.inFlight.add(delivery);
    reader.sent(delivery);
  }

  /** The same place under the same packet id, with DUP; a gap if it has gone meanwhile. */
  private async resend(session: Session, item: Delivered): Promise<void> {
    const { reader, packetId, seq } = item;
    const before = reader.unacknowledged().filter((other) => other.seq < item.seq && !other.acked).at(-1)?.seq ?? reader.last;
    const [entry] = await this.engine.storage.log.read(reader.conversation, seq, { entries: 1, bytes: 1 });
    if (this.session !== session) return;
    const gone = item.sentAtMs === 0 ? item.reason : entry?.seq === seq ? goneFor(entry, this.engine.now()) : Reason.TRIMMED;
    const after = reader.started && before === seq - 1 ? undefined : before;
    const bytes =
      gone === undefined
        ? this.frames.entry(session, reader.conversation, entry, packetId, after, true)
        : this.frames.gap(session, reader.conversation, packetId, item.from, seq, gone, before, true);
    this.engine.meters.redelivered++;
    // A session that takes none of it any more will never acknowledge it.
    if (bytes === 0) this.acknowledge(packetId);
  }
}
