import { create, ResultSchema, type Result } from 'godwit-schemas';
import type { Refusal } from '../ports/plugin.js';

/** A refusal as it travels. */
export function refusalResult(refusal: Refusal): Result {
  return create(ResultSchema, {
    code: refusal.code,
    text: refusal.text,
    retryAfterMs: Math.ceil(refusal.retryAfterMs ?? 0),
    detail: refusal.detail ?? new Uint8Array(0),
  });
}
