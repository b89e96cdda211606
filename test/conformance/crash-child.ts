/**
 * A process that writes until it is killed: `crash-child.js <folder> <seed> <resend.json>`. It prints what it is about
 * to do, and what was acknowledged; the lines are parsed by embedded-crash.test.ts.
 */
import { readFileSync, writeSync } from 'node:fs';
import { Code } from 'godwit-schemas';
import type { Append } from '../../broker/ports/conversation-log.js';
import { EntryState } from '../../broker/ports/conversation-log.js';
import { openEmbeddedStorage } from '../../plugins/store-embedded/index.js';
import { append, changeOf } from './appends.js';
import { small } from './backend.js';
import { generator } from './random.js';

export interface Intent {
  conversation: string;
  from: string;
  id: string;
  body: string;
}

const CONVERSATIONS = ['d:a:b', 'd:a:c', 'd:b:c', 'g:all', 'd:a:a'];
const [folder, seed, resends] = process.argv.slice(2);
const random = generator(Number(seed));
const storage = await openEmbeddedStorage({ folder, now: Date.now, limits: { ...small, openConversations: 2 } });

/** Waits until the pipe has it: what it is about to do must be known before it is done. */
function say(line: unknown): void {
  for (let rest = Buffer.from(`${JSON.stringify(line)}\n`); rest.length > 0; ) rest = rest.subarray(writeSync(1, rest));
}

async function write(batch: Append[], bodies: string[]): Promise<void> {
  const intents = batch.map(({ conversation, from, id }, i): Intent => ({ conversation, from, id: Buffer.from(id).toString('hex'), body: bodies[i] }));
  say({ intents });
  await storage.log.append(batch);
  say({ acked: intents.flatMap((intent, i) => (batch[i].code === Code.OK ? [{ ...intent, seq: batch[i].seq, duplicate: batch[i].duplicate }] : [])) });
}

const again = JSON.parse(readFileSync(resends, 'utf8')) as Intent[];
await write(again.map(({ conversation, from, id, body }) => append(conversation, from, body, { id: Buffer.from(id, 'hex'), ...changes(from, body) })), again.map(({ body }) => body));
const begin = `+abc- ${seed}`;
await write([append('g:all', '', begin, changes('', begin))], [begin]);

function changes(from: string, body: string): Partial<Append> {
  return from === '' ? { membership: changeOf(body) } : {};
}

async function step(n: number): Promise<void> {
  const conversation = CONVERSATIONS[random(CONVERSATIONS.length)];
  const head = storage.log.head(conversation);
  // The group keeps everything: its entries say who was in it.
  const what = conversation === 'g:all' ? 2 + random(18) : random(20);
  const chance = random(1_000_000);
  const seq = (await head)?.head ?? 0;
  if (what === 0 && seq > 0) {
    const place = 1 + (chance % seq);
    if (await storage.log.erase(conversation, place, EntryState.Erased)) say({ erased: { conversation, seq: place } });
  } else if (what === 1 && seq > 40) {
    say({ trimming: { conversation, seq: seq - 40 } });
    await storage.log.trim(conversation, seq - 40);
    say({ trimmed: { conversation, seq: seq - 40 } });
  } else if (what < 4 && seq > 0) {
    await storage.cursors.setRead('a', conversation, seq, n);
    say({ read: { conversation, seq } });
  } else if (what < 6 && seq > 0) {
    storage.cursors.moveDelivered('b', conversation, seq, n);
    storage.cursors.moveDevice('b', 'phone', conversation, { position: seq, last: seq, started: true, toldDelivered: 0, toldRead: 0, toldOwnRead: 0 });
  } else if (what === 7) {
    const users = ['a', 'b', 'c'];
    const body = `+${users.filter(() => random(2) === 0).join('')}-${users.filter(() => random(3) === 0).join('')} ${seed}-${n}`;
    await write([append('g:all', '', body, changes('', body))], [body]);
  } else if (what === 6) {
    await storage.directory.addUser(`user${seed}-${n}`, n);
    say({ user: `user${seed}-${n}` });
  } else {
    const bodies = Array.from({ length: 1 + random(12) }, (_, i) => `${seed}-${n}-${i}${'.'.repeat(random(300))}`);
    await write(bodies.map((body) => append(CONVERSATIONS[random(CONVERSATIONS.length)], ['a', 'b', 'c'][random(3)], body)), bodies);
  }
}

const running = new Set<Promise<void>>();
for (let n = 0; ; n++) {
  const one = step(n).finally(() => running.delete(one));
  running.add(one);
  if (running.size >= 8) await Promise.race(running);
}
