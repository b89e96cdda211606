import { accountPlugin } from '../plugins/account/index.js';
import { aclPlugin } from '../plugins/acl/index.js';
import { adminPlugin } from '../plugins/admin/index.js';
import { authPlugin, type AuthKey } from '../plugins/auth/index.js';
import { devicesPlugin } from '../plugins/devices/index.js';
import { directPlugin } from '../plugins/direct/index.js';
import { groupsPlugin } from '../plugins/groups/index.js';
import { historyPlugin } from '../plugins/history/index.js';
import { metricsPlugin } from '../plugins/metrics/index.js';
import { peoplePlugin } from '../plugins/people/index.js';
import { presencePlugin } from '../plugins/presence/index.js';
import { receiptsPlugin } from '../plugins/receipts/index.js';
import { openEmbeddedStorage } from '../plugins/store-embedded/index.js';
import { typingPlugin } from '../plugins/typing/index.js';
import { loadOrCreateSecret, type Config } from './config.js';
import type { Plugin } from './ports/plugin.js';
import type { Storage } from './ports/storage.js';

/** Which backend fills the ports. */
export function openStorage(config: Config, now: () => number): Promise<Storage> {
  return openEmbeddedStorage({ folder: config.data, now });
}

/** Which plugins make up Godwit. Someone's own stand before them: they are asked first. Groups carry out what a crash left as soon as they start: whoever is told of that stands before them. */
export function composePlugins(config: Config, own: readonly Plugin[]): Plugin[] {
  return [...own, authPlugin(authKey(config)), aclPlugin(), devicesPlugin(), peoplePlugin(), directPlugin(), receiptsPlugin(), presencePlugin(), typingPlugin(), groupsPlugin({ mostMembers: config.groupMaxMembers }), historyPlugin(), accountPlugin(), adminPlugin(), metricsPlugin()];
}

function authKey({ auth, data }: Config): AuthKey {
  return auth.kind === 'own' ? { kind: 'secret', secret: loadOrCreateSecret(data) } : auth;
}
