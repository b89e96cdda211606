import { Code, GodwitError } from 'godwit-schemas';
import { Deferred, Timer } from '../wait.js';
import type { Answer, FromTab, Params, Request, RequestName } from './messages.js';

/** Pings without an answer after which the leader counts as frozen. */
const most = 3;

interface Open {
  readonly request?: Request;
  readonly value: Deferred<unknown>;
  /** Waits as long as it takes: for a leader that is frozen, too. */
  patient: boolean;
  /** A leader was asked. */
  asked: boolean;
}

/**
 * What this tab has asked and is not answered yet. When the leader is gone, the next one is asked, in the same order.
 *
 * A leader may also be there and not answer, which nothing tells but its silence. Desktop Chrome does not freeze a page
 * that holds a Web Lock; phones freeze any page in background, and a frozen page keeps its locks. Its lock could be
 * stolen, but then two clients would write to one store: the frozen one, when it wakes, before it hears that it leads
 * no more. So we wait, and say UNAVAILABLE to whoever waits for an answer; what is sent is kept by the leader when it
 * wakes, or by the next. Silence is counted in pings, not in time: after a sleep of this very page, the clock says
 * nothing about the leader.
 */
export class Asks {
  readonly #open = new Map<number, Open>();
  #number = 0;
  #leader: string | undefined;
  #unheard = 0;
  readonly #timer = new Timer();

  constructor(
    private readonly tab: string,
    private readonly post: (message: FromTab) => void,
    private readonly silenceMs: number,
  ) {}

  /** @throws GodwitError what the leader answers; UNAVAILABLE when it is silent, or this tab is closed; MALFORMED for what cannot be cloned. */
  ask<R extends RequestName>(name: R, params: Params<R>, { patient = false } = {}): Promise<Answer<R>> {
    const open: Open = { request: { name, params } as Request, value: new Deferred(), patient, asked: false };
    const number = this.#add(open);
    this.#put(number, open);
    return open.value.promise as Promise<Answer<R>>;
  }

  /** Rejects when nobody leads, or the leader is silent, before the promise is settled. */
  heardUntil<T>(value: Deferred<T>): Promise<T> {
    const number = this.#add({ value: value as Deferred<unknown>, patient: false, asked: false });
    return value.promise.finally(() => this.#open.delete(number));
  }

  /** Somebody leads from now on: asks them everything. */
  lead(leader: string): void {
    this.#leader = leader;
    this.heard();
    for (const [number, open] of [...this.#open]) this.#put(number, open);
  }

  /** A sign of life of the leader. */
  heard(): void {
    this.#unheard = 0;
  }

  answered(number: number, value: unknown, error: unknown): void {
    const open = this.#open.get(number);
    this.#open.delete(number);
    if (error !== undefined) open?.value.reject(error);
    else open?.value.resolve(value);
  }

  /** Resolves when everything that was waited for with patience is answered. @throws GodwitError UNAVAILABLE when the leader is silent; what failed. */
  async settled(): Promise<void> {
    const patient = [...this.#open.values()].filter((open) => open.patient);
    for (const open of patient) open.patient = false;
    if (patient.length > 0) this.#listen();
    await Promise.all(patient.map(({ value }) => value.promise));
  }

  abandon(error: GodwitError): void {
    this.#timer.clear();
    this.#reject(() => true, error);
  }

  #add(open: Open): number {
    this.#open.set(++this.#number, open);
    if (!open.patient) this.#listen();
    return this.#number;
  }

  #put(number: number, open: Open): void {
    if (!this.#leader || !open.request) return;
    try {
      this.post({ for: 'leader', tab: this.tab, kind: 'ask', leader: this.#leader, ask: number, again: open.asked, request: open.request });
      open.asked = true;
    } catch (error) {
      this.#open.delete(number);
      open.value.reject(new GodwitError(Code.MALFORMED, `it cannot be given to another tab: ${error instanceof Error ? error.message : String(error)}`));
    }
  }

  #listen(): void {
    if (!this.#timer.running) this.#timer.set(this.silenceMs / most, () => this.#look());
  }

  #look(): void {
    if (![...this.#open.values()].some(({ patient }) => !patient)) {
      this.#unheard = 0;
      return;
    }
    if (this.#unheard >= most) {
      this.#unheard = 0;
      return this.#reject(({ patient }) => !patient, new GodwitError(Code.UNAVAILABLE, 'the tab that leads does not answer: it may be frozen in background'));
    }
    this.#unheard++;
    this.post({ for: 'leader', tab: this.tab, kind: 'ping' });
    this.#listen();
  }

  #reject(which: (open: Open) => boolean, error: GodwitError): void {
    for (const [number, open] of this.#open) {
      if (!which(open)) continue;
      this.#open.delete(number);
      open.value.reject(error);
    }
  }
}
