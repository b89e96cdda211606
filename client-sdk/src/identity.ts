import { Code, GodwitError, validDeviceId, validUserId, type FillRandom } from 'godwit-schemas';
import { decodeRecord, encodeRecord, keys } from './records.js';
import type { Store } from './store.js';
import { claimsOf, type Tokens } from './token.js';

/** Who a store belongs to. */
export interface Identity {
  user: string;
  device: string;
}

interface Kept extends Identity {
  /** Of the layout of the store. */
  format: number;
}

const format = 1;
const letters = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * Reads the identity in the store, or makes it: a store that is lost is a new device.
 * @throws GodwitError CONFLICT when the store belongs to another user or device, MALFORMED for a bad id, UNAUTHENTICATED
 * when nobody says who the user is.
 */
export async function identify(store: Store, wanted: Partial<Identity>, tokens: Tokens, random: FillRandom): Promise<Identity> {
  if (wanted.user !== undefined && !validUserId(wanted.user)) throw new GodwitError(Code.MALFORMED, `not a user id: ${wanted.user}`);
  if (wanted.device !== undefined && !validDeviceId(wanted.device)) throw new GodwitError(Code.MALFORMED, `not a device id: ${wanted.device}`);
  const record = await store.get(keys.identity);
  if (record) {
    const kept = decodeRecord<Kept>(record).head;
    if (kept.format !== format) throw new GodwitError(Code.CONFLICT, `the store has format ${kept.format}, this version reads ${format}`);
    for (const what of ['user', 'device'] as const) {
      const other = wanted[what];
      if (other !== undefined && other !== kept[what]) throw new GodwitError(Code.CONFLICT, `the store belongs to the ${what} ${kept[what]}, not ${other}`);
    }
    return { user: kept.user, device: kept.device };
  }
  const user = wanted.user ?? claimsOf(await tokens.get()).sub;
  if (user === undefined || !validUserId(user)) throw new GodwitError(Code.UNAUTHENTICATED, 'the token names no user');
  const identity: Identity = { user, device: wanted.device ?? newDeviceId(random) };
  await store.write([{ key: keys.identity, value: encodeRecord({ ...identity, format }) }]);
  return identity;
}

/** 16 letters of base 32: 80 random bits. */
function newDeviceId(random: FillRandom): string {
  const bytes = new Uint8Array(16);
  random(bytes);
  return Array.from(bytes, (byte) => letters[byte & 31]).join('');
}
