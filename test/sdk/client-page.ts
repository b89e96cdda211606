/** Runs in a browser: a client on IndexedDB, and what it has told. */
import { createClient, indexedDbStore, type Client, type ClientOptions, type Message } from 'godwit-client';

let client: Client;
const heard: Message[] = [];
let wake = (): void => {};

const chat = {
  open: async (database: string, options: Omit<ClientOptions, 'store'>): Promise<string> => {
    client = await createClient({ ...options, store: await indexedDbStore(database) });
    client.on('message', (message) => {
      heard.push(message);
      wake();
    });
    return client.device;
  },
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
    return (await client.messages(conversation)).map((one) => (one.type === 'message' ? `${one.from}: ${one.text}${one.tick ? ` (${one.tick})` : ''}` : one.type));
  },
  outbox: (): number => client.outbox().length,
  /** When everything in the outbox is at the server. */
  outboxSent: async (): Promise<void> => {
    await Promise.all(client.outbox().map((sent) => sent.until('sent')));
  },
};

export type Chat = typeof chat;
Object.assign(globalThis, { chat });
