import { Code, directConversation, GodwitError, parseConversation, validUserId } from 'godwit-schemas';
import type { CustomContent, Reference, SendContent, TextContent } from './content.js';
import { encodeContent, encodeDeletion, encodeEdit, encodeReaction } from './content-encode.js';
import { idText } from './ids.js';
import type { QueuedHead } from './lane.js';
import type { MessageRef, SendOptions } from './options.js';
import { isFeed } from './places.js';
import type { Sent } from './sent.js';
import { flags } from './stored-message.js';

const utf8 = new TextEncoder();

export interface ComposerHooks {
  user(): string;
  newId(): Uint8Array;
  serverTimeMs(): number;
  /** Takes a message into the outbox. */
  take(head: QueuedHead, bytes: Uint8Array): Sent;
}

/** Makes messages of what the app asks `Client` for, which says what each method does and throws. */
export class Composer {
  constructor(private readonly hooks: ComposerHooks) {}

  send(to: string, content: string | Uint8Array | SendContent, options: SendOptions): Sent {
    return this.#put(to, 'content', encodeContent(content), options);
  }

  reply(to: string, message: MessageRef | Reference, content: string | Uint8Array | SendContent, options: SendOptions): Sent {
    if ('conversation' in message && message.conversation !== conversationOf(this.hooks.user(), to)) {
      throw new GodwitError(Code.MALFORMED, `the message is of another conversation: ${message.conversation}`);
    }
    return this.#put(to, 'content', encodeContent(content, this.#reference(message)), options);
  }

  edit(message: MessageRef, content: string | TextContent | CustomContent): Sent {
    return this.#fold(message, encodeEdit(this.#own(message), content));
  }

  delete(message: MessageRef): Sent {
    return this.#fold(message, encodeDeletion(this.#own(message)));
  }

  react(message: MessageRef, emoji: string, remove: boolean): Sent {
    return this.#fold(message, encodeReaction(this.#reference(message), emoji, remove));
  }

  sendRaw(to: string, content: string | Uint8Array, options: SendOptions): Sent {
    return this.#put(to, 'bare', typeof content === 'string' ? utf8.encode(content) : content.slice(), options);
  }

  #put(to: string, kind: QueuedHead['kind'], bytes: Uint8Array, { silent = false, expiresInS = 0 }: SendOptions): Sent {
    if (!Number.isInteger(expiresInS) || expiresInS < 0 || expiresInS > 0xffff_ffff) throw new GodwitError(Code.MALFORMED, `not a time in seconds: ${expiresInS}`);
    const conversation = conversationOf(this.hooks.user(), to);
    if (isFeed(conversation)) throw new GodwitError(Code.MALFORMED, 'nobody writes into a feed');
    const bits = (kind === 'bare' ? flags.bare : 0) | (silent ? flags.silent : 0);
    return this.hooks.take({ id: idText(this.hooks.newId()), conversation, kind, flags: bits, expiresInS }, bytes);
  }

  #fold(message: MessageRef, bytes: Uint8Array): Sent {
    // What it says, and what is said about it, is not to outlive it.
    const { expiresAtMs, expiresInS = 0 } = message;
    const leftS = expiresAtMs === undefined ? expiresInS : Math.max(1, Math.ceil((expiresAtMs - this.hooks.serverTimeMs()) / 1_000));
    return this.#put(message.conversation, 'content', bytes, { silent: true, expiresInS: leftS });
  }

  #reference({ from = this.hooks.user(), id }: Partial<Reference> & { id: string }): Reference {
    return { from, id };
  }

  /** @throws GodwitError NOT_ALLOWED when it is someone else's. */
  #own(message: MessageRef): Reference {
    const reference = this.#reference(message);
    if (reference.from !== this.hooks.user()) throw new GodwitError(Code.NOT_ALLOWED, `the message is of ${reference.from}: only its sender may change it`);
    return reference;
  }
}

/** The conversation that a user or a conversation's name stands for. @throws GodwitError MALFORMED when it is neither, or not one of this user's. */
export function conversationOf(user: string, name: string): string {
  if (validUserId(name)) return directConversation(user, name);
  const parsed = parseConversation(name);
  if (!parsed || (parsed.kind === 'direct' && !parsed.users.includes(user))) {
    throw new GodwitError(Code.MALFORMED, `neither a user nor a conversation of ${user}: ${name}`);
  }
  return name;
}

/** The same of what is no feed. @throws GodwitError MALFORMED */
export function sharedConversation(user: string, name: string): string {
  const conversation = conversationOf(user, name);
  if (isFeed(conversation)) throw new GodwitError(Code.MALFORMED, 'a feed is no conversation');
  return conversation;
}

/** @throws GodwitError MALFORMED */
export function checkPlace(seq: number): void {
  if (!Number.isSafeInteger(seq) || seq < 0) throw new GodwitError(Code.MALFORMED, `not a place: ${seq}`);
}

export function closedError(): GodwitError {
  return new GodwitError(Code.UNAVAILABLE, 'the client is closed');
}
