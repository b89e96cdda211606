import { GroupRole, groupConversation, parseConversation, type Group } from 'godwit-schemas';
import type { Client } from 'godwit-client';

/** Groups asked for at a time. */
const page = 200;

/** What is known of the groups of this user, as the server says it. */
export class Groups {
  readonly #names = new Map<string, string>();
  readonly #asked = new Set<string>();

  constructor(
    private readonly client: Client,
    private readonly changed: () => void,
  ) {}

  /** undefined: not known here yet. */
  name(conversation: string): string | undefined {
    return this.#names.get(conversation);
  }

  /** All that the user is in. */
  async load(): Promise<void> {
    for (let after = ''; ; ) {
      const { groups, more } = await this.client.call('groups.list', { after, limit: page });
      for (const { group, name } of groups) this.#names.set(groupConversation(group), name);
      this.changed();
      if (!more || groups.length === 0) return;
      after = groups[groups.length - 1].group;
    }
  }

  /** Something changed in a group: its name, perhaps. */
  async look(conversation: string): Promise<void> {
    if (this.#asked.has(conversation)) return;
    this.#asked.add(conversation);
    try {
      const { group } = await this.client.call('groups.get', { group: groupOf(conversation) });
      this.learn(group);
    } finally {
      this.#asked.delete(conversation);
    }
  }

  learn(group: Group | undefined): void {
    if (!group) return;
    this.#names.set(groupConversation(group.group), group.settings?.name ?? group.group);
    this.changed();
  }
}

/** The id of a group by its conversation; empty for any other. */
export function groupOf(conversation: string): string {
  const parsed = parseConversation(conversation);
  return parsed?.kind === 'group' ? parsed.group : '';
}

const roles: ReadonlyMap<GroupRole, string> = new Map([[GroupRole.CREATOR, 'its creator'], [GroupRole.ADMIN, 'admin']]);

/** Who is in a group, a line each. */
export function memberLines({ members, settings }: Group): string[] {
  const { description = '' } = settings ?? {};
  const lines = members.map(({ user, role }) => `${user}${roles.has(role) ? `, ${roles.get(role)}` : ''}`);
  return [...(description === '' ? [] : [description, '']), ...lines];
}
