import { Code, type RequestOf } from 'godwit-schemas';
import { RefusedError, type Caller, type Plugin, type PluginContext, type Refusal } from '../../broker/ports/plugin.js';
import { exportPiece } from './export.js';

const DELETED: Refusal = { code: Code.REVOKED, text: 'the account was deleted' };

/** Everything about a user: to take along, and to end. */
export function accountPlugin(): Plugin {
  let context: PluginContext;

  async function remove({ user }: Caller, request: RequestOf<'account.delete'>): Promise<object> {
    if (request.user !== user) throw new RefusedError({ code: Code.MALFORMED, text: 'user must be your own' });
    await context.removeUser(user, DELETED);
    return {};
  }

  return {
    name: 'account',
    start(given) {
      context = given;
    },
    methods: {
      'account.export': ({ user }, { after }) => exportPiece(context, user, after),
      'account.delete': remove,
    },
  };
}
