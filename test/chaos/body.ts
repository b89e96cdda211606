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

/** The token of a body that is whole; undefined: it is not what anyone sent. */
export function readBody(body: Uint8Array): string | undefined {
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
