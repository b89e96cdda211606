import { directConversation, validUserId } from 'godwit-schemas';
import type { Chat } from './chat.js';
import { emptyDraft } from './draft.js';
import { search } from './search.js';

type Command = (chat: Chat, argument: string) => void | Promise<void>;

const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['open', openUser],
  ['search', find],
  ['list', (chat) => showList(chat)],
  ['info', (chat) => panel(chat, 'Who and where you are', chat.hooks.info())],
  ['help', (chat) => help(chat)],
  ['quit', (chat) => chat.hooks.quit()],
]);

/** Does what a line that begins with / asks for. @returns false: it is no command, but something to be sent */
export function command(chat: Chat, line: string): boolean {
  const [, name, argument] = /^\/([a-z]+)(?:\s+(.*))?$/s.exec(line) ?? [];
  if (name === undefined) return false;
  const does = commands.get(name);
  if (!does && argument !== undefined) return false;
  chat.draft = emptyDraft;
  if (!does) chat.note(`there is no /${name}: /help says what there is`);
  else void Promise.resolve(does(chat, argument?.trim() ?? '')).then(chat.hooks.changed, chat.complain);
  return true;
}

/** The list of conversations, with the open one chosen. */
export function showList(chat: Chat): void {
  chat.mode = { kind: 'list', at: chat.talk?.conversation };
}

/** Of the list, what Enter opens: the first one until another is chosen. */
export function chosenOf({ mode, list }: Chat): string | undefined {
  return mode.kind === 'list' ? (mode.at ?? list.next(undefined, 1)) : undefined;
}

/** The conversation that many steps further down in the list. */
export async function openNext(chat: Chat, steps: number): Promise<void> {
  const next = chat.list.next(chat.talk?.conversation, steps);
  if (next !== undefined) await chat.open(next);
}

export function help(chat: Chat): void {
  panel(chat, 'Help', [
    'Enter sends, Alt-Enter begins a new line.',
    '↑ ↓         choose a message, and then',
    '            r replies    t reacts',
    '            e edits      d deletes',
    '            s sends again    x discards',
    'PgUp PgDn   further back, and forth',
    'Tab         the conversations',
    'Ctrl-↑ ↓    the one before or after',
    'Ctrl-C      leaves; what waits goes out later',
    '',
    '/open bob       talks with bob',
    '/search words   looks for what was said here',
    '/list  /info  /help  /quit',
    '',
    '· waits here   ✓ sent   ✓✓ delivered   ✗ refused',
    'blue ✓✓ (or ✔✔) read',
  ]);
}

async function openUser(chat: Chat, user: string): Promise<void> {
  if (!validUserId(user)) return chat.note('/open takes the id of a user: 1 to 64 of A-Z a-z 0-9 _ -');
  const notes = await chat.hooks.introduce(user);
  await chat.open(directConversation(chat.me, user));
  if (notes.length > 0) chat.note(notes.join('; '));
}

async function find(chat: Chat, query: string): Promise<void> {
  const { talk } = chat;
  if (!talk) return chat.note('/search looks in the open conversation: open one first');
  if (query === '') return chat.note('/search takes the words to look for');
  const found = await search(chat.client, talk.conversation, query);
  if (chat.talk !== talk) return;
  if (found.length === 0) return chat.note(`nothing here says ${query}`);
  chat.mode = { kind: 'results', query, found, at: found.length - 1 };
}

function panel(chat: Chat, title: string, lines: readonly string[]): void {
  chat.mode = { kind: 'panel', title, lines, from: 0 };
}
