import { createInterface } from 'node:readline';
import { directConversation } from 'godwit-schemas';
import type { ConnectionChange, GodwitError, Sent, Shown } from 'godwit-client';
import { CommandError } from '../errors.js';
import { clock } from '../times.js';
import { gapText } from './gap.js';
import { lastOwn, receiptLines } from './receipts.js';
import type { ChatSession } from './session.js';
import { harmless } from './text.js';
import { wordsOf } from './words.js';

/** Without a connection for this long, what is not sent is left in the store. */
const patienceMs = 30_000;

/**
 * The talk through pipes: every line that comes in is sent, every message is a line that goes out. `/info` alone on a
 * line prints what became of the last message before it; what comes behind it waits for that. Resolves when the input
 * has ended and everything was accepted.
 * @throws CommandError when something was refused, or could not be sent in time
 */
export async function chatThroughPipes(session: ChatSession, other: string): Promise<void> {
  const { client, me, notes } = session;
  for (const note of notes) process.stderr.write(`${note}\n`);
  const conversation = directConversation(me, other);
  const show = (shown: Shown): void => {
    if (shown.type === 'undecodable' ? shown.message?.conversation !== conversation : shown.conversation !== conversation) return;
    print(shown);
    if (shown.type === 'message' && !shown.own) client.markRead(other, shown.seq).catch(complain);
  };
  client.on('message', show);
  client.on('gap', show);
  client.on('undecodable', show);
  client.on('error', ({ error }) => complain(error));
  const given = new Patience();
  client.on('connection', (change) => given.changed(change));
  const connected = client.connect();
  connected.catch(() => {}); // `given` hears of it

  const results: Promise<void>[] = [];
  let answered = true;
  const input = createInterface({ input: process.stdin, terminal: false });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => input.close());
  for await (const line of input) {
    if (process.stdin.isTTY && line.trim() === '/quit') break;
    if (line.trim() === '/info') {
      const told = infoAfter([connected, ...results], client, conversation).catch(complain);
      answered = (await Promise.race([told.then(() => true), given.up])) ?? false;
    } else if (line.trim() !== '') {
      const result = accepted(client.send(other, line), line, me);
      result.catch(() => {}); // it is told of at the end, which may be far
      results.push(result);
    }
  }
  const outcomes = await Promise.race([Promise.allSettled(results), given.up]);
  await client.close();
  if (outcomes === undefined) throw new CommandError(`not sent yet: ${given.why}; it waits in ${session.folder} and goes out with the next chat`);
  if (!answered) throw new CommandError(`/info has no answer: ${given.why}`);
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  if (refused.length > 0) throw new CommandError(`not sent: ${(refused[0].reason as GodwitError).message}${refused.length > 1 ? ` (and ${refused.length - 1} more)` : ''}`);
}

/** Prints an own message once the server has it. */
async function accepted(sent: Sent, text: string, me: string): Promise<void> {
  const { sentAtMs } = await sent.until('sent');
  printLine(sentAtMs ?? Date.now(), `${me} ✓`, text);
}

/** Says what became of the last own message, once what was written before is accepted or refused. */
async function infoAfter(before: readonly Promise<void>[], client: ChatSession['client'], conversation: string): Promise<void> {
  await Promise.allSettled(before);
  const last = await lastOwn(client, conversation);
  for (const line of last ? await receiptLines(client, last) : ['you have written nothing here lately']) process.stdout.write(`- ${harmless(line)}\n`);
}

/** Gives up after a while without a connection, and at once when the token is refused. */
class Patience {
  why = '';
  #timer: NodeJS.Timeout | undefined;
  #giveUp!: (nothing: undefined) => void;
  readonly up = new Promise<undefined>((resolve) => (this.#giveUp = resolve));

  changed({ state, error }: ConnectionChange): void {
    if (state === 'closed') return;
    if (state === 'connected') {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      return;
    }
    this.why = whyNot(state, error);
    if (state === 'signed-out' || state === 'taken-over') this.#giveUp(undefined);
    else this.#timer ??= setTimeout(() => this.#giveUp(undefined), patienceMs).unref();
  }
}

function whyNot(state: ConnectionChange['state'], error: Error | undefined): string {
  if (state === 'signed-out') return 'the server refused the token';
  if (state === 'taken-over') return 'this device is connected elsewhere';
  return `no connection (${error?.message ?? 'no answer'})`;
}

function print(shown: Shown): void {
  if (shown.type === 'gap') return void process.stdout.write(`- ${gapText(shown)}\n`);
  const message = shown.type === 'message' ? shown : shown.message;
  if (message) printLine(message.sentAtMs, message.from, wordsOf(message).words);
}

function printLine(atMs: number, who: string, text: string): void {
  process.stdout.write(`${clock(atMs)} ${who}: ${harmless(text).replaceAll('\n', '\n  ')}\n`);
}

function complain(error: Error): void {
  process.stderr.write(`godwit: ${error.message}\n`);
}
