import { createClient, memoryStore, type Client, type ClientOptions, type Store, type Timing } from 'godwit-client';
import { FakeBroker } from './fake-broker.js';

export { Recorder, texts } from './recorder.js';

/** Short enough for tests, long enough not to be met by chance. */
export const quick: Partial<Timing> = { backoffMinMs: 10, backoffMaxMs: 50, connectTimeoutMs: 5_000, callTimeoutMs: 5_000 };

/** A token that says no more than the SDK reads in it. */
export function fakeToken(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part(claims)}.`;
}

export type Create = (options: ClientOptions) => Promise<Client>;

/** Things to be ended after a test, last first. */
export class Scene {
  /** Opens clients, as one of the package's entries does. */
  create: Create = createClient;
  #endings: (() => unknown)[] = [];

  after(end: () => unknown): void {
    this.#endings.push(end);
  }

  async end(): Promise<void> {
    for (const end of this.#endings.reverse()) await end();
  }

  async broker(): Promise<FakeBroker> {
    const broker = await FakeBroker.start();
    this.after(() => broker.stop());
    return broker;
  }

  async client(broker: { url: string }, user: string, options: Partial<ClientOptions> = {}): Promise<Client> {
    const client = await this.create({ url: broker.url, user, token: fakeToken({ sub: user }), store: memoryStore(), ...options, timing: { ...quick, ...options.timing } });
    this.after(() => client.close());
    return client;
  }
}

/** Runs a test with what it needs, and ends that. */
export function scene(run: (scene: Scene) => Promise<void>): () => Promise<void> {
  return async () => {
    const at = new Scene();
    try {
      await run(at);
    } finally {
      await at.end();
    }
  };
}

/** A promise with its end in hand. */
export function gate(): { promise: Promise<void>; open: () => void } {
  let open!: () => void;
  const promise = new Promise<void>((resolve) => (open = resolve));
  return { promise, open };
}

/** The same store, not closed with its client: as a folder outlives a process. */
export function lasting(store: Store): Store {
  return { get: (key) => store.get(key), range: (range) => store.range(range), write: (changes) => store.write(changes), close: async () => {} };
}

/** Runs this before every write of messages, with their number. */
export function slow(store: Store, before: (messages: number) => Promise<void>): void {
  const write = store.write.bind(store);
  store.write = async (changes) => {
    const messages = changes.filter(({ key }) => key.startsWith('m/')).length;
    if (messages > 0) await before(messages);
    await write(changes);
  };
}

/** For what tells nobody: looks once a turn of the event loop. */
export async function turnsUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
