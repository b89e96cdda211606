import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Code, indexedDbStore, type Change } from 'godwit-client';
import type { Page } from 'playwright-core';
import { Browser, noChromium } from '../support/browser.js';
import { temporaryFolder } from '../support/folder.js';
import { serveScript } from '../support/site.js';
import { gate } from './fixtures.js';
import { PageStore } from './page-store.js';
import { storageSuite } from './storage-suite.js';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const put = (key: string, ...values: number[]): Change => ({ key, value: bytes(...values) });

test('where there is no IndexedDB, it is said', async () => {
  await assert.rejects(indexedDbStore('a'), { name: 'GodwitError', code: Code.UNAVAILABLE });
});

describe('IndexedDB in Chromium', { skip: noChromium, timeout: 120_000 }, () => {
  const endings: (() => unknown)[] = [];
  const scope = { after: (end: () => unknown) => void endings.push(end) };
  let origin: string;
  let browser: Browser;
  let page: Page;
  let names = 0;
  const newName = (): string => `store-${names++}`;

  before(async () => {
    origin = await serveScript(scope, import.meta.resolve('./store-page.js'));
    browser = await Browser.launch(join(await temporaryFolder(scope), 'profile'));
    scope.after(() => browser.close());
    page = await browser.page(origin);
  });
  after(async () => {
    for (const end of endings.reverse()) await end();
  });

  storageSuite('IndexedDB', async () => {
    const name = newName();
    const open = () => PageStore.open(page, name);
    // Resolves when nobody holds it open any more.
    const remove = () => page.evaluate<void>(`new Promise((resolve, reject) => Object.assign(indexedDB.deleteDatabase('${name}'), { onsuccess: () => resolve(), onerror: reject }))`);
    return { open, reopen: open, remove };
  });

  test('each write is one transaction, and asks for its durability', async () => {
    const tab = await browser.page(origin);
    await tab.evaluate(`
      const { transaction } = IDBDatabase.prototype;
      IDBDatabase.prototype.transaction = function (...parameters) {
        const made = transaction.apply(this, parameters);
        if (made.mode === 'readwrite') (globalThis.made ??= []).push(made.durability);
        return made;
      };
    `);
    const store = await PageStore.open(tab, newName());
    await store.write([put('a', 1), put('b', 1), { key: 'c', value: undefined }]);
    await store.write([put('a', 2)]);
    assert.deepEqual(await tab.evaluate('made'), ['strict', 'strict']);
    await tab.close();
  });

  test('a view is stored without the buffer behind it, and may be changed once write was called', async () => {
    const store = await PageStore.open(page, newName());
    const length = await page.evaluate(`(async () => {
      const store = stores[${store.index}];
      const buffer = new Uint8Array(1_000_000);
      const written = store.write([{ key: 'a', value: buffer.subarray(0, 3) }]);
      buffer.fill(9);
      await written;
      const value = await store.get('a');
      return [value.buffer.byteLength, ...value];
    })()`);
    assert.deepEqual(length, [3, 0, 0, 0]);
    await store.close();
  });

  test('a write that cannot be put is undone as a whole', async () => {
    const store = await PageStore.open(page, newName());
    await store.write([put('a', 1)]);
    const key = { not: 'a key' } as unknown as string;
    await assert.rejects(store.write([put('a', 2), put('b', 2), { key, value: bytes(2) }, put('c', 2)]), { code: Code.MALFORMED });
    assert.deepEqual((await store.range({ from: '', before: '~' })).map(([key, value]) => [key, ...value]), [['a', 1]]);
    await store.close();
  });

  test('a page of 50 out of 3,000, forwards and backwards, takes few requests', async () => {
    const tab = await browser.page(origin);
    await tab.evaluate(`
      globalThis.requests = 0;
      for (const [type, names] of [[IDBObjectStore, ['get', 'getAll', 'getAllKeys', 'openCursor', 'openKeyCursor']], [IDBCursor, ['advance', 'continue']]]) {
        for (const name of names) {
          const method = type.prototype[name];
          type.prototype[name] = function (...parameters) {
            requests++;
            return method.apply(this, parameters);
          };
        }
      }
    `);
    const store = await PageStore.open(tab, newName());
    const key = (i: number): string => `k/${String(i).padStart(4, '0')}`;
    await store.write(Array.from({ length: 3_000 }, (_, i) => put(key(i), i % 256)));
    for (const [reverse, first, most] of [[false, 100, 2], [true, 2_999, 4]] as const) {
      await tab.evaluate('void (requests = 0)');
      const rows = await store.range({ from: key(100), before: 'k0', limit: 50, reverse });
      assert.deepEqual(rows.map(([key, value]) => [key, value[0]]), Array.from({ length: 50 }, (_, i) => (reverse ? first - i : first + i)).map((i) => [key(i), i % 256]));
      assert.ok(Number(await tab.evaluate('requests')) <= most, `${await tab.evaluate('requests')} requests`);
    }
    for (const limit of [0, 1, 2, 49, 50, 51, 2 ** 33]) {
      for (const reverse of [false, true]) assert.equal((await store.range({ from: key(2_950), before: 'k0', limit, reverse })).length, Math.min(limit, 50));
    }
    assert.deepEqual(await store.range({ from: 'b', before: 'a' }), []);
    await tab.close();
  });

  test('survives a reload', async () => {
    const tab = await browser.page(origin);
    const name = newName();
    const store = await PageStore.open(tab, name);
    await store.write([put('a', 1)]);
    await tab.reload();
    const again = await PageStore.open(tab, name);
    assert.deepEqual([...(await again.get('a'))!], [1]);
    await tab.close();
  });

  test('two tabs open it, and neither waits for the other; each sees what the other has written', async () => {
    const name = newName();
    const tabs = [await browser.page(origin), await browser.page(origin)];
    const [one, two] = await Promise.all(tabs.map((tab) => PageStore.open(tab, name)));
    await Promise.all([one.write([put('a', 1)]), two.write([put('b', 2)])]);
    assert.deepEqual([...(await one.get('b'))!, ...(await two.get('a'))!], [2, 1]);
    await one.close();
    await two.write([put('a', 3)]);
    assert.deepEqual([...(await two.get('a'))!], [3]);
    for (const tab of tabs) await tab.close();
  });

  test('a database that is deleted: the store lets it go, and says so', async () => {
    const name = newName();
    const tab = await browser.page(origin);
    const store = await PageStore.open(page, name);
    await store.write([put('a', 1)]);
    await tab.evaluate(`new Promise((resolve, reject) => Object.assign(indexedDB.deleteDatabase('${name}'), { onsuccess: () => resolve(), onerror: reject, onblocked: reject }))`);
    await assert.rejects(store.get('a'), { code: Code.UNAVAILABLE, message: /deleted/ });
    await assert.rejects(store.range({ from: 'a', before: 'b' }), { code: Code.UNAVAILABLE });
    await assert.rejects(store.write([put('a', 1)]), { code: Code.UNAVAILABLE });
    await store.close();
    const again = await PageStore.open(tab, name);
    assert.equal(await again.get('a'), undefined);
    await tab.close();
  });

  test('storage that the browser throws away while it is in use: what is under way rejects, and all that comes', async () => {
    // Chromium often forgets to end what is under way: several times, to meet that.
    for (let round = 0; round < 5; round++) {
      const tab = await browser.page(origin);
      const store = await PageStore.open(tab, newName());
      await store.write([put('a', 1)]);
      const gone = tab.evaluate(`(async () => {
        for (;;) await stores[${store.index}].write([{ key: 'b', value: new Uint8Array(10) }]);
      })().catch((error) => error.name + ' ' + error.code)`);
      await (await browser.debug(tab)).send('Storage.clearDataForOrigin', { origin, storageTypes: 'indexeddb' });
      assert.equal(await gone, `GodwitError ${Code.UNAVAILABLE}`);
      await assert.rejects(store.get('a'), { code: Code.UNAVAILABLE });
      await store.close();
      await tab.close();
    }
  });

  test('a newer version opens it: this one lets go; this one finds a newer, an older that holds on, another app\'s', async () => {
    const tab = await browser.page(origin);
    const raw = (name: string, version: number, then = ''): Promise<void> => {
      return tab.evaluate(`new Promise((resolve, reject) => Object.assign(indexedDB.open('${name}', ${version}), { onsuccess: ({ target }) => { ${then} resolve(); }, onerror: reject, onblocked: reject }))`);
    };
    const newer = newName();
    const store = await PageStore.open(page, newer);
    await raw(newer, 2, 'target.result.close();');
    await assert.rejects(store.get('a'), { code: Code.UNAVAILABLE, message: /newer version/ });
    await assert.rejects(PageStore.open(page, newer), { code: Code.CONFLICT });

    const foreign = newName();
    await raw(foreign, 1);
    await assert.rejects(PageStore.open(page, foreign), { code: Code.CONFLICT, message: /another app/ });
    // As the next version of the SDK opens it, while the tab does not let go.
    const next = await browser.page(origin);
    await next.evaluate(`{ const { open } = IDBFactory.prototype; IDBFactory.prototype.open = function (name) { return open.call(this, name, 2); }; }`);
    await assert.rejects(PageStore.open(next, foreign), { code: Code.CONFLICT, message: /older version/ });
    await tab.close();
    const later = await PageStore.open(next, foreign);
    await later.write([put('a', 1)]);
    await next.close();
  });

  test('a page that is denied all storage', async () => {
    const tab = await browser.page(`${origin}/denied`);
    await assert.rejects(PageStore.open(tab, 'a'), { code: Code.UNAVAILABLE });
    await tab.close();
  });

  test('a quota that is used up is STORAGE_FULL: nothing is half written, and it goes on when there is room', async (t) => {
    // An origin that has not written yet: Chromium remembers for a while how much room there was.
    const fresh = await serveScript(t, import.meta.resolve('./store-page.js'));
    const tab = await browser.page(fresh);
    const debug = await browser.debug(tab);
    await debug.send('Storage.overrideQuotaForOrigin', { origin: fresh, quotaSize: 5_000_000 });
    const store = await PageStore.open(tab, 'a');
    // Random: what is stored is compressed.
    const large = randomBytes(400_000);
    let written = 0;
    const fill = async (): Promise<void> => {
      for (;; written++) await store.write([put('n', written), { key: `x/${written}`, value: large }, { key: `y/${written}`, value: large }]);
    };
    await assert.rejects(fill(), { code: Code.STORAGE_FULL });
    t.diagnostic(`full after ${written} writes of 0.8 MB`);
    assert.deepEqual([...(await store.get('n'))!], [written - 1]);
    const rows = await store.range({ from: 'x/', before: 'z' });
    assert.deepEqual(rows.map(([key]) => key).sort(), ['x', 'y'].flatMap((one) => Array.from({ length: written }, (_, i) => `${one}/${i}`)).sort());
    await debug.send('Storage.overrideQuotaForOrigin', { origin: fresh });
    await store.write([put('n', 200), { key: 'x/last', value: large }]);
    assert.deepEqual([...(await store.get('n'))!], [200]);
    await tab.close();
  });
});

