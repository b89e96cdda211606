import type { Client, Message } from 'godwit-client';
import { wordsOf } from '../words.js';
import { placeOf } from './talk.js';

/** Places read at a time. */
const page = 256;
/** More are of no use to whoever searches. */
const mostFound = 200;

/** Without case, and without what stands above and below letters. */
function folded(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}

/** Whether a text has all the words in it. */
export function matches(text: string, query: string): boolean {
  const searched = folded(text);
  return folded(query).split(/\s+/).every((word) => searched.includes(word));
}

/** What was said with all the words of the query in it, the newest 200 of them, oldest first. */
export async function search(client: Pick<Client, 'messages'>, conversation: string, query: string): Promise<Message[]> {
  const found: Message[] = [];
  let before: number | undefined;
  for (;;) {
    const shown = await client.messages(conversation, { limit: page, ...(before !== undefined && { before }) });
    for (const one of shown.toReversed()) {
      if (one.type === 'message' && one.content.kind !== 'deleted' && matches(wordsOf(one).words, query)) found.push(one);
    }
    if (shown.length < page || found.length >= mostFound) return found.slice(0, mostFound).reverse();
    before = placeOf(shown[0]);
  }
}
