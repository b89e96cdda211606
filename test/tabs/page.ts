import { createSharedClient, type Client, type ClientEvent, type Shown } from 'godwit-client/browser';
import { pageStore } from './page-store.js';

/** What the test calls within a tab. */
export interface TabPage {
  open(options: { url: string; token: string; name: string }): Promise<string>;
  /** Sends messages while others arrive, and reports each once it is kept. */
  sendMany(prefix: string, count: number): void;
  /** Resolves when a message of the other with this text has come. */
  heard(text: string): Promise<void>;
  sendAndAwait(text: string, state: 'sent' | 'read'): Promise<string>;
  stored(): Promise<[number, string | undefined, string | undefined][]>;
  close(): Promise<void>;
}

/** What a tab tells the test. */
export type Report = (report: { tab: string; kept?: string; event?: [type: string, text: string | undefined, again: boolean] }) => Promise<void>;

const scope = globalThis as unknown as TabPage & { report: Report };
let client: Client;
let tab = '';
const waiting = new Map<string, () => void>();
const seen = new Set<string>();

function shown(event: ClientEvent | Shown): string | undefined {
  return event.type === 'message' ? event.text : undefined;
}

Object.assign(scope, {
  async open({ url, token, name }) {
    tab = name;
    client = await createSharedClient({ url, token, name: 'alice', open: () => pageStore('alice') });
    for (const type of ['message', 'gap', 'undecodable'] as const) {
      client.on(type, (event) => {
        const text = shown(event);
        void scope.report({ tab, event: [event.type, text, event.again === true] });
        if (text === undefined) return;
        seen.add(text);
        waiting.get(text)?.();
      });
    }
    await client.connect();
    return client.device;
  },
  sendMany(prefix, count) {
    let sent = 0;
    const next = (): void => {
      const text = `${prefix}${sent++}`;
      void client.send('bob', text).until('queued').then(() => scope.report({ tab, kept: text }));
      if (sent < count) setTimeout(next, 4);
    };
    next();
  },
  async heard(text) {
    if (!seen.has(text)) await new Promise<void>((resolve) => waiting.set(text, resolve));
  },
  async sendAndAwait(text, state) {
    const { state: reached } = await client.send('bob', text).until(state);
    return reached;
  },
  async stored() {
    const page = await client.messages('bob', { limit: 10_000 });
    return page.map((one): [number, string | undefined, string | undefined] => [one.type === 'message' ? one.seq : 0, shown(one), one.type === 'message' ? one.tick : one.type]);
  },
  close: () => client.close(),
} satisfies TabPage);
