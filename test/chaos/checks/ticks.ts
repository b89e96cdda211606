import { isGroupConversation, peerOf } from 'godwit-schemas';
import type { DeviceHistory, History } from '../history.js';
import { senderOf } from '../body.js';
import type { Finding } from './finding.js';
import type { Ledger } from './ledger.js';

/** Something that a user had at a time: everything up to a place that is not their own. */
interface Step {
  at: number;
  seq: number;
}

type Told = Record<'delivered' | 'read' | 'ownRead', number>;

/** Who may hold a tick back, and from which place on they do. */
interface Other {
  steps: Steps;
  /** What stands at or before it they need not have. */
  from: number;
}

/**
 * The ticks of every chat device, the SDK's too: none for what the other one did not have by then, in a group all
 * others who were in it before the message and had not left since; and at the end none missing. (Only
 * authors are told: a floor must have reached the last place that the user wrote.)
 */
export function checkTicks(ledger: Ledger, found: (finding: Finding) => void): void {
  const users = new Map<string, Steps>();
  for (const { user } of ledger.history) if (!users.has(user)) users.set(user, new Steps(ledger, user));
  for (const device of ledger.history) {
    if (device.kind !== 'chat' && device.kind !== 'sdk') continue;
    const told = new Map<string, Told>();
    for (const entry of device.entries) {
      if (entry.what !== 'receipt') continue;
      const { conversation, delivered, read, ownRead, at } = entry;
      const highest = told.get(conversation) ?? { delivered: 0, read: 0, ownRead: 0 };
      told.set(conversation, { delivered: Math.max(delivered, highest.delivered), read: Math.max(read, highest.read), ownRead: Math.max(ownRead, highest.ownRead) });
      const early = (what: string, seq: number): void => found({ kind: 'wrong tick', text: `${device.clientId}, ${conversation}: told that ${seq} is ${what}, and it was not`, conversation, seq, clientId: device.clientId });
      const all = (seq: number, had: (other: Other) => boolean): boolean => othersOf(ledger, users, conversation, device.user, seq, at)?.every(had) ?? false;
      if (delivered > 0 && !all(delivered, ({ steps, from }) => steps.had(conversation, delivered, at, from))) early('delivered', delivered);
      if (read > 0 && !all(read, ({ steps }) => steps.wasReading(conversation, read, at))) early('read', read);
      if (ownRead > 0 && !users.get(device.user)!.wasReading(conversation, ownRead, at)) early('read by themselves', ownRead);
    }
    checkEnd(ledger, device, users, told, found);
  }
}

function checkEnd(ledger: Ledger, device: DeviceHistory, users: ReadonlyMap<string, Steps>, told: ReadonlyMap<string, Told>, found: (finding: Finding) => void): void {
  for (const [conversation, log] of ledger.logs) {
    const others = othersAtEnd(ledger, users, conversation, device.user);
    if (others.length === 0) continue;
    const { delivered, read } = told.get(conversation) ?? { delivered: 0, read: 0 };
    const missing = (what: string, seq: number, was: number): void => found({ kind: 'wrong tick', text: `${device.clientId}, ${conversation}: ${seq} was ${what} by all others, and the last tick says ${was}`, conversation, seq, clientId: device.clientId });
    const last = lastWritten(log, device.user, Number.MAX_SAFE_INTEGER);
    if (delivered < last) missing('delivered', last, delivered);
    const lastRead = lastWritten(log, device.user, Math.min(...others.map(({ steps, from }) => Math.max(steps.hasRead(conversation), from))));
    if (read < lastRead) missing('read', lastRead, read);
  }
}

/** Whom a tick for this place waits for, as far as can be told: in a group not for who may have left by then. undefined: it has no ticks. */
function othersOf(ledger: Ledger, users: ReadonlyMap<string, Steps>, conversation: string, user: string, seq: number, at: number): Other[] | undefined {
  if (!isGroupConversation(conversation)) {
    const peer = users.get(peerOf(conversation, user) ?? '');
    return peer && [{ steps: peer, from: 0 }];
  }
  return [...ledger.membership.peopleOf(conversation)].flatMap((other) => {
    const window = ledger.membership.windowAt(conversation, other, seq);
    if (other === user || !window || window.from >= seq) return [];
    return window.to !== Infinity && ledger.earliest(conversation, window.to) <= at ? [] : [{ steps: users.get(other)!, from: window.from }];
  });
}

