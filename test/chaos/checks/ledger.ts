import { isGroupConversation } from 'godwit-schemas';
import { senderOf } from '../body.js';
import type { DeviceHistory, History } from '../history.js';
import type { Written } from '../journal.js';
import type { Finding } from './finding.js';
import { Membership } from './membership.js';

type Sent = Extract<Written, { what: 'sent' }>;

/** A message, as its sender and everyone who saw it tell of it. */
export interface Known extends Sent {
  /** Places it was seen at, rising; more than one only where it has no id. */
  places: number[];
  /** The SDK promised to send it. */
  kept: boolean;
  /** The server promised to keep it: an OK Result, or a PUBACK. */
  promised: boolean;
  acknowledged: boolean;
  /** Refused for good. */
  rejected: boolean;
  /** How often its sender connected before it was acknowledged: each time it may have been sent again. */
  reconnects: number;
}

/** What the logs must hold: everything that was sent, and every place that anybody saw. */
export class Ledger {
  readonly messages = new Map<string, Known>();
  /** Id → token, of what its sender gave one. */
  readonly ids = new Map<string, string>();
  /** Conversation → place → token; of a change, what stands for it. */
  readonly logs = new Map<string, Map<number, string>>();
  readonly findings: Finding[] = [];
  readonly membership: Membership;
  private readonly earliestAt = new Map<string, Map<number, number>>();

  constructor(readonly history: History, readonly forgets: boolean) {
    this.membership = new Membership(history);
    for (const device of history) this.noteSent(device);
    for (const device of history) for (const entry of device.entries) this.note(device, entry);
    for (const message of this.messages.values()) {
      this.notePromise(message);
      this.checkPlaces(message);
    }
    // A message whose Result was lost, and that was for nobody else, may be gone before it is sent again.
    if (!forgets) for (const [conversation, log] of this.logs) this.checkWhole(conversation, log);
  }

  head(conversation: string): number {
    let head = 0;
    for (const seq of this.logs.get(conversation)?.keys() ?? []) head = Math.max(head, seq);
    return head;
  }

  /** Before this time the place cannot have been taken: what stands at or before it was not sent yet. */
  earliest(conversation: string, seq: number): number {
    let known = this.earliestAt.get(conversation);
    if (!known) {
      this.earliestAt.set(conversation, (known = new Map()));
      let latest = 0;
      for (const [place, token] of [...this.logs.get(conversation)!].sort(([one], [other]) => one - other)) known.set(place, (latest = Math.max(latest, this.messages.get(token)?.at ?? 0)));
    }
    return known.get(seq) ?? 0;
  }

  /** Of what the SDK has shown. */
  tokenOf({ id, token }: { id: string; token?: string }): string | undefined {
    return token ?? this.ids.get(id);
  }

  private noteSent({ entries }: DeviceHistory): void {
    const open = new Set<Known>();
    for (const entry of entries) {
      if (entry.what === 'sent') {
        const message = { ...entry, places: [], kept: false, promised: false, acknowledged: false, rejected: false, reconnects: 0 };
        this.messages.set(entry.token, message);
        if (entry.id !== '') this.ids.set(entry.id, entry.token);
        open.add(message);
      } else if (entry.what === 'kept') this.messages.get(entry.token)!.kept = true;
      else if (entry.what === 'withdrawn') this.withdraw(entry.token, open);
      else if (entry.what === 'acknowledged' || entry.what === 'rejected') open.delete(this.messages.get(entry.token)!);
      else if (entry.what === 'connected') for (const message of open) message.reconnects++;
    }
  }

  /** What the SDK had not kept was never sent. */
  private withdraw(token: string, open: Set<Known>): void {
    const message = this.messages.get(token)!;
    if (message.kept) this.findings.push({ kind: 'lost', text: `${token} was kept in the outbox, and is gone`, conversation: message.conversation, token, clientId: senderOf(token) });
    open.delete(message);
    this.messages.delete(token);
  }

