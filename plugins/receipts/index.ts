import { Code, deliveryTopics, isGroupConversation, matchesFilter, peerOf } from 'godwit-schemas';
import { RefusedError, type ConnectedSession, type Plugin, type PluginContext, type Refusal } from '../../broker/ports/plugin.js';
import { Moved } from './moved.js';
import { Floors } from './floors.js';
import { moveRead, readPlace, type ReadStep } from './read.js';
import { Teller } from './teller.js';

/**
 * Reading, and the ticks: who wrote something is told how far the others are. Nothing is written for a receipt but
 * what each device was last told; the rest is computed from cursors.
 */
export function receiptsPlugin(): Plugin {
  let context: PluginContext;
  let floors: Floors;
  const tellers = new Map<ConnectedSession, Teller>();
  /** Ended, while something that they asked for may still be under way. */
  const gone = new WeakSet<ConnectedSession>();
  const moved = new Moved((conversation, users) => {
    if (isGroupConversation(conversation)) tellGroup(conversation).catch((error) => context.log.error({ conversation, err: error }, 'receipts failed'));
    else for (const user of users) tellPeer(conversation, user);
  });

  function tellPeer(conversation: string, mover: string): void {
    const peer = peerOf(conversation, mover);
    if (peer === undefined || peer === mover) return;
    for (const session of context.hub.of(peer)) {
      if (session.takes(deliveryTopics.receipt(peer)) !== undefined) tellerOf(session)?.lookNow(conversation);
    }
  }

  /** Once for all who have moved: everyone's floor follows from the same two numbers. */
  async function tellGroup(conversation: string): Promise<void> {
    if (!(await floors.groups.moved(conversation))) return;
    for (const member of await context.storage.log.membersOf(conversation)) {
      for (const session of context.hub.of(member)) {
        if (session.takes(deliveryTopics.receipt(member)) !== undefined) tellerOf(session)?.lookNow(conversation);
      }
    }
  }

  function look(session: ConnectedSession, conversations: readonly string[]): void {
    if (conversations.length === 0 || session.takes(deliveryTopics.receipt(session.user)) === undefined) return;
    tellerOf(session)?.look(conversations);
  }

  function tellerOf(session: ConnectedSession): Teller | undefined {
    if (gone.has(session)) return undefined;
    let teller = tellers.get(session);
    if (!teller) tellers.set(session, (teller = new Teller(session, context, floors, () => release(session))));
    return teller;
  }

  /** A session that rests costs nothing. */
  function release(session: ConnectedSession): void {
    if (tellers.get(session)?.idle) tellers.delete(session);
  }

  /** What moved while the device was away, or took no receipts. */
  async function makeGood(session: ConnectedSession): Promise<void> {
    if (!session.live) look(session, await context.storage.log.conversationsOf(session.user));
  }

  /** @param session the one that read; undefined: it was none */
  async function read(user: string, session: ConnectedSession | undefined, conversation: string, place: bigint): Promise<ReadStep | Refusal> {
    const step = await moveRead(context, user, conversation, place);
    if ('code' in step || !step.moved) return step;
    moved.add(conversation, user);
    context.readMoved(user, conversation, step.seq);
    if (session) {
      tellerOf(session)?.knowsOwnRead(conversation, step.seq);
      release(session);
    }
    for (const other of context.hub.of(user)) if (other !== session) look(other, [conversation]);
    return step;
  }

  return {
    name: 'receipts',
    start(given) {
      context = given;
      floors = new Floors(given.storage);
    },
    stop() {
      moved.stop();
      for (const teller of tellers.values()) teller.stop();
      tellers.clear();
    },
    control: {
      read: async (session, topic, payload) => {
        const place = readPlace(payload);
        if (typeof place !== 'bigint') return place;
        const step = await read(session.user, session, topic.conversation, place);
        return 'code' in step ? step : undefined;
      },
    },
    methods: {
      'read.set': async (caller, { conversation, seq }) => {
        const step = await read(caller.user, caller.session, conversation, seq);
        if ('code' in step) throw new RefusedError(step);
        return { seq: BigInt(step.seq) };
      },
    },
    delivered: (user, conversation) => moved.add(conversation, user),
    // Who was behind may have left: nobody waits for them any more.
    afterAppend(batch) {
      for (const { conversation, membership, code } of batch) if (membership && code === Code.OK) moved.add(conversation, '');
    },
    subscribed: (session, added) => {
      const topic = deliveryTopics.receipt(session.user);
      return added.some((filter) => matchesFilter(filter, topic)) ? makeGood(session) : undefined;
    },
    disconnected(session) {
      gone.add(session);
      tellers.get(session)?.stop();
      tellers.delete(session);
    },
  };
}
