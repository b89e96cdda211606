/** Portable: runs in Node and in pages. */
import type { Change, Store } from 'godwit-client';

/** Every kind of change that the SDK makes to its store. One write may hold several: they coincide as they come. */
export const steps = [
  'identity',
  'clock',
  /** A message goes into the outbox. */
  'kept',
  /** It leaves the outbox, and stands in its conversation. */
  'accepted',
  'refused',
  /** A refused one goes to the end of the outbox, or is given up. */
  'retried',
  'discarded',
  /** Something of others at its place. */
  'message',
  'gap',
  'undecodable',
  /** A body that cannot be opened, and one that can be at last. */
  'sealed',
  'opened',
  /** An edit, a reaction or a deletion at its place; what it does to its message. */
  'fold',
  'folded',
  'deleted',
  /** Its message is not here; is here now. */
  'fold waits',
  'fold joins',
  'disappears',
  'disappeared',
  /** A floor moved; the tick of a message that disappears. */
  'receipt',
  'ticked',
  /** The app has read; the server was told; it is taken from the unread count. */
  'read',
  'read told',
  'counted',
  /** The app has dealt with what it was handed. */
  'handed',
] as const;

export type Step = (typeof steps)[number];
/** Dies at the first such step: before its write, while it is under way, or when it is durable and nobody knows. */
export interface Crash {
  readonly step: Step;
  readonly when: 'before' | 'during' | 'after';
}

type Head = Record<string, unknown> & { folds?: object };

/** The head of a record: see `records` of the SDK. */
export function headOf(record: Uint8Array): Head {
  const length = new DataView(record.buffer, record.byteOffset).getUint32(0);
  return JSON.parse(new TextDecoder().decode(record.subarray(4, 4 + length))) as Head;
}

/** Tells the steps of writes by their keys, and what was there before. */
export class Steps {
  #places = new Map<string, Head>();

  constructor(places: readonly (readonly [string, Uint8Array])[]) {
    for (const [key, record] of places) this.#places.set(key, headOf(record));
  }

  /** @throws when a change is of no known kind. */
  of(changes: readonly Change[]): Set<Step> {
    const found = new Set<Step>();
    const outbox = changes.filter(({ key }) => key.startsWith('o/'));
    const own = changes.some(({ key, value }) => key.startsWith('m/') && value && headOf(value).from === 'alice');
    for (const { key, value } of changes) {
      const head = value && headOf(value);
      const step = key === 'identity' || key === 'clock' ? key : this.#step(key, head, outbox, own);
      if (step === undefined) throw new Error(`a step of no known kind: ${key} ${JSON.stringify(head)}`);
      for (const one of step === '' ? [] : Array.isArray(step) ? step : [step]) found.add(one);
    }
    return found;
  }

  #step(key: string, head: Head | undefined, outbox: readonly Change[], own: boolean): Step | Step[] | '' | undefined {
    switch (key.slice(0, 2)) {
      case 'o/':
        if (head) return head.failed ? 'refused' : outbox.some(({ value }) => !value) && !own ? 'retried' : 'kept';
        return own ? 'accepted' : outbox.some(({ value }) => value) ? 'retried' : 'discarded';
      case 'm/':
        return head ? this.#message(head) : 'disappeared';
      case 'e/':
        return head ? 'disappears' : 'disappeared';
      case 'f/':
        return head ? 'fold waits' : 'fold joins';
      case 's/':
        return head ? 'sealed' : 'opened';
      case 'r/':
        return head!.told === head!.seq ? 'read told' : 'read';
      case 'x/':
        return 'undecodable';
      case 'i/':
        return '';
      case 'p/':
        return this.#place(key, head!);
    }
    return undefined;
  }

  #message(head: Head): Step | Step[] | '' {
    if (head.kind === 'gap') return 'gap';
    if (head.kind === 'fold') return 'fold';
    if (head.kind === 'deleted') return 'deleted';
    if (head.tick !== undefined && head.tick !== 'sent') return 'ticked';
    if (head.folds) return 'folded';
    return head.from === 'alice' ? '' : 'message';
  }

  #place(key: string, now: Head): Step[] {
    const before = this.#places.get(key) ?? {};
    this.#places.set(key, now);
    const changed = (field: string): boolean => (now[field] ?? 0) !== (before[field] ?? 0);
    const found: Step[] = [];
    if (changed('delivered') || changed('read') || changed('ownRead')) found.push('receipt');
    if (changed('readTo')) found.push('counted');
    if (changed('handed')) found.push('handed');
    return found;
  }
}

/**
 * The store of an app that dies at a step: from then on nothing reaches the store any more.
 * @param die ends the process, at once or a little later.
 */
export async function crashing(store: Store, crash: Crash | undefined, die: () => void, done: (step: Step) => void): Promise<Store> {
  const labels = new Steps(await store.range({ from: 'p/', before: 'p0' }));
  let dead = false;
  const end = (): Promise<never> => {
    dead = true;
    die();
    return new Promise(() => {});
  };
  return {
    get: (key) => (dead ? new Promise(() => {}) : store.get(key)),
    range: (range) => (dead ? new Promise(() => {}) : store.range(range)),
    close: () => store.close(),
    async write(changes) {
      if (dead) return end();
      const found = labels.of(changes);
      const dies = crash !== undefined && found.has(crash.step);
      if (dies && crash.when === 'before') return end();
      const written = store.write(changes);
      if (dies && crash.when === 'during') return end();
      await written;
      if (dies) return end();
      for (const step of found) done(step);
    },
  };
}
