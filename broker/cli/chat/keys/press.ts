import { beginEdit, beginReply, discard, possible, react, reactions, sendAgain, sendDraft, takeBack } from '../model/acts.js';
import type { Chat } from '../model/chat.js';
import { chooseInList, chosenOf, command, entryInfo, findElsewhere, help, openNext, showArchived, showList } from '../model/commands.js';
import { archivedRow, stepped } from '../model/conversations.js';
import type { Draft } from '../model/draft.js';
import { compose, type Mode } from '../model/mode.js';
import { clear, setOf } from '../model/settings.js';
import type { Entry } from '../model/talk.js';
import { bottomAt } from '../model/viewport.js';
import type { Key } from './reader.js';

/** What PgUp and PgDn move by where it is not known what there is room for. */
const linesAtATime = 10;

type ListMode = Extract<Mode, { kind: 'list' }>;

/** What a key does, by what is shown. */
export function press(chat: Chat, key: Key): void {
  chat.notice = undefined;
  if (key.name === 'ctrl-c') return chat.hooks.quit();
  if (!anywhere(chat, key)) {
    if (key.name === 'paste' && chat.mode.kind !== 'react') chat.mode = { kind: 'compose' };
    byMode(chat, key);
  }
  chat.hooks.changed();
}

function anywhere(chat: Chat, { name }: Key): boolean {
  switch (name) {
    case 'ctrl-up':
    case 'ctrl-p':
      run(chat, openNext(chat, -1));
      return true;
    case 'ctrl-down':
    case 'ctrl-n':
      run(chat, openNext(chat, 1));
      return true;
    case 'pageup':
      scroll(chat, -1);
      return true;
    case 'pagedown':
      scroll(chat, 1);
      return true;
    default:
      return false;
  }
}

function byMode(chat: Chat, key: Key): void {
  const { mode } = chat;
  switch (mode.kind) {
    case 'compose':
      return inComposer(chat, key);
    case 'list':
      return inList(chat, key, mode, chosenOf(chat));
    case 'select':
      return onMessage(chat, key, mode.key);
    case 'react':
      return onReactions(chat, key, mode.key);
    case 'delete':
      if (key.text === 'y' && chat.chosen?.kind === 'message') takeBack(chat, chat.chosen.message);
      chat.mode = { kind: 'select', key: mode.key };
      return;
    case 'clear':
      chat.mode = compose;
      if (key.text === 'y') run(chat, clear(chat, mode.conversation));
      return;
    case 'results':
      if (key.name === 'up') step(chat, -1);
      else if (key.name === 'down') step(chat, 1);
      else if (key.name === 'enter') run(chat, mode.found.length > 0 ? chat.goTo(mode.found[mode.at], mode) : Promise.resolve());
      else if (key.name === 'tab') run(chat, findElsewhere(chat, mode));
      else toComposer(chat, key);
      return;
    case 'panel':
      if (key.name === 'up') step(chat, -1);
      else if (key.name === 'down') step(chat, 1);
      else if (key.name === 'escape') chat.mode = mode.back;
      else toComposer(chat, key);
      return;
  }
}

/** Keys of the line that is written, as in a shell. */
const editing: ReadonlyMap<string, (draft: Draft) => Draft> = new Map([
  ['left', (draft: Draft) => draft.left()],
  ['ctrl-b', (draft: Draft) => draft.left()],
  ['right', (draft: Draft) => draft.right()],
  ['ctrl-f', (draft: Draft) => draft.right()],
  ['ctrl-left', (draft: Draft) => draft.wordLeft()],
  ['meta-b', (draft: Draft) => draft.wordLeft()],
  ['ctrl-right', (draft: Draft) => draft.wordRight()],
  ['meta-f', (draft: Draft) => draft.wordRight()],
  ['home', (draft: Draft) => draft.home()],
  ['ctrl-a', (draft: Draft) => draft.home()],
  ['end', (draft: Draft) => draft.end()],
  ['ctrl-e', (draft: Draft) => draft.end()],
  ['ctrl-u', (draft: Draft) => draft.killToStart()],
  ['ctrl-k', (draft: Draft) => draft.killToEnd()],
  ['ctrl-w', (draft: Draft) => draft.killWord()],
  ['meta-backspace', (draft: Draft) => draft.killWord()],
  ['backspace', (draft: Draft) => draft.backspace()],
  ['ctrl-h', (draft: Draft) => draft.backspace()],
  ['delete', (draft: Draft) => draft.delete()],
  ['ctrl-d', (draft: Draft) => draft.delete()],
  ['ctrl-j', (draft: Draft) => draft.insert('\n')],
  ['meta-enter', (draft: Draft) => draft.insert('\n')],
]);

function inComposer(chat: Chat, { name, text }: Key): void {
  const { draft } = chat;
  if (name === 'ctrl-d' && draft.text === '') return chat.hooks.quit();
  const edit = editing.get(name);
  if (edit) chat.draft = edit(draft);
  else if (text !== '') write(chat, text);
  else if (name === 'enter') enter(chat);
  else if (name === 'tab') showList(chat);
  else if (name === 'up') choose(chat, chat.entries().length - 1);
  else if (name === 'escape') {
    chat.leavePurpose();
    chat.mode = compose;
    chat.bottom = undefined;
  }
}

function write(chat: Chat, text: string): void {
  chat.draft = chat.draft.insert(text);
  if (chat.talk && !chat.draft.text.startsWith('/')) chat.client.typing(chat.talk.conversation);
}

