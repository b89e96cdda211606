import { isGroupConversation } from 'godwit-schemas';
import type { MembershipChange, Window } from '../../broker/ports/conversation-log.js';
import { ALWAYS, isMember, joinedAt, leftAt, NEVER } from '../../broker/ports/windows.js';
import type { Conversation } from './conversation.js';
import { createSize, writeCreate, writeRow } from './records.js';
import type { Store } from './store.js';
import { rowName } from './table.js';
import type { Codec, Table } from './table.js';

/** The windows of a group, and who is in it now, as the next append sees them: ahead of the table by what is on its way to the disk. */
export interface Membership {
  readonly windows: Map<string, readonly Window[]>;
  /** undefined: to be gathered. */
  members: readonly string[] | undefined;
}

/** Who is and was in a group: rows (conversation, user), written with the entries that change them. */
export class Windows {
  private readonly table: Table<readonly Window[]>;

  constructor(private readonly store: Store) {
    this.table = store.table('windows', windowsCodec);
  }

  of(conversation: Conversation, user: string): readonly Window[] {
    if (!isGroupConversation(conversation.name)) return conversation.members.includes(user) ? (this.table.get(conversation.name, user) ?? ALWAYS) : NEVER;
    return this.membership(conversation).windows.get(user) ?? NEVER;
  }

  all(conversation: Conversation): ReadonlyMap<string, readonly Window[]> {
    if (!isGroupConversation(conversation.name)) return new Map(conversation.members.map((user) => [user, this.of(conversation, user)]));
    return new Map(this.membership(conversation).windows);
  }

  members(conversation: Conversation): readonly string[] {
    if (!isGroupConversation(conversation.name)) return conversation.members;
    const membership = this.membership(conversation);
    membership.members ??= [...membership.windows].flatMap(([user, windows]) => (isMember(windows) ? [user] : []));
    return membership.members;
  }

  /** Of a one-to-one or a feed: who of these is not in it any more, and comes back with the next entry. */
  returning({ members }: Conversation, users: readonly string[]): readonly string[] {
    return users.length > members.length ? [...new Set(users.filter((user) => !members.includes(user)))] : NOBODY;
  }

  /** Bytes that `bringBack` takes in the journal at most. */
  returnSize({ name, members }: Conversation, users: readonly string[]): number {
    return createSize(name, [...members, ...users]) + this.size(name, { joined: users, left: NOBODY });
  }

  /** Into the record that the entry at this place goes into. Seen at once: nothing from before is theirs. */
  bringBack(conversation: Conversation, users: readonly string[], seq: number): void {
    const { store, table } = this;
    const { name } = conversation;
    for (const user of users) {
      this.write(table, name, user, [{ from: seq, to: Infinity }]);
      this.write(store.lists, user, name, true);
    }
    this.setMembers(conversation, [...conversation.members, ...users]);
  }

  /** The conversation is not the user's any more. False: it is nobody's, and was nobody else's. */
  forget(conversation: Conversation, user: string): boolean {
    const { store, table } = this;
    const { name } = conversation;
    this.write(table, name, user, undefined);
    this.write(store.lists, user, name, undefined);
    if (!isGroupConversation(name)) {
      this.setMembers(conversation, conversation.members.filter((member) => member !== user));
      return conversation.members.length > 0;
    }
    const membership = this.membership(conversation);
    membership.windows.delete(user);
    membership.members = undefined;
    return membership.windows.size > 0;
  }

  /** From the journal: who is in it now. */
  replaced(conversation: Conversation, members: readonly string[]): void {
    conversation.members = members;
    conversation.created = true;
    this.store.fill.touch(conversation);
  }

  private setMembers(conversation: Conversation, members: readonly string[]): void {
    this.replaced(conversation, members);
    writeCreate(this.store.room, conversation.id, conversation.name, members);
  }

  private write<T>(table: Table<T>, group: string, item: string, value: T | undefined): void {
    table.put(group, item, value);
    writeRow(this.store.room, table.id, rowName(group, item), value === undefined ? undefined : table.codec.encode(value));
    this.store.fill.soon();
  }

  /** Bytes that `change` takes in the journal at most. */
  size(name: string, { joined, left }: MembershipChange): number {
    let bytes = 0;
    for (const user of [...joined, ...left]) bytes += 2 * (ROW_HEADER + name.length + 1 + user.length) + MOST_WINDOWS * WINDOW_BYTES + 1;
    return bytes;
  }

  /** Into the record that the entry at this place goes into; the table has it when that is durable. */
  change(conversation: Conversation, { joined, left }: MembershipChange, seq: number): void {
    for (const user of joined) this.put(conversation, user, joinedAt(this.of(conversation, user), seq));
    for (const user of left) this.put(conversation, user, leftAt(this.of(conversation, user), seq));
  }

  private put(conversation: Conversation, user: string, changed: readonly Window[]): void {
    const { store, table } = this;
    const { name } = conversation;
    const membership = this.membership(conversation);
    const before = membership.windows.get(user);
    if (changed === (before ?? NEVER)) return;
    const windows = changed.length > MOST_WINDOWS ? changed.slice(-MOST_WINDOWS) : changed;
    membership.windows.set(user, windows);
    membership.members = undefined;
    writeRow(store.room, table.id, rowName(name, user), table.codec.encode(windows));
    const isNew = before === undefined;
    if (isNew) writeRow(store.room, store.lists.id, rowName(user, name), store.lists.codec.encode(true));
    conversation.pins++;
    store.room(0).then.push(() => {
      conversation.pins--;
      table.put(name, user, windows);
      if (isNew) store.lists.put(user, name, true);
    });
  }

  private membership(conversation: Conversation): Membership {
    return (conversation.membership ??= { windows: this.table.all(conversation.name), members: undefined });
  }
}

const NOBODY: readonly string[] = [];
const ROW_HEADER = 8;
const WINDOW_BYTES = 16;
/** Windows that are kept of one user: those before are forgotten, and with them the places that lie there. */
const MOST_WINDOWS = 64;

const windowsCodec: Codec<readonly Window[]> = {
  encode(windows) {
    const bytes = Buffer.allocUnsafe(windows.length * WINDOW_BYTES);
    windows.forEach(({ from, to }, i) => {
      bytes.writeDoubleLE(from, i * WINDOW_BYTES);
      bytes.writeDoubleLE(to, i * WINDOW_BYTES + 8);
    });
    return bytes;
  },
  decode: (bytes) => Array.from({ length: bytes.length / WINDOW_BYTES }, (_, i) => ({ from: bytes.readDoubleLE(i * WINDOW_BYTES), to: bytes.readDoubleLE(i * WINDOW_BYTES + 8) })),
};
