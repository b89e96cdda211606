import type { Message, Shown } from 'godwit-client';
import { ContentSchema, create, createUlid, parseUlid, SealedSchema, toBinary, type MessageInitShape } from 'godwit-schemas';

type ContentInit = MessageInitShape<typeof ContentSchema>;
type Kind = NonNullable<ContentInit['kind']>;

const newId = createUlid();

/** What another device publishes. */
export interface Body {
  id: Uint8Array;
  body: Uint8Array;
  flags?: number;
  expiresInS?: number;
}

/** A Message of an SDK that says this. */
export function saying(kind: Kind, more: Partial<Body> & { replyTo?: ContentInit['replyTo'] } = {}): Body {
  const { replyTo, ...rest } = more;
  return { id: newId(), body: sealed({ payload: encoded({ kind, ...(replyTo && { replyTo }) }) }), ...rest };
}

export function text(text: string, more: Partial<Body> = {}): Body {
  return saying({ case: 'text', value: { text } }, more);
}

export function encoded(content: ContentInit): Uint8Array {
  return toBinary(ContentSchema, create(ContentSchema, content));
}

export function sealed(init: MessageInitShape<typeof SealedSchema>): Uint8Array {
  return toBinary(SealedSchema, create(SealedSchema, init));
}

interface Named {
  from: string;
  id: string | Uint8Array;
}

const target = ({ from, id }: Named) => ({ from, id: typeof id === 'string' ? parseUlid(id)! : id });

export const kinds = {
  reaction: (to: Named, emoji: string, remove = false): Kind => ({ case: 'reaction', value: { target: target(to), emoji, remove } }),
  edit: (of: Named, text: string): Kind => ({ case: 'edit', value: { target: target(of), content: { case: 'text', value: { text } } } }),
  deletion: (of: Named): Kind => ({ case: 'deletion', value: { target: target(of) } }),
};

/** What is seen of messages: what they say, and who reacted how. */
export function seen(shown: readonly Shown[]): string[] {
  return shown.map((one) => (one.type === 'message' ? seenOf(one) : one.type));
}

export function seenOf({ text, content, editedAtMs, reactions }: Message): string {
  const said = text ?? `(${content.kind})`;
  const reacted = reactions.map(({ emoji, users }) => ` ${emoji}${users.join('+')}`).join('');
  return `${said}${editedAtMs === undefined ? '' : '*'}${reacted}`;
}
