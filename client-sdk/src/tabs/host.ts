import type { Client } from '../client.js';
import type { Engine } from '../engine.js';
import type { ClientEvent, EventType } from '../events.js';
import type { Sent } from '../sent.js';
import { Dealing } from './dealing.js';
import type { FromLeader, FromTab, Snapshot } from './messages.js';
import { pack, unpack } from './pack.js';
import type { TabChannel } from './platform.js';
import { Requested } from './requested.js';
import { statusOf } from './sent-status.js';
import { Tallies } from './tallies.js';

/** All but the conversations, which cost a read of the store each: the compiler says when one is missing. */
const types = Object.keys({ message: 1, gap: 1, undecodable: 1, changed: 1, cleared: 1, state: 1, receipt: 1, typing: 1, presence: 1, connection: 1, error: 1 } satisfies Record<Exclude<EventType, 'conversation'>, 1>) as EventType[];
/** What the app has to deal with. */
const places = ['message', 'gap', 'undecodable', 'changed'] as const;
const dealtWith: ReadonlySet<EventType> = new Set(places);

export interface HostHooks {
  readonly id: string;
  readonly channel: TabChannel;
  /** Unix milliseconds of the device. */
  now(): number;
  open(): Promise<{ client: Client; engine: Engine }>;
  /** Resolves when that tab is gone. */
  gone(tab: string): Promise<void>;
}

type Body = FromLeader extends infer M ? (M extends FromLeader ? Omit<M, 'for' | 'leader' | 'aheadMs'> : never) : never;

/** What the leading tab does: it has the one real client, and serves every tab with it, its own included, over the channel. */
export class Host {
  readonly #dealing = new Dealing();
  readonly #tallies = new Tallies();
  readonly #tabs = new Set<string>();
  #device: { client: Client; engine: Engine } | undefined;
  #requested: Requested | undefined;
  /** What is queued, until it is sent: its handle knows what its events do not tell. */
  readonly #queued = new Map<string, Sent>();
  #lists = false;
  /** The device is in background. */
  #rests = false;
  #closing = false;
  #ended = false;

  constructor(private readonly hooks: HostHooks) {
    // From now on tabs hear that somebody leads, though the store may take a while to open.
    hooks.channel.onmessage = ({ data }) => this.#heard(unpack(data) as FromTab);
  }

  /** Opens the client, and says so. @throws what opening the store or the client throws. */
  async open(): Promise<void> {
    const device = await this.hooks.open();
    const { client, engine } = device;
    engine.onClock = () => this.#say({ kind: 'clock' });
    for (const sent of client.outbox()) this.#queued.set(sent.id, sent);
    this.#requested = new Requested(device, {
      tallies: this.#tallies,
      taken: (sent) => void this.#queued.set(sent.id, sent),
      kept: (status) => this.#say({ kind: 'queued', status }),
      discarded: (id) => {
        this.#queued.delete(id);
        this.#say({ kind: 'discarded', id });
      },
      rests: (tab, rest) => {
        this.#tallies.setRest(tab, rest);
        return this.#fit(client);
      },
      connects: (tab) => {
        for (const { number, event } of this.#dealing.adopt(tab)) this.#say({ kind: 'event', to: tab, number, event: { ...event, again: true } as ClientEvent });
      },
      closing: () => this.#closing,
    });
    this.#device = device;
    for (const type of types) client.on(type, (event) => this.#tell(event));
    void this.#brake(client);
    this.#say({ kind: 'lead', snapshot: this.#snapshot(device) });
  }

  /** Ends the client, and hands over. What is asked from now on is not answered, and asked again of the next leader. @throws what closing the client throws. */
  async close(): Promise<void> {
    this.#closing = true;
    try {
      await this.#device?.client.close();
    } finally {
      this.#ended = true;
      this.hooks.channel.onmessage = null;
      this.hooks.channel.close();
    }
  }

