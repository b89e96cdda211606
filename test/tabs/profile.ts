import { BroadcastChannel as NodeChannel } from 'node:worker_threads';
import { memoryStore, mqttTransport, type Change, type Client, type Connection, type Store, type Transport } from 'godwit-client';
import { createSharedClient, type SharedClientOptions, type TabChannel, type TabLocks, type TabPlatform } from 'godwit-client/browser';
import { fakeToken, lasting, quick, type Scene } from '../sdk/fixtures.js';

interface Wait {
  tab: FakeTab;
  grant(): void;
}

/** Locks of a browser profile: first come, first served; a tab that ends gives back its own. */
class FakeLocks {
  readonly #held = new Map<string, FakeTab>();
  readonly #waiting = new Map<string, Wait[]>();

  of(tab: FakeTab): TabLocks {
    return { request: (name, { signal }, held) => this.#request(tab, name, signal, held) };
  }

  /** The tab is gone, with what it holds and waits for. */
  end(tab: FakeTab): void {
    for (const [name, waits] of this.#waiting) this.#waiting.set(name, waits.filter((wait) => wait.tab !== tab));
    for (const [name, holder] of [...this.#held]) if (holder === tab) this.#release(name);
  }

  #request(tab: FakeTab, name: string, signal: AbortSignal | undefined, held: () => Promise<void>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const wait: Wait = {
        tab,
        grant: () => {
          this.#held.set(name, tab);
          // As in a browser, not within the call of `request`.
          setImmediate(() => {
            if (tab.gone) return;
            Promise.resolve(held()).finally(() => !tab.gone && this.#release(name)).then(resolve, reject);
          });
        },
      };
      signal?.addEventListener('abort', () => {
        const waits = this.#waiting.get(name) ?? [];
        if (!waits.includes(wait)) return;
        this.#waiting.set(name, waits.filter((other) => other !== wait));
        reject(new DOMException('it was given up', 'AbortError'));
      });
      if (!this.#held.has(name)) wait.grant();
      else this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), wait]);
    });
  }

  #release(name: string): void {
    this.#held.delete(name);
    this.#waiting.get(name)?.shift()?.grant();
  }
}

/** A tab that can be frozen, or end in the middle of anything. */
export class FakeTab {
  gone = false;
  /** Messages that wait until it is thawed. */
  #frozen: (() => void)[] | undefined;
  readonly #connections = new Set<Connection>();
  readonly channels = new Set<TabChannel>();
  readonly platform: TabPlatform;
  /** Told of everything that this tab says, before it is said: true swallows it. */
  onPost: (message: Said) => boolean | void = () => {};

  /** Told of every write, before and after it. */
  onWrite: (when: 'before' | 'after') => void = () => {};

  constructor(
    private readonly locks: FakeLocks,
    private readonly store: Store,
  ) {
    this.platform = { locks: locks.of(this), channel: (name) => this.#channel(name) };
  }

  /** As kill -9: nothing is said, written or sent any more. */
  crash(): void {
    this.gone = true;
    for (const channel of this.channels) channel.close();
    for (const connection of this.#connections) connection.abort();
    this.locks.end(this);
  }

  freeze(): void {
    this.#frozen = [];
  }

  thaw(): void {
    const missed = this.#frozen ?? [];
    this.#frozen = undefined;
    for (const run of missed) run();
  }

  openStore(): Store {
    const { store } = this;
    const alive = <A extends unknown[], R>(act: (...args: A) => Promise<R>) => (...args: A): Promise<R> => {
      if (this.gone) return new Promise(() => {});
      return act(...args).then((value) => (this.gone ? new Promise<R>(() => {}) : value));
    };
    return { get: alive((key) => store.get(key)), range: alive((range) => store.range(range)), write: alive((changes) => this.#write(changes)), close: async () => {} };
  }

  async #write(changes: readonly Change[]): Promise<void> {
    this.onWrite('before');
    if (this.gone) return;
    await this.store.write(changes);
    this.onWrite('after');
  }

  transport(): Transport {
    const inner = mqttTransport();
    const mine = <A extends unknown[]>(act: (...args: A) => void) => (...args: A): void => {
      if (!this.gone) act(...args);
    };
    return {
      connect: (to, handlers) => {
        const connection = inner.connect(to, { open: mine(handlers.open), packet: mine(handlers.packet), heard: mine(handlers.heard), close: mine(handlers.close) });
        this.#connections.add(connection);
        if (this.gone) connection.abort();
        return connection;
      },
    };
  }

  #channel(name: string): TabChannel {
    const inner = new NodeChannel(name);
    const channel: TabChannel = {
      onmessage: null,
      postMessage: (message) => {
        if (!this.gone && this.onPost(message as Said) !== true && !this.gone) inner.postMessage(message);
      },
      close: () => {
        this.channels.delete(channel);
        inner.close();
      },
    };
    inner.onmessage = (event) => {
      const run = (): void => {
        if (!this.gone) channel.onmessage?.(event as { data: unknown });
      };
      if (this.#frozen) this.#frozen.push(run);
      else run();
    };
    this.channels.add(channel);
    return channel;
  }
}

/** What is said on the channel, as far as tests look at it. */
export interface Said {
  kind: string;
  request?: { name: string };
  event?: { type: string };
}

let profiles = 0;

/** A browser profile: what its tabs share. */
export class Profile {
  readonly store = memoryStore();
  readonly #locks = new FakeLocks();
  readonly #name = `profile ${++profiles}`;

  constructor(
    private readonly at: Scene,
    private readonly server: { url: string },
    private readonly options: Partial<SharedClientOptions> = {},
  ) {}

  tab(): FakeTab {
    return new FakeTab(this.#locks, lasting(this.store));
  }

  /** A client in a tab, a new one where none is given. */
  async client(options: Partial<SharedClientOptions> = {}, tab = this.tab()): Promise<{ tab: FakeTab; client: Client }> {
    const client = await createSharedClient({
      url: this.server.url,
      user: 'alice',
      token: fakeToken({ sub: 'alice' }),
      name: this.#name,
      open: async () => tab.openStore(),
      transport: tab.transport(),
      tabs: tab.platform,
      ...this.options,
      ...options,
      timing: { ...quick, ...this.options.timing, ...options.timing },
    });
    this.at.after(async () => {
      if (tab.gone || client.connection === 'closed') return;
      tab.thaw();
      await client.close();
    });
    return { tab, client };
  }
}
