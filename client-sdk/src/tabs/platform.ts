/** As much of the Web Locks API as is used; `navigator.locks` is one. */
export interface TabLocks {
  /**
   * Calls `held` once the lock is this caller's, which it is until the promise of `held` has settled or the page ends.
   * Who asked first has it first. Rejects with an AbortError when the signal aborts before that.
   */
  request(name: string, options: { signal?: AbortSignal }, held: () => Promise<void>): Promise<unknown>;
}

/** As much of BroadcastChannel as is used. */
export interface TabChannel {
  /** What another channel of that name has posted. */
  onmessage: ((event: { data: unknown }) => void) | null;
  /** To every other channel of that name, this page's own included; in order for each. Throws what cannot be cloned. */
  postMessage(message: unknown): void;
  /** Nothing more arrives, or is posted. */
  close(): void;
}

/** How tabs find one another. */
export interface TabPlatform {
  readonly locks: TabLocks;
  /** A new channel; all of one name, in all tabs of the origin, hear one another. */
  channel(name: string): TabChannel;
}

/** The browser's own; undefined where there is none: on pages without a secure context, in old browsers. */
export function browserTabs(): TabPlatform | undefined {
  const locks = (globalThis.navigator as { locks?: TabLocks } | undefined)?.locks;
  if (!locks || typeof BroadcastChannel === 'undefined') return undefined;
  return { locks, channel: (name) => new BroadcastChannel(name) as TabChannel };
}
