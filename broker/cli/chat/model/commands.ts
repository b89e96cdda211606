import { directConversation, groupConversation, validUserId } from 'godwit-schemas';
import { lastOwn, receiptLines, type Subject } from '../receipts.js';
import { harmless, simple } from '../text.js';
import type { Chat } from './chat.js';
import { archivedRow, stepped } from './conversations.js';
import { emptyDraft } from './draft.js';
import { groupOf, memberLines } from './groups.js';
import { helpLines } from './help.js';
import { compose, type Mode, type Results } from './mode.js';
import { askClear, muteFor, setOpen, settingsWords } from './settings.js';
import type { Entry } from './talk.js';

type Command = (chat: Chat, argument: string) => void | Promise<void>;

const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['open', openUser],
  ['search', search],
  ['group', makeGroup],
  ['add', (chat, users) => changeMembers(chat, 'groups.add', users)],
  ['remove', (chat, users) => changeMembers(chat, 'groups.remove', users)],
  ['admin', (chat, users) => changeMembers(chat, 'groups.promote', users)],
  ['leave', leaveGroup],
  ['mute', muteFor],
  ['unmute', (chat) => muteFor(chat, 'off')],
  ['pin', (chat) => setOpen(chat, { pinned: true })],
  ['unpin', (chat) => setOpen(chat, { pinned: false })],
  ['archive', (chat) => setOpen(chat, { archived: true })],
  ['unarchive', (chat) => setOpen(chat, { archived: false })],
  ['archived', (chat) => showArchived(chat)],
  ['clear', (chat) => askClear(chat)],
  ['list', (chat) => showList(chat)],
  ['info', info],
  ['help', (chat) => help(chat)],
  ['quit', (chat) => chat.hooks.quit()],
]);

/** Does what a line that begins with / asks for. @returns false: it is no command, but something to be sent */
export function command(chat: Chat, line: string): boolean {
  const [, name, argument] = /^\/([a-z]+)(?:\s+(.*))?$/s.exec(line) ?? [];
  if (name === undefined) return false;
  const does = commands.get(name);
  if (!does && argument !== undefined) return false;
  const { about } = chat;
  chat.draft = emptyDraft;
  if (chat.mode.kind === 'compose') chat.mode = compose;
  if (name === 'info' && subjectOf(about)) void entryInfo(chat, about).then(chat.hooks.changed, chat.complain);
  else if (!does) chat.note(`there is no /${name}: /help says what there is`);
  else void Promise.resolve(does(chat, argument?.trim() ?? '')).then(chat.hooks.changed, chat.complain);
  return true;
}

/** The list of conversations, with the open one chosen. */
export function showList(chat: Chat): void {
  const open = chat.talk?.conversation;
  const archived = open !== undefined && chat.list.get(open)?.archived === true;
  chat.mode = { kind: 'list', at: archived ? archivedRow : open };
}

export function showArchived(chat: Chat): void {
  if (chat.list.list(true).length === 0) return chat.note('nothing is archived');
  const open = chat.talk?.conversation;
  chat.mode = { kind: 'list', at: open, archived: true };
}

/** Of the list, what Enter opens: the first row until another is chosen. */
export function chosenOf({ mode, list }: Chat): string | undefined {
  if (mode.kind !== 'list') return undefined;
  const rows = list.rows(mode.archived);
  return mode.at !== undefined && rows.includes(mode.at) ? mode.at : rows[0];
}

/** Another row of the list is chosen. */
export function chooseInList(chat: Chat, steps: number): void {
  const { mode } = chat;
  if (mode.kind === 'list') chat.mode = { ...mode, at: stepped(chat.list.rows(mode.archived), chosenOf(chat), steps) };
}

/** The conversation that many steps further down in the list. */
export async function openNext(chat: Chat, steps: number): Promise<void> {
  const next = chat.list.next(chat.talk?.conversation, steps);
  if (next !== undefined) await chat.open(next);
}

export function help(chat: Chat): void {
  panel(chat, 'Help', helpLines);
}

async function openUser(chat: Chat, user: string): Promise<void> {
  if (!validUserId(user)) return chat.note('/open takes the id of a user: 1 to 64 of A-Z a-z 0-9 _ -');
  const notes = await chat.hooks.introduce(user);
  await chat.open(directConversation(chat.me, user));
  if (notes.length > 0) chat.note(notes.join('; '));
}

