/** Portable: runs in Node and in pages. */
import { createClient, type Cipher, type Client, type ClientOptions, type Message, type Sent, type Shown, type Store } from 'godwit-client';
import { crashing, type Crash, type Step } from './crash-steps.js';

export interface RunOptions {
  readonly url: string;
  readonly token: string;
  /** Its messages begin with it. */
  readonly name: string;
  readonly crash?: Crash;
  /** Says nothing: comes back, catches up, and tells what it has. */
  readonly look?: true;
}

/** What the app was told, and has. */
export type Note =
  | { what: 'message' | 'changed'; again: boolean; from: string; id: string; seq: number; said: string }
  | { what: 'kept'; id: string }
  | { what: 'step'; step: Step }
  /** As it starts: the unread count, and how many messages behind the last one read there are. */
  | { what: 'unread'; unread: number; counted: number }
  | { what: 'snapshot'; snapshot: Snapshot };

export interface Snapshot {
  messages: unknown[];
  conversation: unknown;
  outbox: unknown[];
  /** Keys of these beginnings in the store. */
  rows: Record<string, number>;
}

/** Where the app runs. */
export interface Host {
  /** Writes it down: it is there whatever comes. */
  note(note: Note): void;
  /** Asks the world to do something; resolves when it has. */
  ask(what: 'speak' | 'receipts' | 'settle'): Promise<void>;
  die(): void;
}

/** An app with a key that it is given late. */
export function lateCipher(): { cipher: Cipher; unlock(): void } {
  let unlocked = false;
  const cipher: Cipher = {
    seal: async (payload) => ({ alg: 0, keyEpoch: 0n, payload }),
    open: async ({ alg, payload }) => (alg === 0 || unlocked ? payload : undefined),
  };
  return { cipher, unlock: () => (unlocked = true) };
}

/** What others see of a message: its text, edits, their reactions. */
function said({ text, content, editedAtMs, reactions }: Message): string {
  const emojis = reactions.flatMap(({ emoji, users }) => users.filter((user) => user !== 'alice').map((user) => ` ${emoji}${user}`));
  return `${text ?? content.kind}${editedAtMs === undefined ? '' : '*'}${emojis.join('')}`;
}

function shown(one: Shown): unknown {
  if (one.type === 'gap') return one;
  if (one.type === 'undecodable') return one.type;
  const { seq, id, from, content, replyTo, editedAtMs, expiresAtMs, reactions, tick } = one;
  return { seq, id, from, kind: content.kind, text: one.text, replyTo, editedAtMs, expiresAtMs, reactions, tick };
}

export async function snapshot(client: Client, store: Store): Promise<Snapshot> {
  const [one] = (await client.conversations()).filter(({ conversation }) => conversation === 'd:alice:bob');
  const { unread, delivered, read, ownRead, last } = one;
  const rows: Record<string, number> = {};
  for (const prefix of ['e/', 'f/', 's/']) rows[prefix] = (await store.range({ from: prefix, before: `${prefix}~` })).length;
  const whole: Snapshot = {
    messages: (await client.messages('bob', { limit: 100_000 })).map(shown),
    conversation: { unread, delivered, read, ownRead, last: last?.id },
    outbox: client.outbox().map(({ conversation, state }) => [conversation, state]),
    rows,
  };
  // As it is once it has travelled.
  return JSON.parse(JSON.stringify(whole)) as Snapshot;
}

/** The count of unread messages, and what it counts; undefined while something is about to disappear. */
async function unread(client: Client, store: Store): Promise<Extract<Note, { what: 'unread' }> | undefined> {
  const [one] = (await client.conversations()).filter(({ conversation }) => conversation === 'd:alice:bob');
  const soon = `e/${(Date.now() + 1_000).toString(16).padStart(14, '0')}`;
  if (!one || (await store.range({ from: 'e/', before: soon })).length > 0) return undefined;
  const behind = (await client.messages('bob', { limit: 100_000 })).filter((message) => message.type === 'message' && message.from === 'bob' && message.seq > one.ownRead && message.content.kind !== 'deleted');
  return { what: 'unread', unread: one.unread, counted: behind.length };
}

/** Everything that an app does, in one go; killed on the way if it is told so. */
export async function runApp({ url, token, name, crash, look }: RunOptions, opened: Store, host: Host, more: Partial<ClientOptions> = {}): Promise<void> {
  const { note, ask } = host;
  const done = new Set<Step>();
  let woken = (): void => {};
  const store = await crashing(opened, crash, () => host.die(), (step) => {
    done.add(step);
    note({ what: 'step', step });
    woken();
  });
  const { cipher, unlock } = lateCipher();
  const timing = { backoffMinMs: 10, backoffMaxMs: 50 };
  const alice = await createClient({ url, token, user: 'alice', device: 'phone', store, cipher, timing, ...more });
  const heard: Message[] = [];
  for (const type of ['message', 'changed'] as const) {
    alice.on(type, (event) => {
      const message = event.type === 'message' ? event : event.message;
      if (event.type === 'message') heard.push(event);
      note({ what: type, again: event.again === true, from: message.from, id: message.id, seq: message.seq, said: said(message) });
      woken();
    });
  }
  const until = async (met: () => boolean): Promise<void> => {
    while (!met()) await new Promise<void>((resolve) => (woken = resolve));
  };
  const kept = async (sent: Sent): Promise<Sent> => {
    await sent.until('queued');
    note({ what: 'kept', id: sent.id });
    return sent;
  };
  const text = (what: string): string => `${name} ${what}`;
  const counted = await unread(alice, opened);
  if (counted) note(counted);
  const early = look ? undefined : await kept(alice.send('bob', text('early')));
  await alice.connect();
  if (early) {
    const [first, second] = [alice.send('bob', text('first')), alice.send('bob', text('second'))];
    const fleeting = alice.send('bob', text('for an hour'), { expiresInS: 3_600 });
    await Promise.all([first, second, fleeting].map(kept));
    const folds = [alice.edit(first, text('first, edited')), alice.react(first, '👍'), alice.delete(second)];
    const [his] = (await alice.messages('bob', { limit: 1_000 })).filter((one): one is Message => one.type === 'message' && one.from === 'bob').slice(-1);
    if (his) folds.push(alice.reply('bob', his, text('reply')), alice.react(his, '❤'));
    await Promise.all([early, first, second, fleeting, ...folds].map((sent) => kept(sent).then(() => sent.until('sent'))));
    await ask('receipts');
    await until(() => done.has('ticked'));
    const lost = alice.send('nobody', 'hello');
    await lost.until('sent').catch(() => {});
    await lost.retry();
    await lost.until('sent').catch(() => {});
    await lost.discard();
    await ask('speak');
    await until(() => heard.some((message) => message.text === text('over')));
    await until(() => done.has('disappeared'));
    // All but the last one is read.
    await alice.markRead('bob', heard.at(-1)!.seq - 1);
    await until(() => done.has('read told'));
    await until(() => done.has('handed'));
  }
  unlock();
  await alice.messages('bob', { limit: 1_000 });
  await Promise.all(alice.outbox().map((sent) => (sent.state === 'failed' ? sent.discard() : sent.until('sent').catch(() => {}))));
  await ask('settle');
  if (look) note({ what: 'snapshot', snapshot: await snapshot(alice, opened) });
  await alice.close();
}