/** Everyone else who is in the conversation at the end; nobody, where the user is not. */
function othersAtEnd({ membership }: Ledger, users: ReadonlyMap<string, Steps>, conversation: string, user: string): Other[] {
  if (!isGroupConversation(conversation)) {
    const peer = peerOf(conversation, user);
    return peer === undefined || peer === user ? [] : [{ steps: users.get(peer)!, from: 0 }];
  }
  const now = (one: string): number | undefined => membership.windowsOf(conversation, one).find(({ to }) => to === Infinity)?.from;
  if (now(user) === undefined) return [];
  return [...membership.peopleOf(conversation)].flatMap((other) => {
    const from = now(other);
    return other === user || from === undefined ? [] : [{ steps: users.get(other)!, from }];
  });
}

/** The last place up to a limit that this user wrote; 0 = none. */
function lastWritten(log: ReadonlyMap<number, string>, user: string, upTo: number): number {
  let last = 0;
  for (const [seq, token] of log) if (seq <= upTo && seq > last && senderOf(token).startsWith(`${user}:`)) last = seq;
  return last;
}

/** When a user, by any of their devices, had what, and said that they had read it. */
class Steps {
  private readonly reached = new Map<string, Step[]>();
  private readonly reading = new Map<string, Step[]>();
  private readonly read = new Map<string, number>();

  private readonly plain: boolean;

  constructor(private readonly ledger: Ledger, private readonly user: string) {
    const devices = devicesOf(ledger.history, user);
    this.plain = devices.some(({ kind }) => kind === 'plain');
    for (const device of devices) {
      for (const entry of device.entries) {
        if (entry.what === 'delivered' || entry.what === 'gap' || entry.what === 'reaching') add(this.reached, entry.conversation, entry);
        // Which place of a raw message that stands twice it was, nobody can tell.
        else if (entry.what === 'raw') add(this.reached, entry.conversation, { at: entry.at, seq: ledger.messages.get(entry.token)?.places.at(-1) ?? 0 });
        else if (entry.what === 'reading') add(this.reading, entry.conversation, entry);
        else if (entry.what === 'read') this.read.set(entry.conversation, Math.max(entry.seq, this.read.get(entry.conversation) ?? 0));
      }
    }
  }

  /** Everything up to `seq` that others wrote had come to one of their devices, or they had said that they read it. */
  had(conversation: string, seq: number, at: number, from: number): boolean {
    if (this.wasReading(conversation, seq, at)) return true;
    // The cursor passes their own messages, whoever of their devices sent them, as soon as all before has come.
    const log = this.ledger.logs.get(conversation);
    let needed = seq;
    while (needed > from && this.passes(log?.get(needed) ?? '')) needed--;
    return needed <= from || (this.reached.get(conversation) ?? []).some((step) => step.at <= at && step.seq >= needed);
  }

  /** Their own messages; and a plain device is given no changes. */
  private passes(token: string): boolean {
    return senderOf(token).startsWith(`${this.user}:`) || (this.plain && token.startsWith('*'));
  }

  wasReading(conversation: string, seq: number, at: number): boolean {
    return (this.reading.get(conversation) ?? []).some((step) => step.at <= at && step.seq >= seq);
  }

  /** The highest reading that was acknowledged. */
  hasRead(conversation: string): number {
    return this.read.get(conversation) ?? 0;
  }
}

function devicesOf(history: History, user: string): DeviceHistory[] {
  return history.filter((device) => device.user === user && device.kind !== 'live');
}

function add(steps: Map<string, Step[]>, conversation: string, { at, seq }: Step): void {
  const there = steps.get(conversation);
  if (there) there.push({ at, seq });
  else steps.set(conversation, [{ at, seq }]);
}