/** The name is one word, or stands in quotes. */
async function makeGroup(chat: Chat, argument: string): Promise<void> {
  const [, quoted, word, rest] = /^(?:"([^"]+)"|(\S+))\s*(.*)$/s.exec(argument) ?? [];
  const name = quoted ?? word;
  const members = usersOf(rest ?? '');
  if (name === undefined || members.length === 0) return chat.note('/group takes a name and who is in it: /group Birds bob carol');
  for (const user of members) await chat.hooks.introduce(user);
  const { group } = await chat.client.call('groups.create', { settings: { name }, members });
  chat.groups.learn(group);
  await chat.open(groupConversation(group!.group));
}

async function changeMembers(chat: Chat, method: 'groups.add' | 'groups.remove' | 'groups.promote', argument: string): Promise<void> {
  const group = openGroup(chat);
  const users = usersOf(argument);
  if (group === undefined) return;
  if (users.length === 0) return chat.note('who? It takes the ids of users');
  if (method === 'groups.add') for (const user of users) await chat.hooks.introduce(user);
  const { changed } = await chat.client.call(method, { group, users });
  if (changed.length === 0) chat.note('it is so already');
}

async function leaveGroup(chat: Chat): Promise<void> {
  const group = openGroup(chat);
  if (group !== undefined) await chat.client.call('groups.leave', { group });
}

/** Who has the last own message, who is in the group, and who and where one is. */
async function info(chat: Chat): Promise<void> {
  const { talk, client } = chat;
  if (!talk) return panel(chat, 'Who and where you are', chat.hooks.info());
  const { conversation } = talk;
  const last = await lastOwn(client, conversation);
  const receipts = last ? await receiptLines(client, last) : ['you have written nothing here lately'];
  const set = settingsWords(chat.list.get(conversation)!, client.serverTimeMs());
  const members = groupOf(conversation) === '' ? [] : ['', ...(await membersOf(chat, groupOf(conversation)))];
  if (chat.talk === talk) panel(chat, chat.title(conversation), [...(set === '' ? [] : [set, '']), ...receipts, ...members, '', ...chat.hooks.info()]);
}

/** Who has this message. */
export async function entryInfo(chat: Chat, entry: Entry | undefined): Promise<void> {
  const subject = subjectOf(entry);
  if (!subject || !entry) return;
  const { talk } = chat;
  const lines = await receiptLines(chat.client, subject);
  if (chat.talk === talk) panel(chat, 'Who has it', lines, { kind: 'select', key: entry.key });
}

/** undefined: it is nothing that anyone wrote. */
function subjectOf(entry: Entry | undefined): Subject | undefined {
  if (entry?.kind === 'waiting') return entry.sent;
  return entry?.kind === 'message' && entry.message.content.kind !== 'event' ? entry.message : undefined;
}

async function membersOf({ client, groups }: Chat, group: string): Promise<string[]> {
  if (client.connection !== 'connected') return ['offline: the server cannot be asked who is in the group'];
  try {
    const { group: known } = await client.call('groups.get', { group });
    groups.learn(known);
    return memberLines(known!);
  } catch (error) {
    return [`who is in the group is not known: ${(error as Error).message}`];
  }
}

/** undefined: none is open, which is said. */
function openGroup(chat: Chat): string | undefined {
  const group = groupOf(chat.talk?.conversation ?? '');
  if (group !== '') return group;
  chat.note('no group is open: /group makes one');
  return undefined;
}

function usersOf(argument: string): string[] {
  return argument.split(/[\s,]+/).filter((user) => user !== '');
}

async function search(chat: Chat, query: string): Promise<void> {
  if (query === '') return chat.note('/search takes the words to look for');
  await find(chat, query);
}

/** @param here only in this conversation */
async function find(chat: Chat, query: string, here?: string): Promise<void> {
  const { mode, draft } = chat;
  chat.note(`looking for ${query}`);
  const found = await chat.finder.find(query, here);
  // Something else was done meanwhile.
  if (chat.mode !== mode || chat.draft !== draft) return;
  chat.notice = undefined;
  if (found.length === 0) return chat.note(`nothing ${here === undefined ? 'that is stored here' : 'in this conversation'} says ${query}`);
  chat.mode = { kind: 'results', query, here, found, at: 0 };
}

/** The same words in the open conversation alone, or in all of them again. */
export async function findElsewhere(chat: Chat, { query, here }: Results): Promise<void> {
  const open = chat.talk?.conversation;
  if (here === undefined && open === undefined) return chat.note('no conversation is open');
  await find(chat, query, here === undefined ? open : undefined);
}

/** Lines to be looked at; others may have written some of them. @param back where Esc leads */
function panel(chat: Chat, title: string, lines: readonly string[], back: Mode = compose): void {
  chat.mode = { kind: 'panel', title: simple(title), lines: lines.map(harmless), from: 0, back };
}
