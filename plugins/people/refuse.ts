import type { Code } from 'godwit-schemas';
import { RefusedError } from '../../broker/ports/plugin.js';

/** @throws RefusedError */
export function refuse(code: Code, text: string, retryAfterMs?: number): never {
  throw new RefusedError({ code, text, ...(retryAfterMs !== undefined && { retryAfterMs }) });
}