function enter(chat: Chat): void {
  const line = chat.draft.text.trim();
  if (line.startsWith('/') && !chat.purpose && command(chat, line)) return;
  if (!chat.talk && line !== '') return chat.note('no conversation is open: /open bob begins one');
  chat.mode = compose;
  sendDraft(chat);
}

/** As with a message that is chosen, letters are keys, and are not written. */
function inList(chat: Chat, key: Key, { archived }: ListMode, at: string | undefined): void {
  const back = key.name === 'escape' || key.name === 'tab' || key.text === 'q';
  if (key.name === 'up') step(chat, -1);
  else if (key.name === 'down') step(chat, 1);
  else if (key.name === 'enter' && at === archivedRow) showArchived(chat);
  else if (key.name === 'enter' && at !== undefined) run(chat, chat.open(at));
  else if (back && archived) chat.mode = { kind: 'list', at: archivedRow };
  else if (key.text === '?') help(chat);
  else if (key.text === '/' || (chat.talk && (back || key.name !== 'text'))) toComposer(chat, key);
  else if (at !== undefined && at !== archivedRow) onConversation(chat, key, at);
}

function onConversation(chat: Chat, { text }: Key, at: string): void {
  const { mutedUntilMs, archived, pinned } = chat.list.get(at)!;
  if (text === 'm') run(chat, setOf(chat, at, { mutedUntilMs: mutedUntilMs > 0 ? 0 : Infinity }));
  else if (text === 'p') run(chat, setOf(chat, at, { pinned: !pinned }));
  else if (text === 'a') {
    // It goes out of what is shown: the next one is chosen then.
    const rows = chat.list.rows(archived);
    chat.mode = { kind: 'list', archived, at: stepped(rows, at, at === rows.at(-1) ? -1 : 1) };
    run(chat, setOf(chat, at, { archived: !archived }));
  }
}

function onMessage(chat: Chat, key: Key, chosen: string): void {
  const entries = chat.entries();
  const at = entries.findIndex((entry) => entry.key === chosen);
  const entry: Entry | undefined = entries[at];
  const can = possible(entry);
  const message = entry?.kind === 'message' ? entry.message : undefined;
  if (key.name === 'up') choose(chat, at - 1);
  else if (key.name === 'down') at === entries.length - 1 ? leaveSelection(chat) : choose(chat, at + 1);
  else if (key.name === 'home') choose(chat, 0);
  else if (key.name === 'end' || key.name === 'escape' || key.name === 'enter' || key.name === 'tab') leaveSelection(chat);
  else if (key.text === '?') help(chat);
  else if (key.text === 'i' && can.info) run(chat, entryInfo(chat, entry));
  else if (key.text === '/' && chat.draft.text === '') beginAbout(chat, chosen);
  else if (key.text === 'r' && message && can.reply) beginReply(chat, message);
  else if (key.text === 'e' && message && can.edit) beginEdit(chat, message);
  else if (key.text === 'd' && can.delete) chat.mode = { kind: 'delete', key: chosen };
  else if ((key.text === 't' || key.text === '+') && can.react) chat.mode = { kind: 'react', key: chosen };
  else if (key.text === 's' && entry?.kind === 'waiting' && can.again) sendAgain(chat, entry.sent);
  else if (key.text === 'x' && entry?.kind === 'waiting' && can.again) discard(chat, entry.sent);
}

function onReactions(chat: Chat, { text }: Key, chosen: string): void {
  const { chosen: entry } = chat;
  const emoji = /^[1-8]$/.test(text) ? reactions[Number(text) - 1] : text.trim();
  // Letters are most often a key that was meant for something else.
  if (entry?.kind === 'message' && /[^\u0000-\u007f]/.test(emoji)) react(chat, entry.message, emoji);
  chat.mode = { kind: 'select', key: chosen };
}

function choose(chat: Chat, at: number): void {
  const entry = chat.entries().at(Math.max(0, at));
  if (entry) chat.mode = { kind: 'select', key: entry.key };
}

/** A command is begun with a message chosen: it may be about that one. */
function beginAbout(chat: Chat, chosen: string): void {
  chat.mode = { kind: 'compose', about: chosen };
  write(chat, '/');
}

function leaveSelection(chat: Chat): void {
  chat.bottom = undefined;
  chat.mode = { kind: 'compose' };
}

/** Back to the composer; what was typed is written there. */
function toComposer(chat: Chat, key: Key): void {
  chat.mode = { kind: 'compose' };
  if (key.name === 'paste' || (key.name === 'text' && key.text !== 'q')) write(chat, key.text);
}

/** Further up or down in what has lines of its own. @returns false: nothing of that kind is shown */
function step(chat: Chat, steps: number): boolean {
  const { mode } = chat;
  if (mode.kind === 'list') chooseInList(chat, steps);
  else if (mode.kind === 'results') chat.mode = { ...mode, at: Math.max(0, Math.min(mode.found.length - 1, mode.at + steps)) };
  else if (mode.kind === 'panel') chat.mode = { ...mode, from: Math.max(0, Math.min(mode.lines.length, mode.from + steps)) };
  else return false;
  return true;
}

/** A page up or down, one row of it kept in sight. */
function scroll(chat: Chat, pages: number): void {
  if (step(chat, pages * linesAtATime)) return;
  const { rows, end, height } = chat.view;
  if (chat.mode.kind === 'select') chat.mode = { kind: 'compose' };
  chat.bottom = bottomAt(rows, Math.max(Math.min(height, rows.length), end + pages * Math.max(1, height - 1)));
}

function run(chat: Chat, doing: Promise<void>): void {
  doing.then(chat.hooks.changed, chat.complain);
}
