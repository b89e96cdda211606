import { join } from 'node:path';
import { createClient, mqttTransport, webSocketTransport, type Client, type Message, type Sent, type Shown, type Transport } from 'godwit-client';
import { levelStore } from 'godwit-client/node';
import { Code, GodwitError, isRetry, parseUlid, State } from 'godwit-schemas';
import { WebSocket } from 'ws';
import { bodyOf, deletionToken, readPlain, readText, tokenOf } from '../body.js';
import { conversationWith } from '../groups.js';
import { Journal, type Folded, type ToWrite } from '../journal.js';
import type { DevicePlan } from '../plan.js';
import { between, type Random } from '../seeded.js';
import { changeOf, tokenOfChange } from './delivery.js';
import { journalPath, type Participant, type Status } from './device.js';
import { answerOf, nextMove, requestOf, type GroupMove } from './group-moves.js';
import { SdkRecall } from './sdk-recall.js';
import { observed } from './sdk-store.js';
import { mayReject } from './sender.js';
import { Traffic, type Actor } from './traffic.js';

/** Nothing has come for so long: what is folded is written down. */
const CALM_MS = 300;
/** Messages that may be answered or changed. */
const RECENT = 40;
const EVERYTHING = 1_000_000;

interface Recent {
  token: string;
  conversation: string;
  id: string;
  from: string;
  own: boolean;
}

export const hexId = (id: string): string => Buffer.from(parseUlid(id)!).toString('hex');

/** A device that is an app on the SDK: what it journals is what the app is told. */
export class SdkDevice implements Participant, Actor {
  private client: Client | undefined;
  private journal!: Journal;
  private readonly traffic: Traffic;
  private readonly recent: Recent[] = [];
  private readonly last = new Map<string, number>();
  /** Control calls under way. */
  private calls = 0;
  private said = 0;
  private connections = 0;
  private quiet = false;
  private calm: NodeJS.Timeout | undefined;
  private presence = State.ONLINE;

  constructor(readonly plan: DevicePlan, private readonly folder: string, private readonly random: Random) {
    this.traffic = new Traffic(plan, random, this);
  }

  get status(): Status {
    return { connected: this.client?.connection === 'connected', open: this.backlog + this.calls + (this.calm ? 1 : 0) };
  }

  get backlog(): number {
    return this.client?.outbox().length ?? 0;
  }

  start(): void {
    this.open().catch((error: Error) => this.broken(`the SDK: ${error.message}`));
  }

  takeOver(): void {
    const { clientId, user, token } = this.plan;
    const silent = { packet: () => undefined, heard: () => undefined, close: () => undefined };
    const other = this.transport.connect(
      { url: this.url, clientId, username: user, password: token, keepaliveS: 0, connectTimeoutMs: 5_000 },
      { ...silent, open: () => void setTimeout(() => other.abort(), between(this.random, 0, 300)) },
    );
  }

  talk(): void {
    this.traffic.start();
  }

  becomeQuiet(): void {
    this.traffic.stop();
    this.quiet = true;
    this.stirred();
  }

  say(to: string, bytes: number, { expiresInS }: { expiresInS: number }): void {
    if (!this.client) return;
    const token = tokenOf(this.plan.clientId, ++this.said, bytes);
    const text = bodyOf(token).toString('latin1');
    const conversation = conversationWith(this.plan.user, to);
    const answered = this.random.chance(0.2) ? this.pick((one) => one.conversation === conversation) : undefined;
    const sent = answered ? this.client.reply(to, answered, text, { expiresInS }) : this.client.send(to, text, { expiresInS });
    this.sent(sent, token, to, expiresInS, answered && { replyTo: answered.token });
    if (expiresInS === 0) this.remember({ token, conversation, id: sent.id, from: this.plan.user, own: true });
  }

  changeMessage(): void {
    const { client } = this;
    const dice = this.random.next();
    const target = this.pick(({ own }) => own || dice < 0.6);
    if (!client || !target) return;
    const { conversation } = target;
    const to = conversation.startsWith('g:') ? conversation : (conversation.split(':').slice(1).find((user) => user !== this.plan.user) ?? this.plan.user);
    const token = dice >= 0.9 ? deletionToken(this.plan.user, target.id) : tokenOf(this.plan.clientId, ++this.said, 0);
    const kind = dice < 0.6 ? 'reaction' : dice < 0.9 ? 'edit' : 'deletion';
    if (kind === 'deletion') this.recent.splice(this.recent.indexOf(target), 1);
    const sent = kind === 'reaction' ? client.react(target, token) : kind === 'edit' ? client.edit(target, bodyOf(token).toString('latin1')) : client.delete(target);
    this.sent(sent, token, to, 0, { fold: { kind, target: target.token } });
  }

