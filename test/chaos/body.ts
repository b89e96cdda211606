import { inflateRawSync } from 'node:zlib';
import { ContentSchema, fromBinary, SealedSchema, ulidToString } from 'godwit-schemas';

/**
 * The body of every message names its sender and carries its number, so that whoever receives it knows which one it
 * is and that it is whole: `alice:a#17+200|xxxx…` is message 17 of alice's device a, 200 bytes long behind the bar.
 */
export function tokenOf(clientId: string, number: number, bytes: number): string {
  return `${clientId}#${number}+${bytes}`;
}

export function bodyOf(token: string): Buffer {
  const bytes = Number(token.slice(token.indexOf('+') + 1));
  const number = Number(token.slice(token.indexOf('#') + 1, token.indexOf('+')));
  return Buffer.from(`${token}|${String.fromCharCode(97 + (number % 26)).repeat(bytes)}`, 'latin1');
}

/** Who takes a message back says only which one: so the device of the SDK is named, and there is one of a user. */
export const SDK_DEVICE = 's';

/** The token of a deletion: what it deletes is in it. @param id 26 letters */
export function deletionToken(user: string, id: string): string {
  return `${user}:${SDK_DEVICE}#x${id}+0`;
}

/** The token of a body that is whole, plain or as the SDK sends it; undefined: it is not what anyone sent. */
export function readBody(body: Uint8Array): string | undefined {
  return readPlain(body) ?? readSealed(body);
}

/** What an edit says names it; so does the emoji of a reaction. */
function readSealed(body: Uint8Array): string | undefined {
  try {
    const { payload, compression } = fromBinary(SealedSchema, body);
    const { kind } = fromBinary(ContentSchema, compression === 1 ? inflateRawSync(payload) : payload);
    switch (kind.case) {
      case 'text':
        return readText(kind.value.text);
      case 'edit':
        return kind.value.content.case === 'text' ? readText(kind.value.content.value.text) : undefined;
      case 'reaction':
        return kind.value.emoji;
      case 'deletion':
        return deletionToken(kind.value.target!.from, ulidToString(kind.value.target!.id));
    }
  } catch {
    // No body of the SDK's: nobody sent it.
  }
  return undefined;
}

export function readText(text: string): string | undefined {
  return readPlain(Buffer.from(text, 'latin1'));
}

export function readPlain(body: Uint8Array): string | undefined {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const token = bytes.toString('latin1', 0, Math.max(bytes.indexOf('|'), 0));
  return /^[\w-]+:[\w-]+#\d+\+\d{1,5}$/.test(token) && bodyOf(token).equals(bytes) ? token : undefined;
}

/** The device that sent it, as `user:device`. */
export function senderOf(token: string): string {
  return token.slice(0, token.indexOf('#'));
}

export function numberOf(token: string): number {
  return Number(token.slice(token.indexOf('#') + 1, token.indexOf('+')));
}
