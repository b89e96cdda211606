import type { MaybePromise } from '../../broker/ports/conversation-log.js';
import type { Storage } from '../../broker/ports/storage.js';
import { isMember } from '../../broker/ports/windows.js';
import type { Floor } from './floors.js';

/** Groups whose lowest cursors are remembered; those unused the longest are computed again. */
const REMEMBERED = 4_096;

/** The lowest of the members' cursors, and the lowest but one: together they say what everyone sees of the others. */
class Lowest {
  /** Who alone is at the lowest place; undefined: several are. */
  private holder: string | undefined;
  private place = Infinity;
  private atMs = 0;
  private nextPlace = Infinity;
  private nextAtMs = 0;

  add(user: string, place: number, atMs: number): void {
    if (place < this.place) {
      [this.nextPlace, this.nextAtMs] = [this.place, this.atMs];
      [this.place, this.atMs, this.holder] = [place, atMs, user];
    } else if (place === this.place) {
      this.holder = undefined;
      this.atMs = Math.max(this.atMs, atMs);
    } else if (place < this.nextPlace) [this.nextPlace, this.nextAtMs] = [place, atMs];
    else if (place === this.nextPlace) this.nextAtMs = Math.max(this.nextAtMs, atMs);
  }

  /** Of all but this one; Infinity: there are no others. */
  but(user: string): { place: number; atMs: number } {
    return this.holder === user ? { place: this.nextPlace, atMs: this.nextAtMs } : { place: this.place, atMs: this.atMs };
  }

  same(other: Lowest): boolean {
    return this.place === other.place && this.holder === other.holder && this.nextPlace === other.nextPlace;
  }
}

interface Lows {
  readonly members: ReadonlySet<string>;
  readonly delivered: Lowest;
  readonly read: Lowest;
}

/** The floors of groups. They are computed from the members' cursors once for every time that something may have moved, whoever then asks. */
export class GroupFloors {
  private readonly known = new Map<string, Lows | Promise<Lows>>();

  constructor(private readonly storage: Pick<Storage, 'log' | 'cursors'>) {}

  /** undefined: they are no member, or the only one. */
  seenBy(user: string, conversation: string): MaybePromise<Floor | undefined> {
    const lows = this.lows(conversation);
    return lows instanceof Promise ? lows.then((them) => floorOf(user, them)) : floorOf(user, lows);
  }

  /** A cursor or the membership may have changed. False: everyone sees what they saw before. */
  async moved(conversation: string): Promise<boolean> {
    const before = this.known.get(conversation);
    this.known.delete(conversation);
    if (!before) return true;
    const [old, now] = [await before, await this.lows(conversation)];
    return !sameMembers(old, now) || !old.delivered.same(now.delivered) || !old.read.same(now.read);
  }

  private lows(conversation: string): Lows | Promise<Lows> {
    let lows = this.known.get(conversation);
    if (lows) this.known.delete(conversation);
    else {
      const computing = this.compute(conversation);
      lows = computing;
      computing.then(
        (them) => this.known.get(conversation) === computing && this.known.set(conversation, them),
        () => this.known.get(conversation) === computing && this.known.delete(conversation),
      );
    }
    this.known.set(conversation, lows);
    if (this.known.size > REMEMBERED) this.known.delete(this.known.keys().next().value!);
    return lows;
  }

  /** In a floor a member counts as the higher of their cursor and their latest joining place. */
  private async compute(conversation: string): Promise<Lows> {
    const { log, cursors } = this.storage;
    const members = await log.membersOf(conversation);
    const lows = { members: new Set(members), delivered: new Lowest(), read: new Lowest() };
    for (const member of members) {
      const asked = cursors.user(member, conversation);
      const cursor = asked instanceof Promise ? await asked : asked;
      const times = log.windowsOf(conversation, member);
      const windows = times instanceof Promise ? await times : times;
      if (!isMember(windows)) continue;
      const { from } = windows[windows.length - 1];
      lows.delivered.add(member, Math.max(cursor.delivered, from), cursor.delivered >= from ? cursor.deliveredAtMs : 0);
      lows.read.add(member, Math.max(cursor.read, from), cursor.read >= from ? cursor.readAtMs : 0);
    }
    return lows;
  }
}

function floorOf(user: string, { members, delivered, read }: Lows): Floor | undefined {
  if (!members.has(user)) return undefined;
  const [had, seen] = [delivered.but(user), read.but(user)];
  if (had.place === Infinity) return undefined;
  return { delivered: had.place, deliveredAtMs: had.atMs, read: seen.place, readAtMs: seen.atMs };
}

function sameMembers(a: Lows, b: Lows): boolean {
  return a.members.size === b.members.size && [...a.members].every((member) => b.members.has(member));
}
