import { directConversation } from 'godwit-schemas';
import type { Client, Message, Sent, Tick } from 'godwit-client';
import { pad } from '../table.js';
import { agoOrTime } from '../times.js';
import { cut, simple } from './text.js';
import { wordsOf } from './words.js';

/** An own message that has its place, or someone else's, or what waits for a place. */
export type Subject = Message | Sent;

/** What is read of a client. */
export type Asked = Pick<Client, 'user' | 'connection' | 'serverTimeMs' | 'messages' | 'outbox' | 'call'>;

/** Columns of the message that is told of. */
const quoteColumns = 48;
/** How far back the last own message is looked for: what is not stored here would be fetched. */
const pages = 5;
const page = 100;
/** Someone waits for the answer. */
const answerMs = 10_000;

/** The newest message that this user wrote there and that can still be seen; undefined: there is none among the last 500. */
export async function lastOwn(client: Asked, conversation: string): Promise<Subject | undefined> {
  const placed = await lastPlaced(client, conversation);
  // Ids rise: a message that was refused long ago is not the last one.
  const waiting = client.outbox().filter((sent) => sent.conversation === conversation && sent.text !== undefined);
  return [...waiting, ...(placed ? [placed] : [])].sort((a, b) => (a.id < b.id ? -1 : 1)).at(-1);
}

async function lastPlaced(client: Asked, conversation: string): Promise<Message | undefined> {
  let before: number | undefined;
  for (let read = 0; read < pages; read++) {
    const shown = await client.messages(conversation, { limit: page, ...(before !== undefined && { before }) });
    const own = shown.findLast((one): one is Message => one.type === 'message' && one.own && one.content.kind !== 'event' && one.content.kind !== 'deleted');
    if (own || shown.length < page) return own;
    const [first] = shown;
    before = first.type === 'gap' ? first.from : first.type === 'message' ? first.seq : first.message?.seq;
    if (before === undefined) return undefined;
  }
  return undefined;
}

/** What became of a message, in lines: who has it and since when, who has read it, who does not have it. */
export async function receiptLines(client: Asked, subject: Subject): Promise<string[]> {
  if (!('type' in subject)) return [`${quote(subject.text ?? '')} ${waitingWords(subject, client.connection === 'connected')}`];
  const { conversation, seq, from, own, sentAtMs, tick } = subject;
  const nowMs = client.serverTimeMs();
  const head = `${own ? 'you' : from}, ${agoOrTime(sentAtMs, nowMs)}: ${quote(wordsOf(subject).words)}`;
  if (conversation === directConversation(client.user, client.user)) return [head, 'the server has it; a note to self has no receipts'];
  if (client.connection !== 'connected') return [head, `offline: the server cannot be asked who has it; ${knownWords(tick)}`];
  try {
    const { members } = await client.call('receipts.get', { conversation, seq: BigInt(seq) }, { timeoutMs: answerMs });
    const others = members.map(({ user, deliveredAtMs, readAtMs }) => ({ user, hasAtMs: Number(deliveredAtMs), readAtMs: Number(readAtMs) })).filter(({ user }) => user !== from);
    if (others.length === 0) return [head, own ? 'nobody else is given it' : 'nobody but you is given it'];
    return [head, ...memberReceipts(others, nowMs)];
  } catch (error) {
    return [head, `who has it is not known: ${(error as Error).message}`];
  }
}

/** When someone got a message and read it: Unix milliseconds, 0 = not yet. Reading may be told without the other. */
export interface MemberReceipt {
  readonly user: string;
  readonly hasAtMs: number;
  readonly readAtMs: number;
}

/** Those who have read it first, in the order in which they did; those who do not have it last. Of one or more. */
export function memberReceipts(members: readonly MemberReceipt[], nowMs: number): string[] {
  const readers = members.filter(({ readAtMs }) => readAtMs > 0).sort((a, b) => a.readAtMs - b.readAtMs || byName(a, b));
  const havers = members.filter(({ hasAtMs, readAtMs }) => readAtMs === 0 && hasAtMs > 0).sort((a, b) => a.hasAtMs - b.hasAtMs || byName(a, b));
  const others = members.filter(({ hasAtMs, readAtMs }) => readAtMs === 0 && hasAtMs === 0).sort(byName);
  const widest = Math.max(...members.map(({ user }) => user.length));
  const lines = [...readers, ...havers, ...others].map((member) => `${pad(member.user, widest)}  ${memberWords(member, nowMs)}`);
  const have = readers.length + havers.length;
  return members.length === 1 ? lines : [`${have} of ${members.length} ${have === 1 ? 'has' : 'have'} it, ${readers.length} ${readers.length === 1 ? 'has' : 'have'} read it`, ...lines];
}

function byName(a: MemberReceipt, b: MemberReceipt): number {
  return a.user < b.user ? -1 : 1;
}

function memberWords({ hasAtMs, readAtMs }: MemberReceipt, nowMs: number): string {
  const words = [hasAtMs > 0 && `has it since ${agoOrTime(hasAtMs, nowMs)}`, readAtMs > 0 && `read it ${agoOrTime(readAtMs, nowMs)}`].filter((one) => one !== false);
  return words.join(', ') || 'does not have it yet';
}

function waitingWords({ state, error }: Sent, connected: boolean): string {
  if (state === 'failed') return `was not sent: ${error?.message ?? 'refused'}`;
  return connected ? 'is on its way to the server' : 'waits here: it goes out when there is a connection';
}

/** What this device was told of an own message. */
function knownWords(tick: Tick | undefined): string {
  if (tick === 'read') return 'everyone else has read it';
  return tick === 'delivered' ? 'everyone else has it' : 'as far as is known here, not everyone has it';
}

function quote(words: string): string {
  return cut(simple(words.slice(0, 300)), quoteColumns);
}