test('a browser killed with -9 while a page writes: what was acknowledged is there, and every write is whole', { skip: noChromium, timeout: 120_000 }, async (t) => {
  const origin = await serveScript(t, import.meta.resolve('./store-page.js'));
  const profile = join(await temporaryFolder(t), 'profile');
  let acknowledged = -1;
  for (let round = 0; round < 2; round++) {
    const browser = await Browser.launch(profile);
    t.after(() => browser.kill());
    const page = await browser.page(origin);
    const store = await PageStore.open(page, 'a');
    const rows = await store.range({ from: 'k/', before: 'k0' });
    const numbers = rows.map(([key]) => Number(key.slice(2, 8)));
    assert.ok(numbers.length / 2 > acknowledged, `${acknowledged + 1} were acknowledged, there are ${numbers.length / 2}`);
    assert.deepEqual(numbers, Array.from({ length: numbers.length }, (_, i) => i >> 1), 'all of them, both keys of each');
    const { promise, open } = gate();
    const enough = acknowledged + 60;
    await page.exposeFunction('told', (n: number) => {
      acknowledged = n;
      if (n >= enough) open();
    });
    // Many under way at a time, so that the end meets some of them.
    void page.evaluate(`(() => {
      let n = ${numbers.length / 2};
      const next = () => {
        const own = n++;
        const key = 'k/' + String(own).padStart(6, '0');
        stores[${store.index}].write([{ key: key + '/a', value: new Uint8Array(2_000) }, { key: key + '/b', value: new Uint8Array(2_000) }]).then(() => { told(own); next(); });
      };
      for (let i = 0; i < 8; i++) next();
    })()`);
    await promise;
    await browser.kill();
  }
  const browser = await Browser.launch(profile);
  t.after(() => browser.close());
  const store = await PageStore.open(await browser.page(origin), 'a');
  const numbers = (await store.range({ from: 'k/', before: 'k0' })).map(([key]) => Number(key.slice(2, 8)));
  assert.ok(numbers.length / 2 > acknowledged, `${acknowledged + 1} were acknowledged, there are ${numbers.length / 2}`);
  assert.deepEqual(numbers, Array.from({ length: numbers.length }, (_, i) => i >> 1));
  t.diagnostic(`${acknowledged + 1} acknowledged over two kills, ${numbers.length / 2} there`);
});
