import { type Message, type Sent } from 'godwit-client';
import type { Chat } from './chat.js';
import { Draft, emptyDraft } from './draft.js';
import type { Entry } from './talk.js';

/** Reactions that are a digit away. All are two columns wide on every terminal. */
export const reactions = ['👍', '🎉', '😂', '😮', '😢', '🙏', '🔥', '👀'] as const;

/** What can be done with an entry. */
export interface Possible {
  readonly reply: boolean;
  readonly edit: boolean;
  readonly delete: boolean;
  readonly react: boolean;
  /** Send it again, or forget it. */
  readonly again: boolean;
  /** Say who has it. */
  readonly info: boolean;
}

export function possible(entry: Entry | undefined): Possible {
  const message = entry?.kind === 'message' && entry.message.content.kind !== 'deleted' && entry.message.content.kind !== 'event' ? entry.message : undefined;
  const own = message?.own ?? false;
  return {
    reply: message !== undefined,
    react: message !== undefined,
    edit: own && message?.content.kind === 'text',
    delete: own,
    again: entry?.kind === 'waiting' && entry.sent.state === 'failed',
    info: own || entry?.kind === 'waiting',
  };
}

/** Sends the draft: as a message, an answer, or what another one says from now on. */
export function sendDraft(chat: Chat): void {
  const { client, talk, purpose } = chat;
  const text = chat.draft.text.trim();
  if (!talk || text === '') return;
  tell(chat, () => {
    if (purpose?.kind === 'edit') {
      if (text !== purpose.of.text) client.edit(purpose.of, text);
    } else {
      const sent = purpose ? client.reply(talk.conversation, purpose.to, text) : client.send(talk.conversation, text);
      talk.wait(sent, text, client.serverTimeMs(), purpose?.to);
    }
    chat.draft = purpose?.kind === 'edit' ? purpose.kept : emptyDraft;
    chat.purpose = undefined;
    chat.bottom = undefined;
  });
}

export function beginReply(chat: Chat, to: Message): void {
  chat.leavePurpose();
  chat.purpose = { kind: 'reply', to };
  chat.mode = { kind: 'compose' };
}

export function beginEdit(chat: Chat, of: Message): void {
  chat.leavePurpose();
  chat.purpose = { kind: 'edit', of, kept: chat.draft };
  chat.draft = new Draft(of.text!);
  chat.mode = { kind: 'compose' };
}

/** Reacts, or takes the same reaction back. */
export function react(chat: Chat, message: Message, emoji: string): void {
  const has = message.reactions.some((one) => one.emoji === emoji && one.users.includes(chat.me));
  tell(chat, () => (has ? chat.client.unreact(message, emoji) : chat.client.react(message, emoji)));
}

export function takeBack(chat: Chat, message: Message): void {
  tell(chat, () => chat.client.delete(message));
}

export function sendAgain(chat: Chat, sent: Sent): void {
  sent.retry().catch(chat.complain);
}

export function discard(chat: Chat, sent: Sent): void {
  sent.discard().then(() => {
    chat.talk?.forget(sent.id);
    chat.hooks.changed();
  }, chat.complain);
}

/** What is refused at once is said, and changes nothing. */
function tell(chat: Chat, act: () => void): void {
  try {
    act();
  } catch (error) {
    chat.complain(error);
  }
}
