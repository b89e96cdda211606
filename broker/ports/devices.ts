import { limits } from 'godwit-schemas';
import type { DeviceRecord } from './directory.js';
import type { Identity } from './plugin.js';
import type { Storage } from './storage.js';

const DAY_MS = 86_400_000;

/** It stayed away for so long that it begins as new. */
export function isIdle({ lastSeenMs }: DeviceRecord, nowMs: number): boolean {
  return nowMs - lastSeenMs > limits.deviceIdleDays.value * DAY_MS;
}

/** Ends what is kept of a device; its user's cursors stay. Its connection must have ended. False: there was none. */
export async function forgetDevice({ directory, cursors }: Pick<Storage, 'directory' | 'cursors'>, user: string, device: string): Promise<boolean> {
  // In this order: a device without a record is new again, one without cursors would start at the beginning. And without
  // a pause: what forgets must not meet the device as it comes again.
  const [known] = await Promise.all([directory.removeDevice(user, device), cursors.forgetDevice(user, device)]);
  return known;
}

/** Whether the identity was proven with something from before the device was revoked; what does not say when it was issued is. */
export async function isRevoked({ directory }: Pick<Storage, 'directory'>, { user, issuedAtMs }: Identity, device: string): Promise<boolean> {
  const revokedAtMs = await directory.revokedAt(user, device);
  return revokedAtMs > 0 && (issuedAtMs ?? 0) <= revokedAtMs;
}
