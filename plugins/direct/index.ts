import type { Plugin, PluginContext } from '../../broker/ports/plugin.js';
import { routeTo } from './route.js';
import { sendMessage } from './send.js';

/** One-to-one messages: publishes to `to/<user>`, and the control call `messages.send`. */
export function directPlugin(): Plugin {
  let context: PluginContext;
  return {
    name: 'direct',
    start(given) {
      context = given;
    },
    route: (caller, topic) => (topic.kind === 'to' ? routeTo(context, caller.user, topic.user) : undefined),
    methods: {
      'messages.send': (caller, request) => sendMessage(context, caller, request),
    },
  };
}
