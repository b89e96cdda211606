import { Code, GodwitError, parseUlid, ulidToString } from 'godwit-schemas';

/** The 16 bytes of an id of 26 letters. @throws GodwitError MALFORMED */
export function idBytes(id: string): Uint8Array {
  const bytes = parseUlid(id);
  if (!bytes) throw new GodwitError(Code.MALFORMED, `not a message id: ${id}`);
  return bytes;
}

/** The 26 letters of an id. A foreign client's id need not be a ULID, but has 16 bytes. */
export function idText(id: Uint8Array): string {
  return ulidToString(id);
}
