import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { SECRET } from '../support/godwit.js';
import { serveProcess, type ServeProcess } from '../support/process.js';
import { Shell } from './command.js';

async function machine(t: TestContext): Promise<{ server: ServeProcess; shell: Shell }> {
  const server = await serveProcess(t);
  const shell = await Shell.open(t, { GODWIT_DATA: server.data, GODWIT_AUTH_SECRET: SECRET });
  await shell.ok('user', 'add', 'alice', 'bob');
  await shell.ok('send', 'alice', 'bob', 'before the backup');
  return { server, shell };
}

describe('godwit backup and restore', { concurrency: true }, () => {
  test('of a running server: the copy is served elsewhere, and begins a new term', async (t) => {
    const { shell } = await machine(t);
    assert.match(await shell.ok('backup', 'copy'), new RegExp(`^${shell.folder}/copy: 1 entry, [0-9,]+ bytes\\n`));
    await shell.ok('send', 'alice', 'bob', 'after the backup');
    const printed = await shell.ok('restore', 'copy', '--data', 'restored');
    assert.match(printed, /gap \(LOST\)/);
    assert.match(printed, /GODWIT_DATA=.*restored npx godwit serve/);
    const restored = await serveProcess(t, {}, join(shell.folder, 'restored'));
    assert.match(await shell.ok('user', 'list', '--data', restored.data), /^alice .*\nbob /m);
    const place = Number(/✓ (\d+)/.exec(await shell.ok('send', 'alice', 'bob', 'in the new term', '--data', restored.data))![1]);
    assert.ok(place > 2 ** 32, String(place));
  });

  test('of a server that does not run, from its folder', async (t) => {
    const { server, shell } = await machine(t);
    await server.signal('SIGTERM');
    assert.match(await shell.ok('backup', 'stopped'), /1 entry/);
    await server.start();
    await server.kill();
    assert.match(await shell.ok('backup', 'killed'), /1 entry/);
    await shell.ok('restore', 'killed', '--data', 'restored');
    const restored = await serveProcess(t, {}, join(shell.folder, 'restored'));
    assert.match(await shell.ok('user', 'list', '--data', restored.data), /^bob /m);
  });

  test('devices of this machine go on with the restored server, and not back to what the original did since', async (t) => {
    const { shell } = await machine(t);
    assert.equal((await shell.run(['chat', 'bob', 'alice'], 'one\n')).code, 0);
    await shell.ok('backup', 'copy');
    await shell.ok('restore', 'copy', '--data', 'restored');
    const restored = await serveProcess(t, {}, join(shell.folder, 'restored'));
    assert.equal((await shell.run(['chat', 'bob', 'alice', '--data', restored.data], 'two\n')).code, 0);
    assert.equal(readdirSync(join(shell.folder, 'home', '.godwit')).length, 1);
    const back = await shell.run(['chat', 'bob', 'alice'], 'three\n');
    assert.match(back.stderr, /^godwit: .* holds what bob has from another server, or from one that was restored since: .*--store <folder>\n$/);
    assert.equal(back.code, 1);
  });

  test('the secret is not in it', async (t) => {
    const server = await serveProcess(t, { GODWIT_AUTH_SECRET: '' });
    const shell = await Shell.open(t, { GODWIT_DATA: server.data });
    assert.match(await shell.ok('backup', 'copy'), /The secret .* is not in it/);
    assert.ok(existsSync(join(server.data, 'secret')));
    assert.ok(!existsSync(join(shell.folder, 'copy', 'secret')));
  });

  test('into a folder that is not empty, or from one that is no backup: one line, and nothing is changed', async (t) => {
    const { shell } = await machine(t);
    const full = join(shell.folder, 'full');
    mkdirSync(full);
    writeFileSync(join(full, 'file'), 'mine');
    await shell.ok('backup', 'copy');
    for (const [args, expected] of [
      [['backup', 'full'], /the folder is not empty/],
      [['restore', 'copy', '--data', 'full'], /full is not empty/],
      [['restore', 'full', '--data', 'new'], /full is not a backup/],
      [['restore', 'nothing', '--data', 'new'], /nothing is not a backup/],
    ] as const) {
      const { code, stdout, stderr } = await shell.run(args);
      assert.match(stderr, /^godwit: .*\n$/);
      assert.match(stderr, expected);
      assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
    }
    assert.deepEqual(readdirSync(full), ['file']);
  });

  test('without a server and without a data folder: one line', async (t) => {
    const shell = await Shell.open(t);
    const { code, stderr } = await shell.run(['backup', 'copy']);
    assert.match(stderr, /^godwit: there is no data folder .*data\n$/);
    assert.equal(code, 1);
    assert.ok(!existsSync(join(shell.folder, 'data')));
  });
});
