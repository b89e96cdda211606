import { Code, limits, validPhone, type ContactMatchSchema, type MessageInitShape, type RequestOf } from 'godwit-schemas';
import type { Caller, Limiter, PluginContext } from '../../broker/ports/plugin.js';
import { refuse } from './refuse.js';

/** So that nobody walks the number space. */
export function matchLimiter({ limiter }: Pick<PluginContext, 'limiter'>): Limiter {
  return limiter({ perMinute: limits.matchesAnHour.value / 60, burst: limits.matchesAnHour.value });
}

/** Who blocks the caller is not found. @throws RefusedError */
export async function matchPhones({ storage }: PluginContext, limiter: Limiter, { user }: Caller, { phoneNumbers }: RequestOf<'contacts.match'>): Promise<{ matches: MessageInitShape<typeof ContactMatchSchema>[] }> {
  const { profiles, relations } = storage;
  if (phoneNumbers.length > limits.matchesOfCall.value) refuse(Code.TOO_LARGE, `at most ${limits.matchesOfCall.value} numbers a call`);
  const wrong = phoneNumbers.findIndex((number) => !validPhone(number));
  if (wrong >= 0) refuse(Code.MALFORMED, `phone number ${wrong + 1} of ${phoneNumbers.length} is not E.164 (+, country code, number; digits only)`);
  const numbers = [...new Set(phoneNumbers)];
  const waitMs = numbers.length === 0 ? 0 : limiter.take(user, numbers.length);
  if (waitMs > 0) refuse(Code.RATE_LIMITED, `at most ${limits.matchesAnHour.value} phone numbers an hour`, waitMs);
  const matches: MessageInitShape<typeof ContactMatchSchema>[] = [];
  for (const phoneNumber of numbers) {
    const found = await profiles.ofPhone(phoneNumber);
    if (found !== undefined && !(await relations.has(found, 'block', user))) matches.push({ phoneNumber, user: found });
  }
  return { matches };
}
