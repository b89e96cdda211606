/**
 * An app's code that uses the SDK's types: never run, only compiled, with settings stricter than ours and without
 * the types of Node.
 * @module
 */
import {
  Code,
  codeName,
  createClient,
  GodwitError,
  liveConversations,
  liveMessages,
  memoryStore,
  plainCipher,
  Reason,
  State,
  webSocketTransport,
  type Cipher,
  type Client,
  type ClientEvent,
  type ClientOptions,
  type Content,
  type ConversationList,
  type Live,
  type LiveMessages,
  type Message,
  type Sent,
  type SentState,
  type Store,
  type Transport,
} from 'godwit-client';
import { createSearch, type Search } from 'godwit-client/search';

/** An app's own store, transport and cipher. */
const values = new Map<string, Uint8Array>();
const store: Store = {
  get: async (key) => values.get(key),
  range: async ({ from, before, limit = Infinity }) => [...values].filter(([key]) => key >= from && key < before).sort().slice(0, limit),
  async write(changes) {
    for (const { key, value } of changes) value ? values.set(key, value) : values.delete(key);
  },
  async close() {},
};
const silent: Transport = {
  connect(_options, { close }) {
    queueMicrotask(() => close({}));
    return { publish: () => 0, acknowledge() {}, subscribe: async () => [1], unsubscribe: async () => {}, ping() {}, close: async () => {}, abort() {} };
  },
};
const cipher: Cipher = { ...plainCipher, seal: async (payload, { conversation }) => ({ alg: conversation.length, keyEpoch: 0n, payload }) };

export function optionsOf(url: string, token: string): ClientOptions[] {
  return [
    { url, token, store: memoryStore() },
    { url, token: async () => token, store, transport: silent, cipher, device: 'phone', timing: { keepaliveS: 60 }, debug: ({ what }) => void what },
    { url, token: () => token, store, transport: webSocketTransport() },
  ];
}

export async function talk(options: ClientOptions, signal: AbortSignal): Promise<Sent> {
  const client: Client = await createClient(options);
  const stop = client.on('message', async (message) => {
    await client.markRead(message.conversation, message.seq);
  });
  client.on('connection', ({ state, retryAtMs = 0, error }) => `${state} ${retryAtMs} ${error?.message ?? ''}`);
  client.on('state', ({ state, error }) => (state === 'failed' ? error?.retryAfterMs : undefined));
  client.on('gap', ({ reason }) => reason === Reason.EXPIRED || reason === 'unexplained');
  await client.connect({ signal });
  await client.presence.watch('bob', { signal });
  client.setPresence(State.AWAY);
  client.typing('bob');
  const sent = client.send('bob', 'hello', { expiresInS: 60, silent: true });
  client.send('bob', Uint8Array.of(1, 2, 3));
  const { seq } = await client.call('messages.send', { to: 'bob', message: { body: Uint8Array.of(1) } }).catch(refused);
  for await (const event of client.stream(['message', 'gap'], { signal })) textOf(event, seq);
  for await (const event of client) textOf(event, 0n);
  stop();
  await client.close();
  return sent.until('read', { signal });
}

/** As React's `useSyncExternalStore` takes it. */
function useLive<T>({ subscribe, getSnapshot }: Live<T>, use: (subscribe: (changed: () => void) => () => void, now: () => T) => T): T {
  return use(subscribe, getSnapshot);
}

export async function look(client: Client, use: (subscribe: (changed: () => void) => () => void, now: () => ConversationList) => ConversationList): Promise<number> {
  await client.setConversation('bob', { mutedUntilMs: Infinity, pinned: true });
  await client.clearConversation('g:birds');
  const talk: LiveMessages = liveMessages(client, 'bob', { pageSize: 20 });
  await talk.loadMore();
  const search: Search = createSearch(client, { text: ({ text }) => text });
  const found = await search.find('hello', { conversation: 'bob', limit: 5, before: firstAt(talk) });
  search.close();
  return useLive(liveConversations(client, { archived: false }), use).conversations.filter(({ mutedUntilMs }) => mutedUntilMs > 0).length + found.length;
}

function firstAt(talk: LiveMessages): number {
  const [first] = talk.getSnapshot().messages;
  return first?.type === 'message' ? first.sentAtMs : Infinity;
}

function refused(error: unknown): { seq: bigint } {
  if (error instanceof GodwitError && error.code === Code.NOT_ALLOWED) throw new Error(codeName(error.code));
  return { seq: 0n };
}

/** Events are told apart by their type, contents by their kind. */
function textOf(event: ClientEvent, after: bigint): string | undefined {
  if (event.type === 'message') return BigInt(event.seq) > after ? contentText(event.content) : undefined;
  const state: SentState | undefined = event.type === 'state' ? event.state : undefined;
  return state;
}

function contentText(content: Content): string {
  return content.kind === 'text' ? content.text : content.kind;
}

export function wrong(client: Client, message: Message): void {
  // @ts-expect-error there is no such event
  client.on('nonsense', () => {});
  // @ts-expect-error a number is no content
  client.send('bob', 5);
  // @ts-expect-error what was told does not change
  message.seq = 1;
  // @ts-expect-error what is live is only read
  liveConversations(client).getSnapshot().conversations.pop();
  // @ts-expect-error there is no such call
  void client.call('messages.eat', {});
}
