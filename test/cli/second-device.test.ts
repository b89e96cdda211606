import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serveProcess } from '../support/process.js';
import { machine, missing } from './panes.js';

test('she opens a second device: her conversations, unread counts and past are there; reading on one clears the other, and what is set holds on both', { skip: missing }, async (t) => {
  const { server, shell, panes } = await machine(t, 100, 20);
  await shell.ok('user', 'add', 'alice', 'bob', 'carol', 'dave');
  await shell.ok('send', 'bob', 'alice', 'shall we meet?');
  await panes.start('first', 'chat', 'alice', 'bob');
  await panes.shows('first', /│ \d\d:\d\d {4}bob {4}shall we meet\?/);
  await panes.type('first', 'at eight');
  await panes.enter('first');
  await panes.shows('first', /✓ {2}alice {2}at eight/);
  await panes.type('first', '/pin');
  await panes.enter('first');
  await panes.shows('first', /bob 📌[^]*bob is pinned/);
  await shell.ok('send', 'carol', 'alice', 'one');
  await shell.ok('send', 'carol', 'alice', 'two');
  await shell.ok('send', 'dave', 'alice', 'psst');
  await panes.shows('first', /bob 📌[^]* dave .*\n psst +1 │[^]* carol .*\n two +2 │/);

  await panes.start('second', 'chat', 'alice', '--store', 'second');
  await panes.shows('second', /▌bob 📌 .*\n▌you: at eight +│.*\n dave .*\n psst +1 │.*\n carol .*\n two +2 │/);
  await panes.enter('second');
  await panes.shows('second', /│ \d\d:\d\d {4}bob {4}shall we meet\?\n.*│ \d\d:\d\d ✓ {2}alice {2}at eight\n/);

  // Read there, and read here; what is open here shows what was written there.
  await panes.key('second', 'C-Down');
  await panes.shows('second', /── unread ─+\n.*dave {3}psst/);
  await panes.shows('first', / dave .*\n psst +│[^]* two +2 │/);
  await panes.key('first', 'C-Down');
  await panes.key('first', 'C-Down');
  await panes.shows('first', /── unread ─+\n.*carol {2}one\n.*carol {2}two\n/);
  await panes.shows('second', / carol .*\n two +│/);
  await panes.type('first', 'three');
  await panes.enter('first');
  await panes.shows('second', / carol .*\n you: three +│/);

  // The newest of carol's is in sight on the first one alone: there it is read.
  await shell.ok('send', 'carol', 'alice', 'four');
  await panes.shows('first', /carol {2}four\n/);
  await panes.shows('second', / carol .*\n four +│/);

  await panes.type('second', '/mute 2d');
  await panes.enter('second');
  await panes.shows('first', / dave 🔇 /);
  await panes.type('first', '/archive');
  await panes.enter('first');
  await panes.shows('second', /bob 📌 .*\n.*\n▌dave 🔇 .*\n.*\n archived: 1 +│/);
  await shell.ok('send', 'carol', 'alice', 'five');
  await panes.shows('second', / archived: 1 +│/);

  // What is set while the server is away reaches the other device when it is back.
  await server.kill();
  await panes.shows('first', /offline/);
  await panes.type('second', '/archive');
  await panes.enter('second');
  await panes.shows('second', /▌archived: 2 [^]*dave is archived/);
  const again = await serveProcess(t, { GODWIT_MQTT_PORT: String(server.mqttPort), GODWIT_HTTP_PORT: String(server.httpPort) }, server.data);
  const screen = await panes.shows('first', /archived: 2 +│/);
  assert.doesNotMatch(screen, / dave /);

  await panes.key('second', 'Tab');
  await panes.key('second', 'Up');
  await panes.enter('second');
  await panes.shows('second', /│ bob/);
  await panes.type('second', '/search MEET');
  await panes.enter('second');
  await panes.shows('second', /1 says MEET[^]*▌bob +\d\d:\d\d *\n.*▌shall we meet\?/);
  await panes.key('second', 'Escape');
  await panes.shows('second', /Enter send/);
  await panes.type('second', '/clear');
  await panes.shows('second', /> \/clear/);
  await panes.enter('second');
  await panes.shows('second', /clear it on all your devices\? bob/);
  await panes.type('second', 'y');
  await panes.shows('second', /bob is cleared/);
  await panes.shows('first', /bob 📌 +│/);
  await panes.type('first', '/open bob');
  await panes.enter('first');
  await panes.shows('first', /│ bob [^]*▌bob 📌/);
  assert.doesNotMatch(await panes.shows('first', /Enter send/), /shall we meet|at eight/);
  await again.signal('SIGTERM');
});
