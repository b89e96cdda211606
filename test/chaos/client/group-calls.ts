import { Code, codeName, create, fromBinary, isRetry, methods, publishTopics, RequestSchema, ResponseSchema, toBinary } from 'godwit-schemas';
import type { ToWrite, Written } from '../journal.js';
import type { DevicePlan } from '../plan.js';
import type { Random } from '../seeded.js';
import { answerOf, firstMoves, nextMove, requestOf, type GroupMove } from './group-moves.js';

/** Calls under way at once. */
const MOST = 4;
/** Answered calls that may be made once more. */
const REMEMBERED = 8;
const RETRY_MS = 200;

interface Call extends GroupMove {
  id: string;
  /** It was asked on this connection, and not answered. */
  asked: boolean;
  notBefore: number;
}

/**
 * The control calls of a chat device. What is not answered when the connection, the server or the process is gone is
 * asked again under its id; so is, now and then, what was answered long ago.
 */
export class GroupCalls {
  private readonly open = new Map<string, Call>();
  private readonly answered: Call[] = [];
  private publish: ((topic: string, payload: Uint8Array) => void) | undefined;
  private first: GroupMove[];
  private talking = false;

  constructor(private readonly plan: DevicePlan, private readonly random: Random, private readonly write: (entry: ToWrite) => void, private readonly broken: (rule: string) => void) {
    this.first = firstMoves(plan);
  }

  /** Calls without an answer. */
  get size(): number {
    return this.open.size + (this.talking ? this.first.length : 0);
  }

  recall(entries: readonly Written[]): void {
    for (const entry of entries) {
      if (entry.what === 'calling') {
        const { call: id, method, group, users } = entry;
        this.open.set(id, { id, method, group, users, asked: false, notBefore: 0 });
        this.first = this.first.filter((move) => move.method !== method || move.group !== group);
      } else if (entry.what === 'answered') this.settle(entry.call);
    }
  }

  ready(publish: (topic: string, payload: Uint8Array) => void): void {
    this.publish = publish;
    if (this.answered.length > 0 && this.random.chance(0.5)) {
      const [again] = this.answered.splice(this.random.below(this.answered.length), 1);
      this.begin(again);
    }
    this.flush();
  }

  lost(): void {
    this.publish = undefined;
    for (const call of this.open.values()) call.asked = false;
  }

  /** Everyone has connected once: the groups of this device are made, then their admins. */
  talk(): void {
    this.talking = true;
    this.flush();
  }

  act(): void {
    const move = this.open.size < MOST && this.first.length === 0 ? nextMove(this.plan, this.random) : undefined;
    if (move) this.begin({ ...move, id: Buffer.from(this.random.bytes(16)).toString('hex'), asked: false, notBefore: 0 });
    this.flush();
  }

  flush(): void {
    const { publish } = this;
    if (!publish) return;
    if (this.talking && this.open.size === 0 && this.first.length > 0) this.begin({ ...this.first.shift()!, id: Buffer.from(this.random.bytes(16)).toString('hex'), asked: false, notBefore: 0 });
    for (const call of this.open.values()) {
      if (call.asked || call.notBefore > Date.now()) continue;
      call.asked = true;
      const { request } = methods[call.method];
      const params = toBinary(request, create(request, requestOf(call) as never) as never);
      publish(publishTopics.rpc(call.method), toBinary(RequestSchema, create(RequestSchema, { callId: Buffer.from(call.id, 'hex'), params })));
    }
  }

  /** An answer has come. */
  heard(payload: Uint8Array): void {
    const { callId, value, error } = fromBinary(ResponseSchema, payload);
    const call = this.open.get(Buffer.from(callId).toString('hex'));
    if (!call) return this.broken(`an answer to no call: ${Buffer.from(callId).toString('hex')}`);
    if (error && isRetry(error.code)) {
      Object.assign(call, { asked: false, notBefore: Date.now() + RETRY_MS });
      return;
    }
    if (error && ![Code.UNKNOWN_CONVERSATION, Code.NOT_ALLOWED, Code.UNKNOWN_USER].includes(error.code)) this.broken(`${call.method} was refused with ${codeName(error.code)}: ${error.text}`);
    const answer = error ? { revision: 0, changed: [] } : answerOf(fromBinary(methods[call.method].response, value));
    this.write({ what: 'answered', call: call.id, code: error?.code ?? Code.OK, ...answer });
    this.settle(call.id);
    this.flush();
  }

  private begin(call: Call): void {
    const { id, method, group, users } = call;
    this.write({ what: 'calling', call: id, method, group, users });
    this.open.set(id, { ...call, asked: false, notBefore: 0 });
  }

  private settle(id: string): void {
    const call = this.open.get(id);
    this.open.delete(id);
    if (!call) return;
    this.answered.push(call);
    if (this.answered.length > REMEMBERED) this.answered.shift();
  }
}
