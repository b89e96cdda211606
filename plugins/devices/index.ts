import { Code, limits, validDeviceId, type DevicesListResponseSchema, type DevicesRevokeResponseSchema, type MessageInitShape, type RequestOf } from 'godwit-schemas';
import { forgetDevice, isRevoked } from '../../broker/ports/devices.js';
import { RefusedError, type Caller, type Plugin, type PluginContext, type Refusal } from '../../broker/ports/plugin.js';
import { sweepDevices } from './sweep.js';

const REVOKED: Refusal = { code: Code.REVOKED, text: 'the device was revoked' };

/** The devices of a user: which there are, the end of one, and the end of those that stay away. */
export function devicesPlugin(): Plugin {
  let context: PluginContext;
  let stopSweeping: (() => Promise<void>) | undefined;

  async function list({ user, session }: Caller): Promise<MessageInitShape<typeof DevicesListResponseSchema>> {
    const connected = new Map(context.hub.of(user).map((one) => [one.device, one]));
    const records = await context.storage.directory.devicesOf(user);
    return {
      devices: records.map(({ device, firstSeenMs, lastSeenMs }) => ({
        device,
        firstSeenMs: BigInt(firstSeenMs),
        lastSeenMs: BigInt(Math.max(lastSeenMs, connected.get(device)?.heardAtMs ?? 0)),
        connected: connected.has(device),
        current: device === session?.device,
      })),
    };
  }

  async function revoke({ user }: Caller, { device }: RequestOf<'devices.revoke'>): Promise<MessageInitShape<typeof DevicesRevokeResponseSchema>> {
    if (!validDeviceId(device)) throw new RefusedError({ code: Code.MALFORMED, text: 'device must be a device id' });
    const { directory } = context.storage;
    if ((await directory.revokedAt(user, device)) === 0 && (await directory.revocationsOf(user)).size >= limits.revocationsOfUser.value) {
      throw new RefusedError({ code: Code.LIMIT_REACHED, text: `at most ${limits.revocationsOfUser.value} devices are revoked in ${limits.revocationDays.value} days` });
    }
    // Before the connection ends: or it is there again.
    await directory.revokeDevice(user, device, context.now());
    let revoked = false;
    for (const session of [...context.hub.of(user)]) {
      if (session.device !== device) continue;
      session.end(REVOKED);
      revoked = true;
    }
    return { revoked: (await forgetDevice(context.storage, user, device)) || revoked };
  }

  return {
    name: 'devices',
    start(given) {
      context = given;
      stopSweeping = sweepDevices(given);
    },
    stop: () => stopSweeping?.(),
    methods: { 'devices.list': list, 'devices.revoke': revoke },
    // Its token was looked at before the revocation came.
    async connected(session) {
      const { user, device, identity } = session;
      if (!(await isRevoked(context.storage, identity, device))) return;
      session.end(REVOKED);
      await forgetDevice(context.storage, user, device);
    },
  };
}
