import { Code, Envelope, isRetry, limits, readEnvelope, splitAux, type ControlTopic } from 'godwit-schemas';
import type { Engine } from '../engine.js';
import { validTopicName } from '../mqtt/breaches.js';
import { BAD_TOPIC } from '../mqtt/lane.js';
import type { Refusal } from '../ports/plugin.js';
import { Publish, type Publisher } from './publish.js';
import { wrapRaw } from './raw.js';
import { acknowledge, logRefusal, writeAccepted, writeRefused } from './results.js';
import type { Route } from './routes.js';
import type { Session } from './session.js';

const envelope = new Envelope();
const NO_ID = new Uint8Array(0);
/** Control calls of a connection that may be under way at once; more wait unread. */
const CALLS_AT_ONCE = 16;

type LogRoute = Extract<Route, { kind: 'log' }>;

/** What a connection publishes: checks it, hands it to the commit queue, and answers in order. */
export class Inbound implements Publisher {
  accepting = true;
  /** Publishes that are not settled yet. */
  pending = 0;
  private lastTopic: Buffer | undefined;
  private lastRoute: Route | undefined;
  private lastGeneration = -1;
  /** Conversations in which a retry is awaited: later publishes are refused alike, so that order holds. */
  private blocked: Map<string, { id: Buffer; refusal: Refusal }> | undefined;
  private calls = 0;
  private callDone: (() => void) | undefined;

  constructor(private readonly engine: Engine, private readonly session: Session) {}

  /** See LaneHandler.publish. */
  publish(buffer: Buffer, topicStart: number, topicEnd: number, payload: number, end: number, packetId: number, dup: boolean): void | Promise<void> {
    const last = this.lastTopic;
    if (last && last.length === topicEnd - topicStart && this.lastGeneration === this.engine.routeGeneration && last.compare(buffer, topicStart, topicEnd) === 0) {
      return this.dispatch(this.lastRoute!, buffer, payload, end, packetId, dup);
    }
    if (!validTopicName(buffer, topicStart, topicEnd)) return this.session.violation(BAD_TOPIC);
    const topic = buffer.toString('utf8', topicStart, topicEnd);
    const known = this.session.routes.get(topic);
    if (known) {
      this.lastTopic = Buffer.from(buffer.subarray(topicStart, topicEnd));
      this.lastRoute = known;
      this.lastGeneration = this.engine.routeGeneration;
      return this.dispatch(known, buffer, payload, end, packetId, dup);
    }
    return this.session.routes.find(topic).then((route) => this.dispatch(route, buffer, payload, end, packetId, dup));
  }

  /**
   * A publish that Aedes has parsed: QoS 2, or a will. Resolves when it is settled; the handshake that follows is
   * Aedes's. Packet id 0: a will.
   */
  publishParsed(topic: string, payload: Buffer, packetId: number, dup: boolean): Promise<void> {
    return new Promise((resolve) => {
      void this.session.routes
        .find(topic)
        .then((route) => this.dispatch(route, payload, 0, payload.length, packetId, dup, resolve))
        .then(() => this.session.stoodInLine());
    });
  }

  /** Durable, duplicate or refused: the result, then the PUBACK. */
  settled(publish: Publish): void {
    this.pending--;
    if (publish.raw) publish.settle();
    this.answer(publish);
    if (publish.raw) publish.letGo();
  }

  private answer(publish: Publish): void {
    const { session, engine } = this;
    const { packetId } = publish;
    const refusal = publish.refusal ?? (publish.code === Code.OK ? undefined : logRefusal(publish.code));
    if (refusal) {
      engine.meters.refuse(refusal.code);
      engine.log.debug({ user: session.user, device: session.device, code: refusal.code, text: refusal.text }, 'publish refused');
    }
    if (packetId === 0 || session.closed) return publish.handshake?.();
    const { output, topics } = session;
    if (session.filters.takesResult) {
      // The id of a raw publish is the server's: the device knows its packet id.
      if (refusal) writeRefused(output, topics.result, refusal, publish.raw ? NO_ID : publish.id, packetId);
      else if (publish.wantsResult) writeAccepted(output, topics.result, publish);
    }
    if (publish.handshake) publish.handshake();
    else acknowledge(output, packetId);
  }

