import { isGroupConversation, Reason } from 'godwit-schemas';
import { senderOf } from '../body.js';
import type { DeviceHistory } from '../history.js';
import type { Written } from '../journal.js';
import type { Finding } from './finding.js';
import type { Known, Ledger } from './ledger.js';

type Delivered = Extract<Written, { what: 'delivered' }>;
type Gap = Extract<Written, { what: 'gap' }>;

/** The delivery before which nothing is missing: `last + 1`, or one that names a place at or below `last`. */
export function proves(delivery: { what: string; seq: number; from?: number; after: number | undefined }, last: number): boolean {
  return (delivery.after ?? (delivery.from ?? delivery.seq) - 1) <= last;
}

/** One conversation as one device was given it. */
export class Given {
  /** Place → token. */
  readonly places = new Map<number, string>();
  readonly gaps: Gap[] = [];
  last: number | undefined;
  private connection = 0;
  /** The last place on the connection of now. */
  private lastHere: number | undefined;

  constructor(private readonly device: DeviceHistory, private readonly conversation: string, private readonly found: (finding: Finding) => void) {}

  /** In the order in which the device took them in. */
  take(entry: Delivered | Gap): void {
    if (entry.connection !== this.connection) {
      this.connection = entry.connection;
      this.lastHere = undefined;
      // What a live session does not see between two connections is not for it.
      if (this.device.kind === 'live') this.last = undefined;
    }
    this.checkOrder(entry);
    this.lastHere = entry.seq;
    this.last = Math.max(entry.seq, this.last ?? 0);
    if (entry.what === 'gap') this.gaps.push(entry);
    else this.places.set(entry.seq, entry.token);
  }

  private checkOrder(entry: Delivered | Gap): void {
    const { lastHere, last } = this;
    const { seq } = entry;
    const what = entry.what === 'gap' ? `the gap ${entry.from}-${seq}` : `${entry.token} at ${seq}`;
    if (lastHere !== undefined && seq === lastHere) this.tell('repeated', seq, `${what} came twice on one connection`);
    else if (lastHere !== undefined && seq < lastHere) this.tell('reordered', seq, `${what} came after ${lastHere} on one connection`);
    else if (last !== undefined && seq <= last && entry.what === 'delivered' && !this.has(seq)) this.tell('reordered', seq, `${what} came for the first time after ${last}`);
    else if (last !== undefined && seq > last && !proves(entry, last)) this.tell('unproven', seq, `${what} names ${entry.after ?? 'the place before it'}, the device was at ${last}`);
  }

  /** Delivered, or told as a gap. */
  has(seq: number): boolean {
    return this.places.has(seq) || this.gaps.some((gap) => gap.from <= seq && seq <= gap.seq);
  }

  private tell(kind: Finding['kind'], seq: number, text: string): void {
    this.found({ kind, text: `${this.device.clientId}, ${this.conversation}: ${text}`, conversation: this.conversation, seq, clientId: this.device.clientId });
  }
}

/** What every device that knows places was given: in order, with proof, once, and all of it. */
export function checkPlaces(ledger: Ledger, found: (finding: Finding) => void): Map<string, Map<string, Given>> {
  const all = new Map<string, Map<string, Given>>();
  for (const device of ledger.history) {
    if (device.kind === 'plain' || device.kind === 'sdk') continue;
    const conversations = new Map<string, Given>();
    for (const entry of device.entries) {
      if (entry.what !== 'delivered' && entry.what !== 'gap') continue;
      let given = conversations.get(entry.conversation);
      if (!given) conversations.set(entry.conversation, (given = new Given(device, entry.conversation, found)));
      given.take(entry);
    }
    all.set(device.clientId, conversations);
    if (device.kind === 'chat') checkNothingLost(ledger, device, conversations, found);
  }
  return all;
}

function checkNothingLost(ledger: Ledger, device: DeviceHistory, conversations: ReadonlyMap<string, Given>, found: (finding: Finding) => void): void {
  for (const message of ledger.messages.values()) {
    const { token, conversation, places, promised } = message;
    if (!isFor(ledger, device, message)) continue;
    const tell = (text: string): void => found({ kind: 'lost', text: `${text}: ${device.clientId} never had ${token} of ${conversation}`, conversation, seq: places[0], token, clientId: device.clientId });
    if (places.length === 0) {
      if (promised) tell('acknowledged, and nowhere to be seen');
      continue;
    }
    const given = conversations.get(conversation);
    for (const seq of placesFor(ledger, device, message)) {
      if (given?.places.get(seq) === token) continue;
      const gap = given?.gaps.find(({ from, seq: to }) => from <= seq && seq <= to);
      if (!gap) tell(`accepted at ${seq}`);
      else if (!explains(ledger, device, gap, message, seq)) tell(`a gap (${Reason[gap.reason]}) takes place ${seq}, which had not expired`);
    }
  }
}

/** Of the members' devices all but the one that sent it. Of a group's message that stands nowhere nobody knows whose it is: see `groups`. */
export function isFor(ledger: Ledger, device: DeviceHistory, message: Known): boolean {
  if (senderOf(message.token) === device.clientId) return false;
  if (isGroupConversation(message.conversation)) return placesFor(ledger, device, message).length > 0;
  return ledger.membership.holds(message.conversation, device.user, 1);
}

/** Its places that this device's user may see. */
export function placesFor({ membership }: Ledger, { user }: DeviceHistory, { conversation, places }: Known): number[] {
  return places.filter((seq) => membership.holds(conversation, user, seq));
}

/** It had expired; or it was not waited for, of someone who has left since. */
export function explains(ledger: Ledger, { user }: DeviceHistory, gap: { reason: number; at: number }, message: Pick<Known, 'conversation' | 'expiresInS' | 'at'>, seq: number): boolean {
  if (hasExpired(gap, message)) return true;
  const window = ledger.membership.windowAt(message.conversation, user, seq);
  return ledger.forgets && gap.reason === Reason.TRIMMED && window !== undefined && window.to !== Infinity;
}

/** The server counts in whole milliseconds of another clock. */
const CLOCKS_APART_MS = 50;

/** Its time counts from the append: not before it was sent. */
export function hasExpired({ reason, at }: { reason: number; at: number }, { expiresInS, at: sentAt }: { expiresInS: number; at: number }): boolean {
  return reason === Reason.EXPIRED && expiresInS > 0 && at - sentAt >= expiresInS * 1_000 - CLOCKS_APART_MS;
}
