import { GodwitError, type Change, type KeyRange, type Store } from 'godwit-client';
import type { Page } from 'playwright-core';
import type { Methods, Outcome } from './store-page.js';

/** A store in a page that runs `store-page`, as if it were here. */
export class PageStore implements Store {
  private constructor(
    readonly page: Page,
    /** Its place among the page's `stores`. */
    readonly index: number,
  ) {}

  static async open(page: Page, name: string): Promise<PageStore> {
    return new PageStore(page, await call(page, 'open', name));
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const value = await call(this.page, 'get', this.index, key);
    return value === undefined ? undefined : Buffer.from(value, 'base64');
  }

  async range(range: KeyRange): Promise<[string, Uint8Array][]> {
    const rows = await call(this.page, 'range', this.index, range);
    return rows.map(([key, value]) => [key, Buffer.from(value, 'base64')]);
  }

  write(changes: readonly Change[]): Promise<void> {
    return call(this.page, 'write', this.index, changes.map(({ key, value }) => [key, value ? Buffer.from(value).toString('base64') : null]));
  }

  close(): Promise<void> {
    return call(this.page, 'close', this.index);
  }
}

async function call<M extends keyof Methods>(page: Page, method: M, ...parameters: Parameters<Methods[M]>): Promise<Awaited<ReturnType<Methods[M]>>> {
  const outcome = await page.evaluate(
    ([method, parameters]) => (globalThis as unknown as { callStore(method: string, ...parameters: unknown[]): Promise<Outcome> }).callStore(method, ...parameters),
    [method, parameters] as const,
  );
  if ('value' in outcome) return outcome.value as Awaited<ReturnType<Methods[M]>>;
  if (!('error' in outcome)) return undefined as Awaited<ReturnType<Methods[M]>>;
  throw outcome.code === undefined ? new Error(outcome.error) : new GodwitError(outcome.code, outcome.error);
}
