import { limits } from 'godwit-schemas';
import { isUnavailable } from '../../broker/ports/availability.js';
import { forgetDevice, isIdle } from '../../broker/ports/devices.js';
import type { DeviceRecord } from '../../broker/ports/directory.js';
import type { PluginContext } from '../../broker/ports/plugin.js';

/** Milliseconds between two looks at the clock. */
const TICK_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Users looked at before other work has its turn. */
const PAGE = 100;

/** Every hour ends devices that stayed away too long, and forgets revocations that are old. Returns what stops it. */
export function sweepDevices(context: PluginContext): () => Promise<void> {
  let nextAtMs = context.now();
  let running: Promise<void> | undefined;
  let stopped = false;

  async function sweep(): Promise<void> {
    const { directory } = context.storage;
    for (let after = '', more = true; more && !stopped; ) {
      const users = await directory.users(after, PAGE);
      for (const { user } of users) await sweepUser(context, user);
      more = users.length === PAGE;
      after = users.at(-1)?.user ?? '';
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  const timer = setInterval(() => {
    if (running || context.now() < nextAtMs) return;
    nextAtMs = context.now() + HOUR_MS;
    running = sweep()
      // While the directory is away, the next round does it.
      .catch((err) => {
        if (!isUnavailable(err)) context.log.error({ err }, 'devices could not be swept');
      })
      .finally(() => (running = undefined));
  }, TICK_MS);
  timer.unref();
  return async () => {
    stopped = true;
    clearInterval(timer);
    await running;
  };
}

async function sweepUser({ storage, hub, log, now }: PluginContext, user: string): Promise<void> {
  const { directory } = storage;
  for (const { device } of await directory.devicesOf(user)) {
    const record = await directory.device(user, device);
    if (!record) continue;
    const session = hub.of(user).find((one) => one.device === device && !one.live);
    // Whoever stays connected for months is not away, also when the server ends without a word.
    if (session) await seen(record, session.heardAtMs);
    else if (isIdle(record, now())) {
      await forgetDevice(storage, user, device);
      log.info({ user, device }, 'a device that stayed away was forgotten');
    }
  }
  if ((await directory.revocationsOf(user)).size > 0) await directory.forgetRevocations(user, now() - limits.revocationDays.value * DAY_MS);

  async function seen({ device, lastSeenMs }: DeviceRecord, heardAtMs: number): Promise<void> {
    if (heardAtMs - lastSeenMs > DAY_MS) await directory.seenDevice(user, device, heardAtMs);
  }
}