  private dispatch(route: Route, buffer: Buffer, payload: number, end: number, packetId: number, dup: boolean, handshake?: () => void): void | Promise<void> {
    const publish = new Publish(this, packetId);
    publish.handshake = handshake;
    if (route.kind === 'log') return this.toLog(publish, route, buffer, payload, end, dup);
    if (route.kind === 'control') return this.control(publish, route.topic, buffer.subarray(payload, end));
    const id = idOf(buffer, payload, end);
    if (!isRetry(route.refusal.code)) this.givenUp(id);
    this.push(publish.refuse(route.refusal), id);
  }

  /** A retry that was awaited is refused for good before it got as far as its limit: nothing need wait for it. */
  private givenUp(id: Uint8Array): void {
    for (const [conversation, blocked] of this.blocked ?? []) if (blocked.id.compare(id) === 0) this.blocked!.delete(conversation);
  }

  private control(publish: Publish, topic: ControlTopic, payload: Buffer): void | Promise<void> {
    publish.wantsResult = false;
    if (topic.kind === 'rpc') {
      this.push(publish, NO_ID);
      return this.call(topic.method, payload);
    }
    const done = this.engine.host.control(this.session, topic, payload).then((refusal) => {
      if (refusal) publish.refuse(refusal);
      this.push(publish, NO_ID);
    });
    // Nobody waits for a typing notice.
    if (publish.packetId > 0) return done;
  }

  private call(method: string, request: Buffer): void | Promise<void> {
    this.calls++;
    void this.engine.call(this.session, method, request).finally(() => {
      this.calls--;
      this.callDone?.();
      this.callDone = undefined;
    });
    if (this.calls >= CALLS_AT_ONCE) return new Promise((resolve) => (this.callDone = resolve));
  }

  private toLog(publish: Publish, route: LogRoute, buffer: Buffer, start: number, end: number, dup: boolean): void | Promise<void> {
    publish.conversation = route.conversation;
    publish.members = route.members;
    publish.from = this.session.user;
    publish.fromDevice = this.session.device;
    const refusal = route.raw ? this.fillRaw(publish, route, buffer, start, end, dup) : fill(publish, buffer, start, end);
    if (refusal) {
      this.push(publish.refuse(refusal), publish.id);
      return;
    }
    if (publish.duplicate) return this.push(publish, publish.id);
    return this.admit(publish);
  }

  /** Limits and hooks; then it goes to the log. */
  private admit(publish: Publish): void | Promise<void> {
    const refusal = this.limited(publish);
    return refusal ? this.refuseOrWait(publish, refusal) : this.ask(publish);
  }

  /** @param until when the waiting ends that has begun already */
  private ask(publish: Publish, until?: number): void | Promise<void> {
    const asked = this.engine.host.beforeAppend(publish, this.session.caller);
    const answered = (objection: Refusal | undefined): void | Promise<void> => (objection ? this.refuseOrWait(publish, objection, until) : this.append(publish));
    return asked instanceof Promise ? asked.then(answered) : answered(asked);
  }

  private append(publish: Publish): void {
    publish.appends = true;
    this.push(publish, publish.id);
  }

  private push(publish: Publish, id: Uint8Array): void {
    publish.id = id;
    publish.arrivedAtMs = performance.now();
    this.pending++;
    this.engine.queue.push(publish);
  }

  /** Limits that pass with time, in the order in which they are told. */
  private limited(publish: Publish): Refusal | undefined {
    const blocked = this.blocked?.get(publish.conversation);
    if (blocked && blocked.id.compare(publish.id) !== 0) return blocked.refusal;
    const refusal = this.engine.admission(this.session.user);
    if (!refusal && blocked) this.blocked!.delete(publish.conversation);
    return refusal;
  }

