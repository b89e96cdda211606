import { Code, filterGranted, parseConversation, type PublishTopic } from 'godwit-schemas';
import type { Plugin, Refusal } from '../../broker/ports/plugin.js';

/**
 * Which topics a user may publish to, beyond that they exist: their own presence; read and typing in conversations that
 * they are in. Whether the user written to exists, and wants to hear from them, is asked when the route is resolved;
 * who may make a control call, in the table of methods.
 */
export function publishRefusal(user: string, topic: PublishTopic): Refusal | undefined {
  switch (topic.kind) {
    case 'presence':
      return topic.user === user ? undefined : refused('presence is published by the user whose it is');
    case 'read':
      return belongsTo(user, topic.conversation) ? undefined : refused('only who is in a conversation reads it');
    case 'typing':
      return belongsTo(user, topic.conversation) && parseConversation(topic.conversation)?.kind !== 'feed' ? undefined : refused('only who is in a conversation types in it');
    case 'to':
    case 'group':
    case 'rpc':
      return undefined;
  }
}

/** Whether they may be in a group is asked by what happens there: that changes. */
function belongsTo(user: string, name: string): boolean {
  const conversation = parseConversation(name);
  switch (conversation?.kind) {
    case 'direct':
      return conversation.users.includes(user);
    case 'feed':
      return conversation.user === user;
    case 'group':
      return true;
    default:
      return false;
  }
}

function refused(text: string): Refusal {
  return { code: Code.NOT_ALLOWED, text };
}

/** Who may publish and subscribe where. */
export function aclPlugin(): Plugin {
  return {
    name: 'acl',
    authorizePublish: (caller, topic) => publishRefusal(caller.user, topic),
    // MQTT-3.8.3-4: a requested QoS is 0, 1 or 2; 2 is granted as 1.
    authorizeSubscribe: (session, filter, qos) => qos <= 2 && filterGranted(filter, session.user),
  };
}
