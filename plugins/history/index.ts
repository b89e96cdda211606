import type { Plugin, PluginContext } from '../../broker/ports/plugin.js';
import { listHistory } from './list.js';
import { receiptsOf } from './receipts.js';

/** What is past, and the lists of conversations: nobody is told of a place outside of their windows. */
export function historyPlugin(): Plugin {
  let context: PluginContext;
  return {
    name: 'history',
    start(given) {
      context = given;
    },
    methods: {
      'history.list': (caller, request) => listHistory(context, caller, request),
      'receipts.get': ({ user }, request) => receiptsOf(context.storage, user, request),
    },
  };
}
