import { Code, createUlid, directConversation, Flag, groupConversation } from 'godwit-schemas';
import type { Append } from '../../../broker/ports/conversation-log.js';
import type { DeviceCursor } from '../../../broker/ports/cursors.js';
import { openEmbeddedStorage, type EmbeddedStorage } from '../../../plugins/store-embedded/index.js';
import { bodyBytes } from '../load/frames.js';

/** What the data folder of the workload holds. */
export interface House {
  /** Users with many conversations each. */
  users: number;
  conversations: number;
  /** Of the conversations one in so many is a group. */
  groupsOneIn: number;
  /** Places of the one long conversation of each user. */
  longPlaces: number;
  /** Devices of each user for which something waits, and in how many conversations. */
  behind: number;
  behindIn: number;
}

/** For which nothing waits. */
export const currentDevice = 'current';
export const behindDevice = (index: number): string => `behind${index}`;
export const listUser = (index: number): string => `l${index}`;

/** The conversation with `longPlaces` places. */
export const longConversation = (user: number): string => directConversation(listUser(user), 'writer');

const PLACES = 8;
const BATCH = 500;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** Fills the folder of a server that does not run: two weeks of conversations, read up to here and there. */
export async function furnish(folder: string, house: House): Promise<void> {
  const clock = { ms: Date.now() - 14 * DAY_MS };
  const storage = await openEmbeddedStorage({ folder, now: () => clock.ms });
  try {
    const writer = new Writer(storage, clock);
    for (const index of count(house.users)) {
      const user = listUser(index);
      await storage.directory.addUser(user, clock.ms);
      const names = await writer.conversations(user, house);
      await writer.long(index, house.longPlaces);
      await settle(storage, user, [longConversation(index), ...names], house, clock.ms);
    }
    for (const index of count(house.conversations)) await storage.directory.addUser(peer(index), clock.ms);
  } finally {
    await storage.close();
  }
}

const count = (to: number): number[] => Array.from({ length: to }, (_, index) => index);
const peer = (index: number): string => `p${String(index).padStart(4, '0')}`;

class Writer {
  private batch: Append[] = [];
  private readonly nextId = createUlid();

  constructor(private readonly storage: EmbeddedStorage, private readonly clock: { ms: number }) {}

  /** Three to eight messages in each, one in three the user's own; of some the last is a reaction. */
  async conversations(user: string, { conversations, groupsOneIn }: House): Promise<string[]> {
    const names = count(conversations - 1).map((index) => (index % groupsOneIn === 0 ? groupConversation(`${user}-${index}`) : directConversation(user, peer(index))));
    for (let place = 1; place <= PLACES; place++) {
      for (const [index, name] of names.entries()) {
        const last = 3 + ((index * 7) % (PLACES - 2));
        if (place > last) continue;
        const isGroup = name.startsWith('g:');
        const begins = isGroup && place === 1;
        const from = begins ? '' : (index + place) % 3 === 0 ? user : peer(index);
        const silent = begins || (place === last && index % 10 === 0);
        await this.write(name, from, silent ? Flag.silent : 0, begins ? { members: [], membership: { joined: [user, peer(index)], left: [] } } : { members: isGroup ? [] : [user, peer(index)] });
      }
    }
    await this.flush();
    return names;
  }

  async long(user: number, places: number): Promise<void> {
    const name = longConversation(user);
    const members = [listUser(user), 'writer'];
    for (let place = 1; place <= places; place++) await this.write(name, members[place % 2], 0, { members });
    await this.flush();
  }

  private async write(conversation: string, from: string, flags: number, more: Pick<Append, 'members' | 'membership'>): Promise<void> {
    const id = this.nextId();
    const buffer = Buffer.alloc(21 + bodyBytes, 'x');
    buffer.set([0x0a, 16, ...id, 0x12, (bodyBytes & 0x7f) | 0x80, bodyBytes >> 7]);
    this.batch.push({
      ...{ conversation, from, fromDevice: from === '' ? '' : 'phone', id, buffer, start: 0, end: buffer.length, aux: undefined, flags, epoch: 0, expiresInS: 0 },
      ...{ code: Code.OK, seq: 0, sentAtMs: 0, duplicate: false },
      ...more,
    });
    if (this.batch.length >= BATCH) await this.flush();
  }

  private async flush(): Promise<void> {
    await this.storage.log.append(this.batch);
    this.batch = [];
    this.clock.ms += MINUTE_MS;
  }
}

/** Cursors, devices and what the user has set. */
async function settle(storage: EmbeddedStorage, user: string, names: readonly string[], { behind, behindIn }: House, atMs: number): Promise<void> {
  const { log, cursors, directory, conversationSettings } = storage;
  const current = new Map<string, DeviceCursor>();
  const back = new Map<string, DeviceCursor>();
  for (const [index, name] of names.entries()) {
    const { head } = (await log.head(name))!;
    const others = (await log.membersOf(name)).filter((member) => member !== user);
    for (const member of [user, ...others]) await cursors.moveDelivered(member, name, head, atMs);
    const at = { position: head, last: head, started: true, toldDelivered: head, toldRead: 0, toldOwnRead: head };
    current.set(name, at);
    back.set(name, index < behindIn ? { ...at, position: head - 2, last: head - 2 } : at);
  }
  // A third is unread, a third read to the end, and in a third the user wrote before and behind the place that was read.
  await Promise.all(names.map(async (name, index) => index % 3 > 0 && cursors.setRead(user, name, index % 3 === 1 ? current.get(name)!.position : 2, atMs)));
  for (const [index, name] of names.entries()) {
    if (index % 20 === 0) await conversationSettings.set(user, name, { pinned: true });
    if (index % 20 === 10) await conversationSettings.set(user, name, { archived: true, mutedUntilMs: atMs });
    if (index % 50 === 5) await conversationSettings.set(user, name, { clearedTo: 1 });
  }
  const filters = new Map<string, 0 | 1>([[`u/${user}/#`, 1]]);
  for (const [device, places] of [[currentDevice, current] as const, ...count(behind).map((index) => [behindDevice(index), back] as const)]) {
    await cursors.startDevice(user, device, places);
    await directory.putDevice({ user, device, firstSeenMs: atMs, lastSeenMs: Date.now(), filters, packetIds: 0 });
  }
}
