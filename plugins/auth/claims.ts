import { Code, validDeviceId, validPhone, validUserId } from 'godwit-schemas';
import type { Identity, Refusal } from '../../broker/ports/plugin.js';

/** The last millisecond that a Date can say. */
const END_OF_TIME_MS = 8.64e15;

/** Never says more of the token than which part of it is not right. */
export function unauthenticated(text: string): Refusal {
  return { code: Code.UNAUTHENTICATED, text };
}

/**
 * Whom verified claims speak for (RFC 7519 4.1): `sub` is the user, `device` binds to one device, `admin` counts only
 * if it is `true`, `iat` is held against the time at which a device was revoked, `phone_number` is taken if it
 * is E.164 and not said to be unverified (OpenID Connect Core 5.1). `exp` and `nbf` are taken without leeway: server and issuer keep their clocks, devices need none.
 */
export function identityOf(claims: Readonly<Record<string, unknown>>, nowMs: number): Identity | Refusal {
  const { sub, device, admin, exp, nbf, iat, phone_number: phone, phone_number_verified: phoneVerified } = claims;
  if (typeof sub !== 'string' || !validUserId(sub)) return unauthenticated('sub of the token is not a user id');
  if (device !== undefined && (typeof device !== 'string' || !validDeviceId(device))) return unauthenticated('device of the token is not a device id');
  if (exp !== undefined && !isTime(exp)) return unauthenticated('exp of the token is not a time');
  if (nbf !== undefined && !isTime(nbf)) return unauthenticated('nbf of the token is not a time');
  if (iat !== undefined && !isTime(iat)) return unauthenticated('iat of the token is not a time');
  if (exp !== undefined && nowMs >= exp * 1000) return unauthenticated('the token has expired');
  if (nbf !== undefined && nowMs < nbf * 1000) return unauthenticated('the token is not valid yet');
  return {
    user: sub,
    device,
    admin: admin === true,
    expiresAtMs: exp === undefined ? 0 : Math.min(Math.floor(exp * 1000), END_OF_TIME_MS),
    ...(validPhone(phone) && phoneVerified !== false && { phone }),
    ...(iat !== undefined && { issuedAtMs: Math.floor(iat * 1000) }),
  };
}

/** Seconds since 1970, fractions allowed (RFC 7519 2, NumericDate). */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
