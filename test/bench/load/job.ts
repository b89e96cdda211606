import type { Server } from './connection.js';
import type { Account, Payload } from './frames.js';

/** One sender and one receiver, and the topics between them. */
export interface PairPlan {
  sender: Account;
  receiver: Account;
  publishTopic: string;
  deliveryTopic: string;
  receiverFilter: string;
  /** What the sender subscribes to, where a server tells senders what became of their messages. */
  senderFilter?: string;
}

export interface ClientPlan {
  account: Account;
  filter: string;
}

interface Base {
  server: Server;
  /** The server's process: its CPU time and memory are read at the edges of the measured phase. */
  pid: number;
}

interface PairsJob extends Base {
  payload: Payload;
  pairs: PairPlan[];
}

/** As fast as the window allows, for a time. */
export interface ThroughputJob extends PairsJob {
  kind: 'throughput';
  window: number;
  warmMs: number;
  measureMs: number;
}

/** As fast as the window allows, a number of messages; memory is read at each of `marks` (parts of the whole). */
export interface CountJob extends PairsJob {
  kind: 'count';
  window: number;
  messages: number;
  marks: number[];
}

/** An open loop: so many messages a second, whatever the server does. */
export interface PacedJob extends PairsJob {
  kind: 'paced';
  perSecond: number;
  /** At full speed before, so that the server is warm. */
  burstMs: number;
  warmMs: number;
  measureMs: number;
}

/** Receivers are away while `queued` messages for each are sent; then they connect, all at once. */
export interface DrainJob extends PairsJob {
  kind: 'drain';
  window: number;
  queued: number;
  repeats: number;
}

/** What a connection that does nothing costs. The first `baseline` clients are connected before memory is read. */
export interface IdleJob extends Base {
  kind: 'idle';
  clients: ClientPlan[];
  baseline: number;
  settleMs: number;
}

/** All are connected, lose their connection, and come back at once. */
export interface ReconnectJob extends Base {
  kind: 'reconnect';
  clients: ClientPlan[];
  settleMs: number;
}

/** As fast as the windows allow, from a few to all in one group, for a time after a warm-up. */
export interface FanOutJob extends Base {
  kind: 'fan-out';
  payload: Payload;
  publishTopic: string;
  senders: { account: Account; filter?: string }[];
  receivers: (ClientPlan & { deliveryTopic: string })[];
  /** A call that makes the group once all are connected, where a server has groups. */
  prepare?: { url: string; authorization: string; body: string };
  /** The receivers leave before anything is sent: what counts then are the messages. */
  away?: boolean;
  window: number;
  warmMs: number;
  measureMs: number;
}

/** One kind of HTTP request, with its own pace. */
export interface CallKind {
  name: string;
  path: string;
  perSecond: number;
  /** Who takes turns at it; what each of them asks for, one after the other. Without bodies it is a GET. */
  callers: number;
  tokens: string[];
  bodies: string[][];
  accept?: string;
  /** What the answer must hold, where it is JSON. */
  items?: { field: string; count: number };
}

/** Control calls at the HTTP door, in an open loop. */
export interface CallsJob extends Base {
  kind: 'calls';
  kinds: CallKind[];
  warmMs: number;
  measureMs: number;
}

/** Devices that the server knows connect, one after another and then together. */
export interface ConnectsJob extends Base {
  kind: 'connects';
  /** The end of the topic that messages come on. */
  deliveryTopicEnd: string;
  perSecond: number;
  warm: Account[];
  known: Account[];
  /** Messages wait for each; each connects once. */
  waiting: Account[];
  together: Account[];
  rounds: number;
}

export type Job = ThroughputJob | CountJob | PacedJob | DrainJob | IdleJob | ReconnectJob | FanOutJob | CallsJob | ConnectsJob;

/** What was measured, by name. `generatorCpu` is a part of one core. */
export type Metrics = Record<string, number>;

export type Answer = { metrics: Metrics } | { error: string };
