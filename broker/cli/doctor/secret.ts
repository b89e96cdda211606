import { ConfigError, loadSecret, type AuthConfig } from '../../config.js';
import { bad, good, type Finding } from './finding.js';

/** A key from a random source has far more different characters than this. */
const FEWEST_CHARACTERS = 10;
const JWKS_TIMEOUT_MS = 5_000;

/** What tokens are verified with. */
export async function secret(auth: AuthConfig, data: string): Promise<Finding> {
  switch (auth.kind) {
    case 'own':
      return ownSecret(data);
    case 'secret':
      if (new Set(auth.secret).size >= FEWEST_CHARACTERS) return good('secret: GODWIT_AUTH_SECRET, long enough');
      return bad('secret: GODWIT_AUTH_SECRET has few different characters and can be guessed', '`openssl rand -base64 32` makes one');
    case 'publicKey':
      return good('secret: tokens are verified with GODWIT_AUTH_PUBLIC_KEY');
    case 'jwks':
      return jwks(auth.url);
  }
}

function ownSecret(data: string): Finding {
  try {
    const known = loadSecret(data) !== undefined;
    return good(known ? 'secret: in the data folder, for its owner only' : 'secret: none yet; the first start makes one');
  } catch (error) {
    if (error instanceof ConfigError) return bad(`secret: ${error.message}`);
    throw error;
  }
}

async function jwks(url: string): Promise<Finding> {
  const mend = 'set GODWIT_AUTH_JWKS_URL to the address of the keys';
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(JWKS_TIMEOUT_MS) });
    if (!answer.ok) return bad(`secret: ${url} answers ${answer.status}`, mend);
    const { keys } = (await answer.json()) as { keys?: unknown };
    return Array.isArray(keys) && keys.length > 0 ? good(`secret: ${keys.length} keys at ${url}`) : bad(`secret: there are no keys at ${url}`, mend);
  } catch (error) {
    const { message, cause } = error as Error & { cause?: NodeJS.ErrnoException };
    return bad(`secret: ${url} cannot be read (${cause?.code ?? message})`, mend);
  }
}
