import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';

/** The control calls that change groups here. */
export type GroupMethod = 'groups.create' | 'groups.add' | 'groups.remove' | 'groups.promote' | 'groups.leave';

/** What the SDK folds into the message of another token. */
export interface Fold {
  kind: 'edit' | 'reaction' | 'deletion';
  target: string;
}

/** A message of the SDK's that is more than it was when it was sent: of a conversation, by id. */
export interface Folded {
  /** Hexadecimal; the server's where its sender gave none. */
  id: string;
  /** What it says now, by its token; undefined: it was deleted. */
  says: string | undefined;
  /** Emoji and user, sorted. */
  reactions: string[];
  /** Hexadecimal. */
  replyTo?: string;
}

/** What an entry of the server's own says: a change in a group's log, or, in a user's feed, that there was one. */
export interface Change {
  /** Without `g:`. */
  group: string;
  kind: number;
  by: string;
  /** 0 in a feed. */
  revision: number;
  /** In a feed none. */
  users: string[];
  /** In a feed: the change's place in the group's log. */
  place: number;
}

/**
 * What one device writes down, a JSON line each, before it acknowledges. `at`: milliseconds of a clock that all
 * processes of the machine share. `connection`: the device's connections are counted over its whole life.
 */
export type Written = { at: number } & (
  | { what: 'connected'; connection: number; present: boolean }
  | { what: 'subscribed' }
  /** The message is in the outbox. `id`: hexadecimal; a raw publish has none. */
  | { what: 'sent'; token: string; conversation: string; to: string; id: string; qos: 1 | 2; expiresInS: number; packetId: number; fold?: Fold; replyTo?: string }
  /** A Result that says where it is. */
  | { what: 'accepted'; token: string; seq: number }
  | { what: 'refused'; token: string; code: number }
  /** Refused for good: it is done with, and must stand nowhere. */
  | { what: 'rejected'; token: string; code: number }
  /** PUBACK or PUBREC. */
  | { what: 'acknowledged'; token: string }
  /** Where the handshake of a QoS 2 publish stands. */
  | { what: 'handshake'; token: string; packetId: number; step: 'begun' | 'released' | 'done' }
  | { what: 'delivered'; connection: number; conversation: string; seq: number; token: string; id: string; after: number | undefined; dup: boolean; change?: Change }
  | { what: 'gap'; connection: number; conversation: string; from: number; seq: number; reason: number; after: number | undefined }
  /** A delivery to a plain device: no place, no id. `arrived` counts them in the order in which they came. */
  | { what: 'raw'; connection: number; arrived: number; conversation: string; token: string; dup: boolean }
  /** A device of the SDK is about to store everything up to here. */
  | { what: 'reaching'; conversation: string; seq: number }
  /** The SDK's outbox has kept it: it must go out, whatever becomes of the process. */
  | { what: 'kept'; token: string }
  /** An earlier process ended before it was kept. */
  | { what: 'withdrawn'; token: string }
  /** The SDK handed it to the app. `token`: of what has no id of its sender's. */
  | { what: 'shown'; conversation: string; seq: number; id: string; token?: string; again: boolean; change?: Change }
  /** At the end: what was folded into the messages of a conversation that do not disappear. */
  | { what: 'folded'; conversation: string; messages: Folded[] }
  | { what: 'receipt'; conversation: string; delivered: number; read: number; ownRead: number }
  | { what: 'reading'; conversation: string; seq: number }
  | { what: 'read'; conversation: string; seq: number }
  /** A control call goes out, for the first time or once more. `users`: those it names. */
  | { what: 'calling'; call: string; method: GroupMethod; group: string; users: string[] }
  /** Its final answer; of one that is made again one more. `changed`: the users of whom it was not so before. */
  | { what: 'answered'; call: string; code: number; revision: number; changed: string[] }
  | { what: 'presence'; user: string; state: number }
  /** A rule of the protocol was broken on the connection itself. */
  | { what: 'broken'; rule: string }
);

/** An entry before its time is put in. */
export type ToWrite = Written extends infer Entry ? (Entry extends { at: number } ? Omit<Entry, 'at'> : never) : never;

/** Milliseconds of CLOCK_MONOTONIC. */
export function clock(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

/** An append-only file. Each entry is handed to the kernel before `write` returns, so kill -9 takes back none. */
export class Journal {
  private constructor(private readonly file: number) {}

  /** Opens it and reads what is there; a line that a kill cut short never happened. */
  static open(path: string): { journal: Journal; entries: Written[] } {
    const file = openSync(path, 'a+');
    const text = readFileSync(path, 'utf8');
    const whole = text.lastIndexOf('\n') + 1;
    if (whole < text.length) ftruncateSync(file, Buffer.byteLength(text.slice(0, whole)));
    return { journal: new Journal(file), entries: parse(text) };
  }

  write(entry: ToWrite): void {
    writeSync(this.file, `${JSON.stringify({ at: clock(), ...entry })}\n`);
  }

  close(): void {
    closeSync(this.file);
  }
}

export function readJournal(path: string): Written[] {
  return parse(readFileSync(path, 'utf8'));
}

function parse(text: string): Written[] {
  const lines = text.split('\n');
  // Behind the last line's end: nothing, or what a kill cut short.
  lines.pop();
  return lines.map((line) => JSON.parse(line) as Written);
}
