import { AuthRenewResponseSchema, Code, create, type AuthRenewRequest } from 'godwit-schemas';
import type { MaybePromise } from '../../broker/ports/conversation-log.js';
import { RefusedError, type Caller, type Identity, type Plugin, type PluginContext, type Refusal } from '../../broker/ports/plugin.js';
import { identityOf, unauthenticated } from './claims.js';
import { Keys, type KeysOptions } from './jwks.js';
import { readToken } from './token.js';
import { jwksVerifier, publicKeyVerifier, secretVerifier, type Verify } from './verify.js';

/** What tokens are verified with. The algorithms follow from it. */
export type AuthKey =
  /** HS256; the UTF-8 bytes of the text are the key. */
  | { readonly kind: 'secret'; readonly secret: string }
  /** RS256, ES256 or EdDSA. */
  | { readonly kind: 'publicKey'; readonly pem: string }
  | ({ readonly kind: 'jwks' } & Readonly<KeysOptions>);

const NO_TOKEN: Refusal = { code: Code.MALFORMED, text: 'this is not a token (a JWT is expected)' };

/**
 * Tokens: JWTs whose `sub` is the user. Refuses with MALFORMED what is no JWT at all (CONNACK 4), with UNAUTHENTICATED
 * one that is not good (CONNACK 5), with UNAVAILABLE when there are no keys to verify it with.
 * @throws TypeError if the key is of no use.
 */
export function authPlugin(key: AuthKey): Plugin {
  const keys = key.kind === 'jwks' ? new Keys(key) : undefined;
  const verify = verifierOf(key, keys);
  let context: PluginContext;

  return {
    name: 'auth',

    start(given) {
      context = given;
      if (!keys) return;
      keys.failed = (err) => context.log.warn({ err }, 'the keys for tokens could not be fetched');
      void keys.fetch();
    },

    authenticate(text, nowMs): MaybePromise<Identity | Refusal> {
      const token = readToken(text);
      if (!token) return NO_TOKEN;
      const refusal = verify(text, token);
      // With a secret all of it happens at once: 2,000 devices that reconnect together make no promises here.
      if (refusal instanceof Promise) return refusal.then((late) => late ?? identityOf(token.claims, nowMs));
      return refusal ?? identityOf(token.claims, nowMs);
    },

    methods: {
      'auth.renew': async (caller: Caller, { token }: AuthRenewRequest) => {
        const identity = await context.authenticate(token);
        if ('code' in identity) throw new RefusedError(identity);
        renew(caller, identity);
        return create(AuthRenewResponseSchema, { expiresAtMs: BigInt(identity.expiresAtMs), serverTimeMs: BigInt(context.now()) });
      },
    },
  };
}

function verifierOf(key: AuthKey, keys: Keys | undefined): Verify {
  if (key.kind === 'secret') return secretVerifier(key.secret);
  return key.kind === 'publicKey' ? publicKeyVerifier(key.pem) : jwksVerifier(keys!);
}

/** A connection stays its user's and its device's, whatever the new token says. */
function renew({ session }: Caller, identity: Identity): void {
  if (!session) throw new RefusedError({ code: Code.NOT_ALLOWED, text: 'only a connection can be renewed' });
  if (identity.user !== session.user) throw new RefusedError(unauthenticated('the token is of another user'));
  if (identity.device !== undefined && identity.device !== session.device) throw new RefusedError(unauthenticated('the token is of another device'));
  session.renew(identity);
}
