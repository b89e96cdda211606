import type { Plugin, PluginContext } from '../../broker/ports/plugin.js';
import { Turns } from '../../broker/ports/turns.js';
import { listConversations } from './conversations.js';
import { eraseMessage } from './erase.js';
import { listHistory } from './list.js';
import { receiptsOf } from './receipts.js';
import { clearConversation, setConversation } from './settings.js';
import { UnreadCounts } from './unread.js';

/** What is past, and the lists of conversations: nobody is told of a place outside of their windows. */
export function historyPlugin(): Plugin {
  let context: PluginContext;
  let unread: UnreadCounts;
  const turns = new Turns();
  return {
    name: 'history',
    start(given) {
      context = given;
      unread = new UnreadCounts(given.storage.log);
    },
    methods: {
      'history.list': (caller, request) => listHistory(context, caller, request),
      'receipts.get': ({ user }, request) => receiptsOf(context.storage, user, request),
      'messages.erase': ({ user }, request) => eraseMessage(context, user, request),
      'conversations.list': (caller, request) => listConversations(context.storage, unread, caller, request, context.now()),
      'conversations.set': ({ user }, request) => setConversation(context, turns, user, request),
      'conversations.clear': ({ user }, request) => clearConversation(context, turns, user, request),
    },
  };
}
