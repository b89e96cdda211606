import { createPublicKey, type KeyObject } from 'node:crypto';
import { compactVerify, errors, type CryptoKey } from 'jose';
import { Code } from 'godwit-schemas';
import type { MaybePromise } from '../../broker/ports/conversation-log.js';
import type { Refusal } from '../../broker/ports/plugin.js';
import { unauthenticated } from './claims.js';
import type { Keys } from './jwks.js';
import { Hs256, type Token } from './token.js';

/** Whether the signature is good: undefined, or why not. */
export type Verify = (text: string, token: Token) => MaybePromise<Refusal | undefined>;

const WRONG_ALGORITHM = unauthenticated('the token is not signed by the algorithm of the key');
const WRONG_SIGNATURE = unauthenticated('the signature of the token does not fit');
const UNKNOWN_EXTENSION = unauthenticated('the token asks for an extension that is not known (crit)');
const UNKNOWN_KEY = unauthenticated('no key of this server signed the token');
const NO_KEYS: Refusal = { code: Code.UNAVAILABLE, text: 'the keys for tokens cannot be fetched at present' };

/** HS256 and nothing else. */
export function secretVerifier(secret: string): Verify {
  const hs256 = new Hs256(secret);
  return (text, { header }) => {
    if (header.alg !== 'HS256') return WRONG_ALGORITHM;
    if (header.crit !== undefined) return UNKNOWN_EXTENSION; // RFC 7515 4.1.11; jose does this for the others
    return hs256.verifies(text) ? undefined : WRONG_SIGNATURE;
  };
}

/**
 * The algorithm follows from the kind of key, never from the token: one that says HS256, and is signed with the public
 * key as its secret, is refused before anything is computed.
 * @throws TypeError if the PEM is not a public key for RS256, ES256 or EdDSA.
 */
export function publicKeyVerifier(pem: string): Verify {
  const key = createPublicKey(pem);
  const algorithms = algorithmsOf(key);
  return async (text, { header }) => {
    if (!algorithms.includes(header.alg as string)) return WRONG_ALGORITHM;
    return (await signedBy(key, text, algorithms)) ? undefined : WRONG_SIGNATURE;
  };
}

/** A JWKS names its keys by `kid`. Only keys of the kind that the algorithm asks for are tried, and never secrets. */
export function jwksVerifier(keys: Keys): Verify {
  const algorithms = ['RS256', 'ES256', 'EdDSA', 'Ed25519'];
  return async (text, { header }) => {
    if (!algorithms.includes(header.alg as string)) return WRONG_ALGORITHM;
    const found = await keys.find(header);
    if (found === 'unavailable') return NO_KEYS;
    for (const key of found) if (await signedBy(key, text, algorithms)) return undefined;
    return found.length === 0 ? UNKNOWN_KEY : WRONG_SIGNATURE;
  };
}

function algorithmsOf(key: KeyObject): string[] {
  switch (key.asymmetricKeyType) {
    case 'rsa': return ['RS256'];
    case 'ec': return ['ES256'];
    case 'ed25519': return ['EdDSA', 'Ed25519']; // RFC 9864 gave it the second name
    default: throw new TypeError(`tokens cannot be verified with a key of type ${key.asymmetricKeyType}`);
  }
}

/** False: refused by jose (signature, crit). Other errors are not the token's fault, and go up. */
async function signedBy(key: KeyObject | CryptoKey, text: string, algorithms: string[]): Promise<boolean> {
  try {
    await compactVerify(text, key, { algorithms });
    return true;
  } catch (error) {
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}
