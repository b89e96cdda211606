import type { Cursors, DeviceCursor, Reached, UserCursor } from '../../broker/ports/cursors.js';
import { Steps } from '../../broker/ports/steps.js';

const START: Readonly<UserCursor> = { delivered: 0, deliveredAtMs: 0, read: 0, readAtMs: 0, start: 0 };

interface Stepping extends UserCursor {
  deliveredSteps: Steps;
  readSteps: Steps;
}

export class MemoryCursors implements Cursors {
  /** By `user:device` (neither holds a colon), then conversation. */
  private readonly devices = new Map<string, Map<string, DeviceCursor>>();
  private readonly users = new Map<string, Map<string, Stepping>>();

  device(user: string, device: string, conversation: string): DeviceCursor | undefined {
    const cursor = this.devices.get(`${user}:${device}`)?.get(conversation);
    return cursor && { ...cursor };
  }

  ofDevice(user: string, device: string): Map<string, DeviceCursor> {
    const copies = new Map<string, DeviceCursor>();
    for (const [conversation, cursor] of this.devices.get(`${user}:${device}`) ?? []) copies.set(conversation, { ...cursor });
    return copies;
  }

  moveDevice(user: string, device: string, conversation: string, cursor: DeviceCursor): void {
    const cursors = inner(this.devices, `${user}:${device}`);
    const old = cursors.get(conversation);
    cursors.set(conversation, {
      position: Math.max(cursor.position, old?.position ?? 0),
      last: Math.max(cursor.last, old?.last ?? 0),
      started: cursor.started || (old?.started ?? false),
      toldDelivered: Math.max(cursor.toldDelivered, old?.toldDelivered ?? 0),
      toldRead: Math.max(cursor.toldRead, old?.toldRead ?? 0),
      toldOwnRead: Math.max(cursor.toldOwnRead, old?.toldOwnRead ?? 0),
    });
  }

  async startDevice(user: string, device: string, cursors: ReadonlyMap<string, DeviceCursor>): Promise<void> {
    for (const [conversation, cursor] of cursors) this.moveDevice(user, device, conversation, cursor);
  }

  async forgetDevice(user: string, device: string): Promise<void> {
    this.devices.delete(`${user}:${device}`);
  }

  async forgetUser(user: string): Promise<void> {
    this.users.delete(user);
  }

  user(user: string, conversation: string): Readonly<UserCursor> {
    const { delivered, deliveredAtMs, read, readAtMs, start } = this.users.get(user)?.get(conversation) ?? START;
    return { delivered, deliveredAtMs, read, readAtMs, start };
  }

  reached(user: string, conversation: string, seq: number): Reached {
    const cursor = this.users.get(user)?.get(conversation);
    if (!cursor) return { deliveredAtMs: 0, readAtMs: 0 };
    return {
      deliveredAtMs: cursor.deliveredSteps.reached(seq) ?? (seq <= cursor.delivered ? cursor.deliveredAtMs : 0),
      readAtMs: cursor.readSteps.reached(seq) ?? (seq <= cursor.read ? cursor.readAtMs : 0),
    };
  }

  moveDelivered(user: string, conversation: string, seq: number, atMs: number): boolean {
    const cursor = this.userCursor(user, conversation);
    cursor.start = Math.max(cursor.start, seq);
    return raiseDelivered(cursor, seq, atMs);
  }

  async setRead(user: string, conversation: string, seq: number, atMs: number): Promise<boolean> {
    const cursor = this.userCursor(user, conversation);
    raiseDelivered(cursor, seq, atMs);
    if (seq <= cursor.read) return false;
    if (cursor.read > 0) cursor.readSteps.push(cursor.read, cursor.readAtMs);
    cursor.read = seq;
    cursor.readAtMs = atMs;
    return true;
  }

  async flush(): Promise<void> {}

  private userCursor(user: string, conversation: string): Stepping {
    const cursors = inner(this.users, user);
    let cursor = cursors.get(conversation);
    if (!cursor) cursors.set(conversation, (cursor = { ...START, deliveredSteps: new Steps(), readSteps: new Steps() }));
    return cursor;
  }
}

function raiseDelivered(cursor: Stepping, seq: number, atMs: number): boolean {
  if (seq <= cursor.delivered) return false;
  if (cursor.delivered > 0) cursor.deliveredSteps.push(cursor.delivered, cursor.deliveredAtMs);
  cursor.delivered = seq;
  cursor.deliveredAtMs = atMs;
  return true;
}

function inner<V>(maps: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let map = maps.get(key);
  if (!map) maps.set(key, (map = new Map()));
  return map;
}