  /** A device that takes results is told; for one that does not, the socket is not read until there is room. */
  private refuseOrWait(publish: Publish, refusal: Refusal, until?: number): void | Promise<void> {
    if (publish.packetId === 0 || this.session.filters.takesResult || !isRetry(refusal.code)) {
      // A raw publish has no id that could come again: nothing waits for it.
      if (publish.packetId > 0 && !publish.raw && isRetry(refusal.code) && !this.blocked?.has(publish.conversation)) {
        (this.blocked ??= new Map()).set(publish.conversation, { id: Buffer.from(publish.id), refusal });
      }
      this.push(publish.refuse(refusal), publish.id);
      return;
    }
    return this.wait(publish, refusal, until ?? this.engine.now() + limits.refusedWaitMs.value);
  }

  private async wait(publish: Publish, first: Refusal, until: number): Promise<void> {
    for (let refusal: Refusal | undefined = first; refusal; refusal = this.limited(publish)) {
      if (this.engine.now() >= until) return this.session.destroy(`publish refused for ${limits.refusedWaitMs.value / 1000} s: ${refusal.text}`);
      const pause = Math.min(Math.max(refusal.retryAfterMs ?? 1_000, 50), 1_000);
      await new Promise((resolve) => setTimeout(resolve, pause));
      // Whoever has gone resends it on the next connection.
      if (this.session.closed) return;
      this.session.suspendKeepalive();
    }
    return this.ask(publish, until);
  }

  private fillRaw(publish: Publish, route: LogRoute, buffer: Buffer, start: number, end: number, dup: boolean): Refusal | undefined {
    if (end - start > limits.messageBytes.value) return tooLarge(end - start);
    publish.raw = true;
    const body = buffer.subarray(start, end);
    const memory = this.session.raw;
    if (dup && publish.packetId > 0) {
      const first = memory.find(publish.packetId, route.conversation, body);
      if (first) {
        publish.first = first;
        publish.duplicate = true;
        return undefined;
      }
    }
    publish.id = this.engine.nextId();
    publish.flags = 2;
    publish.buffer = wrapRaw(publish.id, body);
    publish.end = publish.buffer.length;
    if (publish.packetId > 0) memory.remember(publish.packetId, route.conversation, body, publish);
    return undefined;
  }
}

/** Fills a publish from a sender's encoded Message, or says why it is refused. */
export function fill(publish: Publish, buffer: Buffer, start: number, end: number): Refusal | undefined {
  if (end - start > limits.messageBytes.value) return tooLarge(end - start);
  if (!readEnvelope(buffer, start, end, envelope)) return { code: Code.MALFORMED, text: `not a Message: ${envelope.error}` };
  publish.id = buffer.subarray(envelope.idStart, envelope.idStart + 16);
  publish.flags = envelope.flags;
  publish.epoch = envelope.epoch;
  publish.expiresInS = envelope.expiresInS;
  publish.buffer = buffer;
  publish.start = start;
  publish.end = end;
  if (envelope.auxFields > 0) {
    const { kept, aux } = splitAux(buffer, start, end);
    publish.buffer = kept;
    publish.start = 0;
    publish.end = kept.length;
    publish.aux = aux;
  }
  return undefined;
}

function tooLarge(bytes: number): Refusal {
  return { code: Code.TOO_LARGE, text: `the message has ${bytes} bytes; at most ${limits.messageBytes.value} are allowed` };
}

/** The id of a Message that is refused for where it goes, if it can be read. */
function idOf(buffer: Buffer, start: number, end: number): Uint8Array {
  return readEnvelope(buffer, start, end, envelope) ? buffer.subarray(envelope.idStart, envelope.idStart + 16) : NO_ID;
}
