import { makeToken } from '../../plugins/auth/token.js';
import { loadSecret, type Config } from '../config.js';
import { CommandError } from './errors.js';
import { readRunning } from './running.js';
import { localConfig } from './server.js';

export interface TokenOptions {
  device?: string;
  days: number;
  admin?: boolean;
  data?: string;
}

/** Prints a token, alone, so that it can be used in a command: `$(godwit token alice)`. */
export function token(user: string, { device, days, admin, data }: TokenOptions): void {
  const secret = secretOf(localConfig({ data }));
  process.stdout.write(`${makeToken({ secret, user, device, admin, days, nowMs: Date.now() })}\n`);
}

function secretOf({ auth, data }: Config): string {
  switch (auth.kind) {
    case 'secret':
      return auth.secret;
    case 'own': {
      const secret = loadSecret(data);
      if (secret === undefined) throw new CommandError(`there is no secret in ${data} yet: start the server once (\`npx godwit serve\`), or set GODWIT_AUTH_SECRET`);
      if (readRunning(data)?.auth === 'secret') throw new CommandError('the server was started with GODWIT_AUTH_SECRET: set it here too');
      return secret;
    }
    default:
      throw new CommandError('tokens for this server are made by who holds the private key (GODWIT_AUTH_JWKS_URL or GODWIT_AUTH_PUBLIC_KEY is set)');
  }
}
