import { Code, create, deliveryTopics, isGroupConversation, limits, peerOf, toBinary, TypingSchema, type ControlTopic } from 'godwit-schemas';
import type { ConnectedSession, Limiter, Plugin, PluginContext, Refusal } from '../../broker/ports/plugin.js';

const NOT_IN_IT: Refusal = { code: Code.NOT_ALLOWED, text: 'only who is in a conversation types in it' };
const NOT_EMPTY: Refusal = { code: Code.MALFORMED, text: 'typing has no payload' };

/**
 * "alice is typing": told at QoS 0 to the sessions of the others that are connected now, and kept nowhere. A notice
 * beyond the limit is dropped without a refusal: the next one says the same.
 */
export function typingPlugin(): Plugin {
  let context: PluginContext;
  let limiter: Limiter;

  async function typing(session: ConnectedSession, { conversation }: Extract<ControlTopic, { kind: 'typing' }>, payload: Uint8Array): Promise<Refusal | undefined> {
    if (payload.length > 0) return NOT_EMPTY;
    const notice = toBinary(TypingSchema, create(TypingSchema, { conversation, from: session.user }));
    if (isGroupConversation(conversation)) {
      const members = await context.storage.log.membersOf(conversation);
      if (!members.includes(session.user)) return NOT_IN_IT;
      if (limiter.take(session.connection) === 0) for (const member of members) if (member !== session.user) tell(member, notice);
      return undefined;
    }
    const peer = peerOf(conversation, session.user);
    if (peer === undefined) return NOT_IN_IT;
    if (peer === session.user || limiter.take(session.connection) > 0) return undefined;
    const refusal = await context.mayReach(session.user, peer, 'typing');
    if (refusal) return refusal;
    tell(peer, notice);
    return undefined;
  }

  function tell(user: string, notice: Uint8Array): void {
    const topic = deliveryTopics.typing(user);
    for (const session of context.hub.of(user)) session.send(topic, notice);
  }

  return {
    name: 'typing',
    start(given) {
      context = given;
      const perSecond = limits.typingPerSecond.value;
      limiter = context.limiter({ perMinute: perSecond * 60, burst: perSecond });
    },
    control: { typing },
  };
}
