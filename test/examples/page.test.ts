import assert from 'node:assert/strict';
import { test } from 'node:test';
import { texts } from '../sdk/fixtures.js';
import { noChromium } from '../support/browser.js';
import { closedTabLosesNothing, ExampleTab, world } from './example-tab.js';

test('the page: what is typed goes out, its ticks come, and what bob writes is shown and read', { skip: noChromium, timeout: 60_000 }, async (t) => {
  const { origin, door, browser, bob, heard } = await world(t, 'page', 'main.js');
  const tab = await ExampleTab.load(browser, origin);
  await tab.enter(door, 'no user');
  await tab.page.locator('#door .error', { hasText: 'no user' }).waitFor();
  await tab.enter(door);
  await tab.connection(/^connected$/);

  // Nobody knows bob yet.
  await tab.say('to nobody');
  await tab.line('to nobody', 'failed');
  await bob.connect();
  await tab.say('hello <b>bob</b>');
  await tab.line('hello <b>bob</b>', 'delivered');
  await bob.markRead('alice', 1);
  await tab.line('hello <b>bob</b>', 'read');
  assert.deepEqual(texts(heard.events), ['hello <b>bob</b>']);

  await bob.send('alice', 'hello, alice').until('read');
  await tab.say('one more');
  await tab.line('one more', 'delivered');
  assert.deepEqual(await tab.lines(), ['hello <b>bob</b>', 'hello, alice', 'one more', 'to nobody']);
  if (process.env.TEST_SCREENSHOT) await tab.page.screenshot({ path: process.env.TEST_SCREENSHOT });
  assert.deepEqual(browser.faults, []);
});

test('the page: a tab closed offline loses nothing', { skip: noChromium, timeout: 60_000 }, async (t) => {
  await closedTabLosesNothing(await world(t, 'page', 'main.js'));
});
