import type { ClientPlan, PairPlan } from './load/job.js';
import type { Peer, Running } from './peers/peer.js';

/** What the load generator must know of a server and of those who are connected to it. */
export async function groupOf(server: Running, { dialect: { payload, group: dialect } }: Peer, senders: number, members: number) {
  const group = 'birds';
  const senderNames = Array.from({ length: senders }, (_, index) => `a${index}`);
  const receiverNames = Array.from({ length: members - senders }, (_, index) => `b${String(index).padStart(4, '0')}`);
  return {
    ...{ server: { host: server.host, port: server.port }, pid: server.pid, payload, publishTopic: dialect.publishTopic(group) },
    senders: await Promise.all(senderNames.map(async (user) => ({ account: await server.account(user, true), filter: dialect.senderFilter?.(user) }))),
    receivers: await Promise.all(
      receiverNames.map(async (user) => ({ account: await server.account(user, false), filter: dialect.receiverFilter(user, group), deliveryTopic: dialect.deliveryTopic(user, group) })),
    ),
    prepare: await server.prepareGroup?.(group, [...senderNames, ...receiverNames]),
  };
}

export async function pairsOf(server: Running, peer: Peer, count: number) {
  const { dialect } = peer;
  const pairs = await Promise.all(
    Array.from({ length: count }, async (_, index): Promise<PairPlan> => {
      const [from, to] = [`a${index}`, `b${index}`];
      return {
        sender: await server.account(from, true),
        receiver: await server.account(to, false),
        publishTopic: dialect.publishTopic(to),
        deliveryTopic: dialect.deliveryTopic(to),
        receiverFilter: dialect.receiverFilter(to),
        senderFilter: dialect.senderFilter?.(from),
      };
    }),
  );
  return { server: { host: server.host, port: server.port }, pid: server.pid, payload: dialect.payload, pairs };
}

export async function clientsOf(server: Running, peer: Peer, count: number) {
  const clients = await Promise.all(
    Array.from({ length: count }, async (_, index): Promise<ClientPlan> => {
      const user = `c${index}`;
      return { account: await server.account(user, false), filter: peer.dialect.receiverFilter(user) };
    }),
  );
  return { server: { host: server.host, port: server.port }, pid: server.pid, clients };
}