  #heard(message: FromTab): void {
    if (message.for !== 'leader' || this.#closing) return;
    const { tab } = message;
    if (message.kind === 'ping') return this.#say({ kind: 'pong', to: tab });
    const device = this.#device;
    if (!device) return;
    switch (message.kind) {
      case 'hello':
        this.#tallies.setRest(tab, message.rest);
        this.#join(tab);
        if (message.lists) this.#list(device.client);
        this.#refit(device.client);
        return this.#say({ kind: 'lead', to: tab, snapshot: this.#snapshot(device) });
      case 'bye':
        return this.#leave(tab);
      case 'through':
        if (message.leader === this.hooks.id) this.#dealing.through(tab, message.event, message.dealt);
        return;
      case 'lists':
        return this.#list(device.client);
      case 'foreground':
        this.#tallies.setRest(tab, undefined);
        this.#rests = false;
        device.client.foreground();
        if (message.connects && device.client.connection === 'idle') void device.client.connect();
        return;
      case 'typing':
        return void device.client.typing(message.conversation);
      case 'presence':
        this.#tallies.setPresence(tab, message.state);
        return device.client.setPresence(this.#tallies.presence(this.#tabs));
      case 'ask':
        if (message.leader === this.hooks.id) this.#answer(message, this.#requested!);
    }
  }

  #answer({ tab, ask, again, request }: Extract<FromTab, { kind: 'ask' }>, requested: Requested): void {
    requested
      .take(tab, request, again)
      .then((value) => this.#say({ kind: 'answer', to: tab, ask, value }))
      .catch((error) => {
        // The end of this leader is no answer: the next one gives it.
        if (!this.#closing) this.#say({ kind: 'answer', to: tab, ask, error });
      });
  }

  #join(tab: string): void {
    if (this.#tabs.has(tab)) return;
    this.#tabs.add(tab);
    void this.hooks.gone(tab).then(() => this.#leave(tab));
  }

  #leave(tab: string): void {
    if (!this.#tabs.delete(tab)) return;
    this.#dealing.gone(tab);
    const client = this.#device?.client;
    if (!client || this.#closing) return;
    for (const user of this.#tallies.gone(tab)) void client.presence.unwatch(user);
    if (this.#tabs.size === 0) return;
    client.setPresence(this.#tallies.presence(this.#tabs));
    this.#refit(client);
  }

  /** In background while all tabs are. Resolves when the connection is as it is then to be. */
  async #fit(client: Client): Promise<void> {
    const rest = this.#tallies.rest(this.#tabs);
    const rested = this.#rests;
    this.#rests = rest !== undefined;
    if (rest) await client.background({ close: rest === 'closed' });
    else if (rested) client.foreground();
  }

  /** The same where nobody waits for it. */
  #refit(client: Client): void {
    this.#fit(client).catch((error: Error) => this.#tell({ type: 'error', error }));
  }

  /** Some tab listens for changes of conversations. */
  #list(client: Client): void {
    if (this.#lists) return;
    this.#lists = true;
    client.on('conversation', (event) => this.#tell(event));
  }

  /** The promise resolves when the event is dealt with. */
  #tell(event: ClientEvent): Promise<void> | undefined {
    // This device goes on, in another tab.
    if (event.type === 'connection' && event.state === 'closed') return undefined;
    const waits = dealtWith.has(event.type) ? this.#dealing.add(event, this.#tabs) : undefined;
    const sentAtMs = event.type === 'state' && event.state === 'sent' ? this.#queued.get(event.id)?.sentAtMs : undefined;
    if (event.type === 'state' && event.state === 'sent') this.#queued.delete(event.id);
    this.#say({ kind: 'event', number: waits?.number ?? 0, event, ...(sentAtMs !== undefined && { sentAtMs }) });
    return waits?.dealt;
  }

  /** A stream that is not read while too much is not dealt with: it fills, and the client receives no further message. */
  async #brake(client: Client): Promise<void> {
    for await (const _ of client.stream(places)) await this.#dealing.room();
  }

  #snapshot({ client, engine }: { client: Client; engine: Engine }): Snapshot {
    const { user, device, connection } = client;
    const floors = Array.from(engine.places.entries(), ([conversation, { delivered, read }]) => ({ conversation, delivered, read }));
    return { user, device, connection, outbox: client.outbox().map(statusOf), floors };
  }

  #say(message: Body): void {
    if (this.#ended) return;
    const client = this.#device?.client;
    this.hooks.channel.postMessage(pack({ for: 'tabs', leader: this.hooks.id, aheadMs: client && client.serverTimeMs() - this.hooks.now(), ...message }));
  }
}
