import { indexedDbStore } from 'godwit-client';

/**
 * A database of this browser: what a client keeps there, what it has not sent yet among it, outlives the tab.
 * @throws Error when another tab has it open: one store, one client.
 */
export async function openStore(name) {
  const release = await lock(name);
  try {
    const store = await indexedDbStore(name);
    const close = store.close.bind(store);
    return Object.assign(store, { close: () => close().finally(release) });
  } catch (fault) {
    release();
    throw fault;
  }
}

/** Resolves with what releases it; the end of the page does, too. A page that is just being left gets a second for that. */
function lock(name) {
  return new Promise((resolve, reject) => {
    const held = () => new Promise((release) => resolve(release));
    navigator.locks.request(name, { signal: AbortSignal.timeout(1_000) }, held).catch((fault) => reject(fault.name === 'TimeoutError' ? new Error(`${name} is open in another tab`) : fault));
  });
}