  readSomething(): void {
    const places = [...this.last];
    if (places.length === 0) return;
    const [conversation, seq] = this.random.pick(places);
    this.write({ what: 'reading', conversation, seq });
    this.client!.markRead(conversation, seq).catch((error: Error) => this.broken(`reading: ${error.message}`));
  }

  changeGroup(): void {
    const move = nextMove(this.plan, this.random);
    if (!move || !this.client) return;
    this.calls++;
    void this.call(this.client, move).finally(() => {
      this.calls--;
      this.stirred();
    });
  }

  typeSomething(): void {
    const conversations = [...this.last.keys()];
    if (conversations.length > 0) this.client!.typing(this.random.pick(conversations));
  }

  changePresence(): void {
    this.presence = this.presence === State.ONLINE ? State.AWAY : State.ONLINE;
    this.client?.setPresence(this.presence);
  }

  /** The SDK makes it again on each connection, until it is answered. Its id is the SDK's; here it has another name. */
  private async call(client: Client, move: GroupMove): Promise<void> {
    const call = Buffer.from(this.random.bytes(16)).toString('hex');
    this.write({ what: 'calling', call, ...move });
    try {
      const answer = await client.call(move.method, requestOf(move));
      this.write({ what: 'answered', call, code: Code.OK, ...answerOf(answer) });
    } catch (error) {
      // Whether it was done is not known.
      if (!(error instanceof GodwitError)) throw error;
      if (!isRetry(error.code)) this.write({ what: 'answered', call, code: error.code, revision: 0, changed: [] });
    }
  }

  private readonly write = (entry: ToWrite): void => this.journal.write(entry);
  private readonly broken = (rule: string): void => this.write({ what: 'broken', rule });

  private get url(): string {
    const { transport, port } = this.plan;
    return transport === 'slim' ? `ws://127.0.0.1:${port}/mqtt` : `mqtt://127.0.0.1:${port}`;
  }

  private get transport(): Transport {
    return this.plan.transport === 'slim' ? webSocketTransport({ WebSocket: WebSocket as never }) : mqttTransport();
  }

  private async open(): Promise<void> {
    const { clientId, user, token, patienceMs, friends } = this.plan;
    const { journal, entries } = Journal.open(journalPath(this.folder, clientId));
    this.journal = journal;
    const recall = new SdkRecall(entries);
    this.said = recall.said;
    this.connections = recall.connections;
    const store = await levelStore(join(this.folder, `${clientId.replace(':', '.')}.store`));
    await recall.settle(store, this.write);
    const client = await createClient({
      url: this.url,
      user,
      device: clientId.slice(user.length + 1),
      token,
      store: observed(store, this.write),
      transport: this.transport,
      timing: { backoffMinMs: 20, backoffMaxMs: patienceMs, connectTimeoutMs: 3_000, keepaliveS: 3, quietMs: 1_000, pingTimeoutMs: 1_500 },
    });
    for (const one of client.outbox()) this.follow(one, recall.tokenOf(hexId(one.id)));
    this.listen(client);
    this.client = client;
    void client.connect();
    for (const friend of new Set(friends)) client.presence.watch(friend).catch((error: Error) => this.broken(`presence: ${error.message}`));
  }

  private listen(client: Client): void {
    client.on('message', (message) => this.shown(message, message.again === true, readText(message.text ?? '')));
    client.on('undecodable', ({ message, bytes, again }) => {
      // The bodies of devices that do not speak the content schema.
      if (message) return this.shown(message, again === true, readPlain(bytes));
      this.broken('something that is no message at all');
    });
    client.on('gap', ({ conversation, from, to, reason }) => this.write({ what: 'gap', connection: this.connections, conversation, from, seq: to, reason: reason === 'unexplained' ? -1 : reason, after: undefined }));
    client.on('changed', () => this.stirred());
    client.on('receipt', ({ conversation, delivered, read, ownRead }) => {
      this.write({ what: 'receipt', conversation, delivered, read, ownRead });
      this.stirred();
    });
    client.on('presence', ({ user, state }) => this.write({ what: 'presence', user, state }));
    client.on('error', ({ error }) => this.broken(`an error: ${error.message}`));
    client.on('connection', ({ state, error }) => {
      if (state === 'connected') this.write({ what: 'connected', connection: ++this.connections, present: true });
      else if (state === 'signed-out') this.broken(`signed out: ${error?.message}`);
      else if (state === 'taken-over') setTimeout(() => void client.connect(), between(this.random, 20, this.plan.patienceMs));
    });
  }

