import type { Cursors, DeviceCursor, Reached, UserCursor } from '../../broker/ports/cursors.js';
import { Steps } from '../../broker/ports/steps.js';
import { writeRow } from './records.js';
import type { Store } from './store.js';
import { rowName } from './table.js';
import type { Codec, Table } from './table.js';

/**
 * Rows are of one class each, and not literals from here and there: what moves them runs with every message, and V8
 * compiled it again and again while their shapes differed.
 */
class DeviceRow implements DeviceCursor {
  position = 0;
  last = 0;
  started = false;
  toldDelivered = 0;
  toldRead = 0;
  toldOwnRead = 0;
  /** It moved, and waits to be journaled. */
  queued = false;

  /** As it stands in the journal. */
  encode(): Buffer {
    const bytes = Buffer.allocUnsafe(DEVICE_BYTES);
    bytes.writeDoubleLE(this.position, 0);
    bytes.writeDoubleLE(this.last, 8);
    bytes.writeDoubleLE(this.toldDelivered, 16);
    bytes.writeDoubleLE(this.toldRead, 24);
    bytes.writeDoubleLE(this.toldOwnRead, 32);
    bytes[40] = this.started ? 1 : 0;
    return bytes;
  }

  /** Nothing ever moves back. */
  raise(by: DeviceCursor): void {
    if (by.position > this.position) this.position = by.position;
    if (by.last > this.last) this.last = by.last;
    if (by.started) this.started = true;
    if (by.toldDelivered > this.toldDelivered) this.toldDelivered = by.toldDelivered;
    if (by.toldRead > this.toldRead) this.toldRead = by.toldRead;
    if (by.toldOwnRead > this.toldOwnRead) this.toldOwnRead = by.toldOwnRead;
  }
}

class UserRow implements UserCursor {
  delivered = 0;
  deliveredAtMs = 0;
  read = 0;
  readAtMs = 0;
  start = 0;
  /** What went before `delivered` and `read`; most rows have none in memory. */
  deliveredSteps: Steps | undefined = undefined;
  readSteps: Steps | undefined = undefined;
  /** It moved, and waits to be journaled. */
  queued = false;

  /** As it stands in the journal: without its steps, which follow from what is journaled one after the other. */
  encode(more = 0): Buffer {
    const bytes = Buffer.allocUnsafe(USER_BYTES + more);
    bytes.writeDoubleLE(this.delivered, 0);
    bytes.writeDoubleLE(this.deliveredAtMs, 8);
    bytes.writeDoubleLE(this.read, 16);
    bytes.writeDoubleLE(this.readAtMs, 24);
    bytes.writeDoubleLE(this.start, 32);
    return bytes;
  }

  raise(by: UserCursor): void {
    this.raiseDelivered(by.delivered, by.deliveredAtMs);
    this.raiseRead(by.read, by.readAtMs);
    if (by.start > this.start) this.start = by.start;
  }

  raiseDelivered(seq: number, atMs: number): void {
    if (seq <= this.delivered) return;
    if (this.delivered > 0) (this.deliveredSteps ??= new Steps()).push(this.delivered, this.deliveredAtMs);
    this.delivered = seq;
    this.deliveredAtMs = atMs;
  }

  raiseRead(seq: number, atMs: number): void {
    if (seq <= this.read) return;
    if (this.read > 0) (this.readSteps ??= new Steps()).push(this.read, this.readAtMs);
    this.read = seq;
    this.readAtMs = atMs;
  }
}

interface Row {
  queued: boolean;
  encode(): Buffer;
}

interface Moved<T> {
  readonly table: Table<T>;
  readonly group: string;
  readonly item: string;
  readonly row: T;
}

/**
 * Cursors are rows of two tables: (user 0 device, conversation) and (user, conversation). A move changes the row in
 * memory; the rows that moved are journaled together some time later, with whatever is journaled then, so LMDB need not
 * be filled five times a second for their sake.
 */
export class EmbeddedCursors implements Cursors {
  private readonly devices: Table<DeviceRow>;
  private readonly users: Table<UserRow>;
  private moved: Moved<any>[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly store: Store) {
    this.devices = store.table('deviceCursors', deviceCodec);
    this.users = store.table('userCursors', userCodec);
    // LMDB may be ahead of a row in the journal.
    this.devices.merge = raised;
    this.users.merge = raised;
  }

  device(user: string, device: string, conversation: string): DeviceCursor | undefined {
    const row = this.devices.get(deviceGroup(user, device), conversation);
    return row && deviceCursor(row);
  }

  ofDevice(user: string, device: string): Map<string, DeviceCursor> {
    const cursors = new Map<string, DeviceCursor>();
    for (const [conversation, row] of this.devices.all(deviceGroup(user, device))) cursors.set(conversation, deviceCursor(row));
    return cursors;
  }

  moveDevice(user: string, device: string, conversation: string, cursor: DeviceCursor): void {
    const group = deviceGroup(user, device);
    this.queue(this.devices, group, conversation, this.raiseDevice(group, conversation, cursor));
  }

  async startDevice(user: string, device: string, cursors: ReadonlyMap<string, DeviceCursor>): Promise<void> {
    const group = deviceGroup(user, device);
    for (const [conversation, cursor] of cursors) this.journal(this.devices, group, conversation, this.raiseDevice(group, conversation, cursor));
    await this.store.commit();
  }

  async forgetDevice(user: string, device: string): Promise<void> {
    const group = deviceGroup(user, device);
    for (const conversation of this.devices.all(group).keys()) {
      this.devices.put(group, conversation, undefined);
      this.journal(this.devices, group, conversation, undefined);
    }
    this.store.fill.soon();
    await this.store.commit();
  }

