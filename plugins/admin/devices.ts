import { Code, type AdminDevicesListResponseSchema, type AdminQueueEntrySchema, type AdminQueueResponseSchema, type MessageInitShape, type RequestOf } from 'godwit-schemas';
import type { DeviceRecord } from '../../broker/ports/directory.js';
import { RefusedError, type PluginContext } from '../../broker/ports/plugin.js';
import { checkUserId } from './users.js';

export async function listDevices(context: PluginContext, { user }: RequestOf<'admin.devices.list'>): Promise<MessageInitShape<typeof AdminDevicesListResponseSchema>> {
  const records = await devicesOf(context, user);
  const connected = new Set(context.hub.of(user).map(({ device }) => device));
  return {
    devices: records.map((record) => ({
      device: record.device,
      firstSeenMs: BigInt(record.firstSeenMs),
      lastSeenMs: BigInt(record.lastSeenMs),
      connected: connected.has(record.device),
      filters: [...record.filters.keys()],
    })),
  };
}

/** What waits for each device: the places between its cursor and the head, its own messages among them counted too. */
export async function queued(context: PluginContext, { user }: RequestOf<'admin.queue'>): Promise<MessageInitShape<typeof AdminQueueResponseSchema>> {
  const { log, cursors } = context.storage;
  const entries: MessageInitShape<typeof AdminQueueEntrySchema>[] = [];
  const devices = await devicesOf(context, user);
  const conversations = await log.conversationsOf(user);
  for (const { device } of devices) {
    const held = await cursors.ofDevice(user, device);
    for (const conversation of conversations) {
      const head = (await log.head(conversation))?.head ?? 0;
      const delivered = held.get(conversation)?.position ?? 0;
      if (head <= delivered) continue;
      entries.push({ device, conversation, delivered: BigInt(delivered), head: BigInt(head), waiting: BigInt(head - delivered) });
    }
  }
  return { entries };
}

async function devicesOf({ storage }: PluginContext, user: string): Promise<readonly DeviceRecord[]> {
  checkUserId(user);
  if (!(await storage.directory.user(user))) throw new RefusedError({ code: Code.UNKNOWN_USER, text: 'there is no such user' });
  return storage.directory.devicesOf(user);
}
