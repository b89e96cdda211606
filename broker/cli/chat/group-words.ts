import { GroupChangeKind, GroupRole, type GroupChange } from 'godwit-schemas';

/** What happened in a group, in words. */
export function groupWords({ kind, by, users, role, settings, successor }: GroupChange): string {
  switch (kind) {
    case GroupChangeKind.CREATED: {
      const others = users.filter((user) => user !== by);
      return `${by} made the group ${settings?.name ?? ''}${others.length > 0 ? ` with ${listed(others)}` : ''}`;
    }
    case GroupChangeKind.UPDATED:
      return `${by} changed the group: it is called ${settings?.name ?? ''}`;
    case GroupChangeKind.ADDED:
      return `${by} added ${listed(users)}`;
    case GroupChangeKind.REMOVED:
      return `${by} removed ${listed(users)}`;
    case GroupChangeKind.LEFT:
      return `${listed(users)} left${role === GroupRole.CREATOR ? `; ${successor} takes over` : ''}`;
    case GroupChangeKind.JOINED:
      return `${listed(users)} joined by an invitation`;
    case GroupChangeKind.ROLE_SET:
      return roleWords(by, users, role);
    case GroupChangeKind.ENDED:
      return `${by} ended the group`;
    default:
      return `${by} changed the group in a way that this version does not know`;
  }
}

function roleWords(by: string, users: readonly string[], role: GroupRole): string {
  if (role === GroupRole.CREATOR) return `${by} handed the group over to ${listed(users)}`;
  return role === GroupRole.ADMIN ? `${by} made ${listed(users)} admin` : `${listed(users)} ${users.length === 1 ? 'is' : 'are'} no admin any more`;
}

function listed(names: readonly string[]): string {
  if (names.length <= 1) return names.join();
  if (names.length > 6) return `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`;
  return `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}`;
}
