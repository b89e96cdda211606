import assert from 'node:assert/strict';
import { test } from 'node:test';
import { texts } from '../sdk/fixtures.js';
import { noChromium } from '../support/browser.js';
import { closedTabLosesNothing, ExampleTab, world } from './example-tab.js';

test('the React page: the hook shows what is sent, received and ticked, also over a server that restarts', { skip: noChromium, timeout: 60_000 }, async (t) => {
  const { origin, server, door, browser, bob, heard } = await world(t, 'react', 'main.jsx');
  await bob.connect();
  const tab = await ExampleTab.load(browser, origin);
  await tab.enter(door);
  await tab.connection(/^connected$/);
  await tab.say('hello, bob');
  await tab.line('hello, bob', 'delivered');
  await bob.markRead('alice', 1);
  await tab.line('hello, bob', 'read');
  await bob.send('alice', 'hello, alice').until('read');

  const { mqttPort, httpPort } = server;
  await server.stop();
  await tab.connection(/^(waiting|connecting)$/);
  await tab.say('into the dark');
  await tab.line('into the dark', 'queued');
  await server.start({ GODWIT_MQTT_PORT: String(mqttPort), GODWIT_HTTP_PORT: String(httpPort) });
  await tab.line('into the dark', 'delivered');
  assert.deepEqual(await tab.lines(), ['hello, bob', 'hello, alice', 'into the dark']);
  assert.deepEqual(texts(heard.events), ['hello, bob', 'into the dark']);
  if (process.env.TEST_SCREENSHOT) await tab.page.screenshot({ path: process.env.TEST_SCREENSHOT });
  // While the server was away, Chromium logs each try of the WebSocket.
  assert.deepEqual(browser.faults.filter((fault) => !fault.includes('WebSocket connection')), []);
});

test('the React page: a tab closed offline loses nothing', { skip: noChromium, timeout: 60_000 }, async (t) => {
  await closedTabLosesNothing(await world(t, 'react', 'main.jsx'));
});
