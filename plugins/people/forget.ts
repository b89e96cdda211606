import { limits } from 'godwit-schemas';
import type { PluginContext } from '../../broker/ports/plugin.js';

/** What a user said and set, and what others have made of them. Reports of them stay: they are others'. */
export async function forgetPerson({ storage }: PluginContext, user: string): Promise<void> {
  const { profiles, relations, reports } = storage;
  await profiles.remove(user);
  await relations.removeUser(user);
  for (let own = await reports.by(user, '', limits.reportsPage.value); own.length > 0; own = await reports.by(user, '', limits.reportsPage.value)) {
    for (const { report } of own) await reports.remove(report);
  }
}