  /** The app takes its time: a process that is killed meanwhile is shown it again. */
  private shown(message: Message, again: boolean, token: string | undefined): Promise<void> | void {
    const { conversation, seq, id, from, own, content, expiresAtMs } = message;
    const change = content.kind === 'event' ? changeOf(conversation, content.event) : undefined;
    if (change) {
      this.stirred();
      return this.write({ what: 'shown', conversation, seq, id: hexId(id), token: tokenOfChange(change), again, change });
    }
    const bare = content.kind === 'bare';
    this.write({ what: 'shown', conversation, seq, id: hexId(id), ...(bare && { token }), again });
    this.last.set(conversation, Math.max(seq, this.last.get(conversation) ?? 0));
    // Another device of the user may not be asked to change what this one has not sent.
    if (token !== undefined && !bare && expiresAtMs === undefined && !message.editedAtMs) this.remember({ token, conversation, id, from, own: own && message.fromDevice === this.client?.device });
    this.stirred();
    if (this.plan.habit === 'slow') return new Promise((resolve) => setTimeout(resolve, between(this.random, 0, 200)));
  }

  private sent(sent: Sent, token: string, to: string, expiresInS: number, more: object = {}): void {
    this.write({ what: 'sent', token, conversation: sent.conversation, to, id: hexId(sent.id), qos: 1, expiresInS, packetId: 0, ...more });
    sent.until('queued').then(() => this.write({ what: 'kept', token }), () => undefined);
    this.follow(sent, token);
  }

  private follow(sent: Sent, token: string | undefined): void {
    if (token === undefined) return this.broken(`in the outbox, and never sent: ${sent.id}`);
    sent.until('sent').then(
      () => {
        this.write({ what: 'accepted', token, seq: sent.seq! });
        this.write({ what: 'acknowledged', token });
        this.stirred();
      },
      (error: GodwitError) => {
        if (!mayReject(sent.conversation, error.code)) return this.broken(`refused for good, ${error.message}: ${token}`);
        this.write({ what: 'rejected', token, code: error.code });
        sent.discard().catch((cause: Error) => this.broken(`the outbox: ${cause.message}`));
        this.stirred();
      },
    );
  }

  private remember(one: Recent): void {
    this.recent.push(one);
    if (this.recent.length > RECENT) this.recent.shift();
  }

  private pick(fits: (one: Recent) => boolean): Recent | undefined {
    const fitting = this.recent.filter(fits);
    return fitting.length > 0 ? this.random.pick(fitting) : undefined;
  }

  /** At the end, what is folded and ticked is written down whenever it has been calm for a while. */
  private stirred(): void {
    if (!this.quiet) return;
    clearTimeout(this.calm);
    this.calm = setTimeout(() => {
      this.writeDown().catch((error: Error) => this.broken(`at the end: ${error.message}`));
    }, CALM_MS);
  }

  private async writeDown(): Promise<void> {
    const timer = this.calm;
    for (const { conversation, delivered, read, ownRead } of (await this.client?.conversations()) ?? []) {
      this.write({ what: 'receipt', conversation, delivered, read, ownRead });
      const page = await this.client!.messages(conversation, { limit: EVERYTHING });
      this.write({ what: 'folded', conversation, messages: page.flatMap(foldedIn) });
    }
    if (this.calm === timer) this.calm = undefined;
  }
}

function foldedIn(one: Shown): Folded[] {
  const message = one.type === 'undecodable' ? one.message : one.type === 'message' ? one : undefined;
  if (!message) return [];
  const { id, text, content, replyTo, editedAtMs, reactions } = message;
  const deleted = content.kind === 'deleted';
  if (!deleted && !replyTo && editedAtMs === undefined && reactions.length === 0) return [];
  const says = one.type === 'undecodable' ? readPlain(one.bytes) : readText(text ?? '');
  const reacted = reactions.flatMap(({ emoji, users }) => users.map((user) => `${emoji} ${user}`)).sort();
  return [{ id: hexId(id), says: deleted ? undefined : says, reactions: reacted, ...(replyTo && !deleted && { replyTo: hexId(replyTo.id) }) }];
}
