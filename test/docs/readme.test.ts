import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { loadOrCreateSecret } from '../../broker/config.js';
import type { Godwit } from '../../broker/index.js';
import { Device } from '../support/device.js';
import type { Scope } from '../support/folder.js';
import { until } from '../support/recorder.js';
import { modulesOf, typeErrors, writeModules } from './modules.js';

test("the README's embedded server runs, and its plugin counts", async (t) => {
  const cleaning: (() => unknown)[] = [];
  t.after(async () => {
    for (const clean of cleaning) await clean();
  });
  // What came last goes first: the server before its folder.
  const scope: Scope = { after: (clean) => cleaning.unshift(clean) };
  const modules = modulesOf('README.md');
  const folder = writeModules(scope, modules);
  assert.equal(typeErrors(folder, modules.keys()), '');
  const log = t.mock.method(console, 'log', () => {});
  const { godwit } = (await import(pathToFileURL(join(folder, 'embedded.js')).href)) as { godwit: Godwit };
  scope.after(() => godwit.stop());
  const { mqttPort, httpPort, config } = godwit;
  const address = { mqttPort, httpPort, secret: loadOrCreateSecret(config.data) };
  const alice = await Device.connect(scope, address, 'alice:phone');
  await alice.send('alice', 'a note');
  await until('the plugin has counted', () => log.mock.calls.some(({ arguments: [line] }) => line === '1 more'));
});
