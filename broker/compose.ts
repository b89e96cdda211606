import type { Logger } from 'pino';
import { accountPlugin } from '../plugins/account/index.js';
import { aclPlugin } from '../plugins/acl/index.js';
import { adminPlugin } from '../plugins/admin/index.js';
import { archiving } from '../plugins/archive/index.js';
import { authPlugin, type AuthKey } from '../plugins/auth/index.js';
import { devicesPlugin } from '../plugins/devices/index.js';
import { directPlugin } from '../plugins/direct/index.js';
import { groupsPlugin } from '../plugins/groups/index.js';
import { historyPlugin } from '../plugins/history/index.js';
import { metricsPlugin } from '../plugins/metrics/index.js';
import { peoplePlugin } from '../plugins/people/index.js';
import { presencePlugin } from '../plugins/presence/index.js';
import { receiptsPlugin } from '../plugins/receipts/index.js';
import { openEmbeddedStorage, type EmbeddedStorage } from '../plugins/store-embedded/index.js';
import { typingPlugin } from '../plugins/typing/index.js';
import { loadOrCreateSecret, type Config } from './config.js';
import { copyPlace, settlePlace } from './place.js';
import type { Plugin } from './ports/plugin.js';
import type { Storage } from './ports/storage.js';

/** Which backend fills the ports: the embedded one all of them; with MongoDB, that has the users, the groups and the old messages. */
export async function openStorage({ data, mongoUrl, archive }: Config, now: () => number, log: Logger): Promise<Storage> {
  const embedded = await openEmbeddedStorage({ folder: data, now });
  try {
    const folder = await settlePlace(data, mongoUrl, embedded);
    return mongoUrl === undefined || folder === undefined ? embedded : await overMongo(embedded, { url: mongoUrl, folder, data, archive, now, log });
  } catch (error) {
    await embedded.close();
    throw error;
  }
}

interface MongoParts extends Pick<Config, 'data' | 'archive'> {
  url: string;
  folder: string;
  now: () => number;
  log: Logger;
}

async function overMongo(embedded: EmbeddedStorage, { url, folder, data, archive: { afterMs, keep }, now, log }: MongoParts): Promise<Storage> {
  // Whoever does without it need not load it.
  const { openMongo } = await import('../plugins/store-mongo/index.js');
  const { directory, groups, archive, availability, close } = await openMongo({ url, folder, now, log });
  const archived = archiving({ log: embedded.log, archive, afterMs, keep, now, logger: log });
  return {
    ...embedded,
    log: archived.log,
    directory,
    groups,
    remote: availability,
    async backup(folder) {
      const copied = await embedded.backup(folder);
      copyPlace(data, folder);
      return copied;
    },
    async close() {
      await archived.close();
      await close();
      await embedded.close();
    },
  };
}

/** Which plugins make up Godwit. Someone's own stand before them: they are asked first. Groups carry out what a crash left as soon as they start: whoever is told of that stands before them. */
export function composePlugins(config: Config, own: readonly Plugin[]): Plugin[] {
  return [...own, authPlugin(authKey(config)), aclPlugin(), devicesPlugin(), peoplePlugin(), directPlugin(), receiptsPlugin(), presencePlugin(), typingPlugin(), groupsPlugin({ mostMembers: config.groupMaxMembers }), historyPlugin(), accountPlugin(), adminPlugin(), metricsPlugin()];
}

function authKey({ auth, data }: Config): AuthKey {
  return auth.kind === 'own' ? { kind: 'secret', secret: loadOrCreateSecret(data) } : auth;
}