  async forgetUser(user: string): Promise<void> {
    for (const conversation of this.users.all(user).keys()) {
      this.users.put(user, conversation, undefined);
      this.journal(this.users, user, conversation, undefined);
    }
    this.store.fill.soon();
    await this.store.commit();
  }

  user(user: string, conversation: string): Readonly<UserCursor> {
    return userCursor(this.users.get(user, conversation) ?? NOWHERE);
  }

  reached(user: string, conversation: string, seq: number): Reached {
    const row = this.users.get(user, conversation) ?? NOWHERE;
    return {
      deliveredAtMs: row.deliveredSteps?.reached(seq) ?? (seq <= row.delivered ? row.deliveredAtMs : 0),
      readAtMs: row.readSteps?.reached(seq) ?? (seq <= row.read ? row.readAtMs : 0),
    };
  }

  moveDelivered(user: string, conversation: string, seq: number, atMs: number): boolean {
    const row = this.users.get(user, conversation) ?? new UserRow();
    const moves = seq > row.delivered;
    if (!moves && seq <= row.start) return false;
    row.raiseDelivered(seq, atMs);
    if (seq > row.start) row.start = seq;
    this.users.put(user, conversation, row);
    this.queue(this.users, user, conversation, row);
    return moves;
  }

  async setRead(user: string, conversation: string, seq: number, atMs: number): Promise<boolean> {
    const row = this.users.get(user, conversation) ?? new UserRow();
    const moves = seq > row.read;
    if (moves) {
      row.raiseDelivered(seq, atMs);
      row.raiseRead(seq, atMs);
      this.users.put(user, conversation, row);
      this.journal(this.users, user, conversation, row);
      this.store.fill.soon();
    }
    // Also when it did not move: the move that was before it may still be on its way to the disk.
    await this.store.commit();
    return moves;
  }

  async flush(): Promise<void> {
    this.journalMoved();
    await this.store.commit();
  }

  /** Journals nothing by itself any more. */
  stop(): void {
    clearTimeout(this.timer);
  }

  private raiseDevice(group: string, conversation: string, cursor: DeviceCursor): DeviceRow {
    const row = this.devices.get(group, conversation) ?? new DeviceRow();
    row.raise(cursor);
    this.devices.put(group, conversation, row);
    this.store.fill.soon();
    return row;
  }

  private queue<T extends Row>(table: Table<T>, group: string, item: string, row: T): void {
    if (row.queued) return;
    row.queued = true;
    this.moved.push({ table, group, item, row });
    this.store.fill.soon();
    if (this.moved.length === 1) this.timer = setTimeout(() => this.journalMoved(), this.store.limits.cursorMs);
  }

  private journalMoved(): void {
    clearTimeout(this.timer);
    const { moved } = this;
    this.moved = [];
    for (const { table, group, item, row } of moved) {
      row.queued = false;
      // Not held: forgotten since, or in LMDB already.
      if (table.held(group, item) === row) this.journal(table, group, item, row);
    }
  }

  private journal<T extends Row>(table: Table<T>, group: string, item: string, row: T | undefined): void {
    writeRow(this.store.room, table.id, rowName(group, item), row?.encode());
  }
}

const NOWHERE: Readonly<UserRow> = new UserRow();

function raised<T extends { raise(by: T): void }>(row: T, by: T): T {
  row.raise(by);
  return row;
}

function deviceGroup(user: string, device: string): string {
  return `${user}\0${device}`;
}

function deviceCursor({ position, last, started, toldDelivered, toldRead, toldOwnRead }: DeviceCursor): DeviceCursor {
  return { position, last, started, toldDelivered, toldRead, toldOwnRead };
}

function userCursor({ delivered, deliveredAtMs, read, readAtMs, start }: UserCursor): UserCursor {
  return { delivered, deliveredAtMs, read, readAtMs, start };
}

const DEVICE_BYTES = 41;
const USER_BYTES = 40;

const deviceCodec: Codec<DeviceRow> = {
  encode: (row) => row.encode(),
  decode(bytes) {
    const row = new DeviceRow();
    row.position = bytes.readDoubleLE(0);
    row.last = bytes.readDoubleLE(8);
    row.toldDelivered = bytes.readDoubleLE(16);
    row.toldRead = bytes.readDoubleLE(24);
    row.toldOwnRead = bytes.readDoubleLE(32);
    row.started = bytes[40] === 1;
    return row;
  },
};

const NO_STEPS = new Steps();

/** In LMDB the steps stand behind the row, if there are any: of `delivered`, then of `read`. */
const userCodec: Codec<UserRow> = {
  encode(row) {
    if (!row.deliveredSteps && !row.readSteps) return row.encode();
    const { deliveredSteps = NO_STEPS, readSteps = NO_STEPS } = row;
    const bytes = row.encode(deliveredSteps.size + readSteps.size);
    readSteps.write(bytes, deliveredSteps.write(bytes, USER_BYTES));
    return bytes;
  },
  decode(bytes) {
    const row = new UserRow();
    row.delivered = bytes.readDoubleLE(0);
    row.deliveredAtMs = bytes.readDoubleLE(8);
    row.read = bytes.readDoubleLE(16);
    row.readAtMs = bytes.readDoubleLE(24);
    row.start = bytes.readDoubleLE(32);
    if (bytes.length === USER_BYTES) return row;
    row.deliveredSteps = Steps.read(bytes, USER_BYTES);
    row.readSteps = Steps.read(bytes, USER_BYTES + row.deliveredSteps.size);
    return row;
  },
};
