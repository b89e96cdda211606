/** Runs in a browser: a client on IndexedDB, and what it has told. */
import { createClient, indexedDbStore, type Client, type ClientOptions, type ConnectionState, type Message } from 'godwit-client';

let client: Client;
const heard: Message[] = [];
const states: { state: ConnectionState; code: number | undefined }[] = [];
let wake = (): void => {};

const chat = {
  open: async (database: string, options: Omit<ClientOptions, 'store'>): Promise<string> => {
    client = await createClient({ ...options, store: await indexedDbStore(database) });
    client.on('message', (message) => {
      heard.push(message);
      wake();
    });
    client.on('connection', ({ state, error }) => {
      states.push({ state, code: (error as { code?: number } | undefined)?.code });
      wake();
    });
    return client.device;
  },
  /** When the connection is so, with an error of that code, from now on. */
  stateWith: async (state: ConnectionState, code?: number): Promise<void> => {
    const from = states.length;
    while (!states.slice(from).some((one) => one.state === state && one.code === code)) await new Promise<void>((resolve) => (wake = resolve));
  },
  /** The code with which a message fails, and what the app is shown of it; undefined where it is sent. */
  failure: async (to: string, text: string): Promise<(number | string | undefined)[] | undefined> => {
    const sent = client.send(to, text);
    return sent.until('sent').then(
      () => undefined,
      ({ code }: { code?: number }) => [code, sent.state, sent.text, client.outbox().filter(({ state }) => state === 'failed').length],
    );
  },
  /** Sends until a message cannot be kept; the code with which that fails, its state, and how many were kept. */
  fill: async (to: string): Promise<[number | undefined, string, number]> => {
    for (let kept = 0; ; kept++) {
      // Random: what is stored is compressed.
      const sent = client.send(to, crypto.getRandomValues(new Uint8Array(40_000)));
      const failed = await sent.until('queued').then(() => undefined, (error: { code?: number }) => error);
      if (failed) return [failed.code, sent.state, kept];
    }
  },
  /** What has failed is sent again; when all of it is at the server. */
  retryAll: async (): Promise<void> => {
    for (const sent of client.outbox()) if (sent.state === 'failed') await sent.retry();
    await Promise.all(client.outbox().map((sent) => sent.until('sent')));
  },
  readFails: (conversation: string): Promise<number | undefined> => client.messages(conversation).then(() => undefined, ({ code }: { code?: number }) => code),
  connect: (): Promise<void> => client.connect(),
  /** Resolves when it has got that far. */
  send: async (to: string, text: string, state: 'queued' | 'sent' | 'delivered'): Promise<void> => {
    await client.send(to, text).until(state);
  },
  /** The texts that were heard since the page was loaded, when there are that many. */
  heard: async (count: number): Promise<(string | undefined)[]> => {
    while (heard.length < count) await new Promise<void>((resolve) => (wake = resolve));
    return heard.map(({ text }) => text);
  },
  stored: async (conversation: string): Promise<(string | undefined)[]> => {
    return (await client.messages(conversation, { limit: 1_000 })).map((one) => (one.type === 'message' ? `${one.from}: ${one.text}${one.tick ? ` (${one.tick})` : ''}` : one.type));
  },
  outbox: (): number => client.outbox().length,
  /** When everything in the outbox is at the server. */
  outboxSent: async (): Promise<void> => {
    await Promise.all(client.outbox().map((sent) => sent.until('sent')));
  },
};

export type Chat = typeof chat;
Object.assign(globalThis, { chat });
