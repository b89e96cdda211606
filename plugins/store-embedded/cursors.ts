import type { Cursors, DeviceCursor, UserCursor } from '../../broker/ports/cursors.js';
import { writeRow } from './records.js';
import type { Store } from './store.js';
import { rowName } from './table.js';
import type { Codec, Table } from './table.js';

/**
 * Cursors are rows of two tables: (user 0 device, conversation) and (user, conversation). Moves are filled into LMDB
 * with whatever else is filled; what must be durable goes through the journal as well.
 */
export class EmbeddedCursors implements Cursors {
  private readonly devices: Table<DeviceCursor>;
  private readonly users: Table<UserCursor>;

  constructor(private readonly store: Store) {
    this.devices = store.table('deviceCursors', deviceCodec);
    this.users = store.table('userCursors', userCodec);
    // The lazy half of a row may be ahead of what the journal says of it.
    this.devices.merge = raiseDevice;
    this.users.merge = raiseUser;
  }

  device(user: string, device: string, conversation: string): DeviceCursor | undefined {
    const cursor = this.devices.get(deviceGroup(user, device), conversation);
    return cursor && { ...cursor };
  }

  ofDevice(user: string, device: string): Map<string, DeviceCursor> {
    const cursors = this.devices.all(deviceGroup(user, device));
    for (const [conversation, cursor] of cursors) cursors.set(conversation, { ...cursor });
    return cursors;
  }

  moveDevice(user: string, device: string, conversation: string, cursor: DeviceCursor): void {
    const group = deviceGroup(user, device);
    const old = this.devices.get(group, conversation);
    this.devices.put(group, conversation, old ? raiseDevice(old, cursor) : { ...cursor });
    this.store.fill.soon();
  }

  async startDevice(user: string, device: string, cursors: ReadonlyMap<string, DeviceCursor>): Promise<void> {
    const group = deviceGroup(user, device);
    for (const [conversation, cursor] of cursors) {
      this.moveDevice(user, device, conversation, cursor);
      writeRow(this.store.room, this.devices.id, rowName(group, conversation), deviceCodec.encode(cursor));
    }
    await this.store.commit();
  }

  async forgetDevice(user: string, device: string): Promise<void> {
    const group = deviceGroup(user, device);
    for (const conversation of this.devices.all(group).keys()) {
      this.devices.put(group, conversation, undefined);
      writeRow(this.store.room, this.devices.id, rowName(group, conversation), undefined);
    }
    this.store.fill.soon();
    await this.store.commit();
  }

  user(user: string, conversation: string): Readonly<UserCursor> {
    return { ...(this.users.get(user, conversation) ?? START) };
  }

  moveDelivered(user: string, conversation: string, seq: number, atMs: number): boolean {
    const cursor = this.users.get(user, conversation) ?? { ...START };
    const moves = seq > cursor.delivered;
    if (!moves && seq <= cursor.start) return false;
    raiseUser(cursor, { ...START, delivered: seq, deliveredAtMs: atMs, start: seq });
    this.users.put(user, conversation, cursor);
    this.store.fill.soon();
    return moves;
  }

  async setRead(user: string, conversation: string, seq: number, atMs: number): Promise<boolean> {
    const cursor = this.users.get(user, conversation) ?? { ...START };
    const moves = seq > cursor.read;
    if (moves) {
      raiseUser(cursor, { ...START, delivered: seq, deliveredAtMs: atMs, read: seq, readAtMs: atMs });
      this.users.put(user, conversation, cursor);
      writeRow(this.store.room, this.users.id, rowName(user, conversation), userCodec.encode(cursor));
      this.store.fill.soon();
    }
    // Also when it did not move: the move that was before it may still be on its way to the disk.
    await this.store.commit();
    return moves;
  }

  async flush(): Promise<void> {
    await this.store.fill.now();
  }
}

const START: Readonly<UserCursor> = { delivered: 0, deliveredAtMs: 0, read: 0, readAtMs: 0, start: 0 };

function deviceGroup(user: string, device: string): string {
  return `${user}\0${device}`;
}

/** Raises `cursor` in place: nothing ever moves back. */
function raiseDevice(cursor: DeviceCursor, by: DeviceCursor): DeviceCursor {
  if (by.position > cursor.position) cursor.position = by.position;
  if (by.last > cursor.last) cursor.last = by.last;
  if (by.started) cursor.started = true;
  if (by.toldDelivered > cursor.toldDelivered) cursor.toldDelivered = by.toldDelivered;
  if (by.toldRead > cursor.toldRead) cursor.toldRead = by.toldRead;
  if (by.toldOwnRead > cursor.toldOwnRead) cursor.toldOwnRead = by.toldOwnRead;
  return cursor;
}

function raiseUser(cursor: UserCursor, by: UserCursor): UserCursor {
  if (by.delivered > cursor.delivered) {
    cursor.delivered = by.delivered;
    cursor.deliveredAtMs = by.deliveredAtMs;
  }
  if (by.read > cursor.read) {
    cursor.read = by.read;
    cursor.readAtMs = by.readAtMs;
  }
  if (by.start > cursor.start) cursor.start = by.start;
  return cursor;
}

const deviceCodec: Codec<DeviceCursor> = {
  encode({ position, last, started, toldDelivered, toldRead, toldOwnRead }) {
    const bytes = Buffer.allocUnsafe(41);
    bytes.writeDoubleLE(position, 0);
    bytes.writeDoubleLE(last, 8);
    bytes.writeDoubleLE(toldDelivered, 16);
    bytes.writeDoubleLE(toldRead, 24);
    bytes.writeDoubleLE(toldOwnRead, 32);
    bytes[40] = started ? 1 : 0;
    return bytes;
  },
  decode: (bytes) => ({
    position: bytes.readDoubleLE(0),
    last: bytes.readDoubleLE(8),
    toldDelivered: bytes.readDoubleLE(16),
    toldRead: bytes.readDoubleLE(24),
    toldOwnRead: bytes.readDoubleLE(32),
    started: bytes[40] === 1,
  }),
};

const userCodec: Codec<UserCursor> = {
  encode({ delivered, deliveredAtMs, read, readAtMs, start }) {
    const bytes = Buffer.allocUnsafe(40);
    [delivered, deliveredAtMs, read, readAtMs, start].forEach((value, i) => bytes.writeDoubleLE(value, i * 8));
    return bytes;
  },
  decode: (bytes) => ({
    delivered: bytes.readDoubleLE(0),
    deliveredAtMs: bytes.readDoubleLE(8),
    read: bytes.readDoubleLE(16),
    readAtMs: bytes.readDoubleLE(24),
    start: bytes.readDoubleLE(32),
  }),
};
