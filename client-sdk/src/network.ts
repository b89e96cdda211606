/** What the platform believes of the network. Hints, not truth: "online" is a cable, not a server. */
export interface NetworkHints {
  /** undefined: it does not say. */
  readonly online: boolean | undefined;
  /** Told when that changes, or may have (another network). @returns stops it. */
  listen(listener: (online: boolean) => void): () => void;
}

/** As much of a browser's or a worker's global object as is used. */
interface Platform {
  readonly navigator?: { readonly onLine?: boolean };
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
}

/** The hints of browsers and their workers; undefined where the platform gives none, as in Node and React Native. */
export function platformNetwork(platform: object = globalThis): NetworkHints | undefined {
  const { navigator, addEventListener, removeEventListener } = platform as Platform;
  if (typeof navigator?.onLine !== 'boolean' || !addEventListener || !removeEventListener) return undefined;
  return {
    get online() {
      return navigator.onLine;
    },
    listen(listener) {
      const online = (): void => listener(true);
      const offline = (): void => listener(false);
      addEventListener.call(platform, 'online', online);
      addEventListener.call(platform, 'offline', offline);
      return () => {
        removeEventListener.call(platform, 'online', online);
        removeEventListener.call(platform, 'offline', offline);
      };
    },
  };
}