  private note({ clientId }: DeviceHistory, entry: Written): void {
    if (entry.what === 'accepted') {
      this.messages.get(entry.token)!.promised = true;
      this.place(this.messages.get(entry.token)!.conversation, entry.seq, entry.token, clientId);
    } else if (entry.what === 'acknowledged') this.messages.get(entry.token)!.acknowledged = true;
    else if (entry.what === 'rejected') this.messages.get(entry.token)!.rejected = true;
    else if (entry.what === 'delivered') {
      if (entry.change || this.known(entry, clientId)) this.place(entry.conversation, entry.seq, entry.token, clientId);
    } else if (entry.what === 'shown') {
      const token = this.tokenOf(entry);
      if (entry.change || this.known({ ...entry, token: token ?? `something with the id ${entry.id}`, id: entry.token === undefined ? entry.id : '' }, clientId)) this.place(entry.conversation, entry.seq, token!, clientId);
    } else if (entry.what === 'raw') this.known(entry, clientId);
    else if (entry.what === 'broken') this.findings.push({ kind: 'broken rule', text: `${clientId}: ${entry.rule}`, clientId });
  }

  private known(entry: { conversation: string; token: string; id?: string; at: number }, clientId: string): boolean {
    const { conversation, token, id = '' } = entry;
    const sent = this.messages.get(token);
    if (sent && sent.conversation === conversation && (sent.id === id || sent.id === '' || id === '')) return true;
    this.findings.push({ kind: 'invented', text: `${clientId} was given ${token} in ${conversation} with id ${id}, which nobody sent so`, conversation, token, clientId });
    return false;
  }

  private place(conversation: string, seq: number, token: string, clientId: string): void {
    let log = this.logs.get(conversation);
    if (!log) this.logs.set(conversation, (log = new Map()));
    const there = log.get(seq);
    if (there === undefined) {
      log.set(seq, token);
      this.messages.get(token)?.places.push(seq);
    } else if (there !== token) {
      this.findings.push({ kind: 'placed twice', text: `place ${seq} of ${conversation} is ${there}, and for ${clientId} ${token}`, conversation, seq, token, clientId });
      // It stands there for the one who was told so: whatever else is wrong with it shows.
      const places = this.messages.get(token)?.places;
      if (places && !places.includes(seq)) places.push(seq);
    }
  }

  /** A PUBACK is a promise. A plain device that takes no results is not told that it may not write into a group: there only if it may. */
  private notePromise(message: Known): void {
    if (!message.acknowledged) return;
    const { id, conversation, token, at } = message;
    const since = this.membership.surelySince(conversation, senderOf(token).split(':')[0]);
    message.promised ||= id !== '' || !isGroupConversation(conversation) || (since !== undefined && since <= at);
  }

  private checkPlaces(message: Known): void {
    const { token, conversation, id, places, reconnects } = message;
    places.sort((one, other) => one - other);
    // What has an id stands once, while the log holds it; what has none, once for each time that it had to be sent.
    if (places.length > (id === '' || this.forgets ? 1 + reconnects : 1)) {
      this.findings.push({ kind: 'repeated', text: `${token} stands at ${places.join(' and ')} of ${conversation}`, conversation, seq: places[1], token });
    }
    if (message.rejected && places.length > 0) this.findings.push({ kind: 'broken rule', text: `${token} was refused for good, and stands at ${places[0]} of ${conversation}`, conversation, seq: places[0], token });
    if (!message.acknowledged && !message.rejected) this.findings.push({ kind: 'stuck', text: `${token} was never acknowledged`, conversation, seq: places[0], token, clientId: senderOf(token) });
  }

  private checkWhole(conversation: string, log: ReadonlyMap<number, string>): void {
    const head = this.head(conversation);
    for (let seq = 1; seq <= head; seq++) {
      if (!log.has(seq)) this.findings.push({ kind: 'lost', text: `place ${seq} of ${conversation} has no message: nobody was told of one`, conversation, seq });
    }
  }
}
