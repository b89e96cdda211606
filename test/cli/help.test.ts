import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Shell } from './command.js';

const commands = ['serve', 'token', 'user', 'user add', 'user list', 'user remove', 'chat', 'send', 'reports', 'backup', 'restore', 'doctor'];

describe('help', { concurrency: true }, () => {
  test('names every command, and shows how to begin', async (t) => {
    const shell = await Shell.open(t);
    const { code, stdout, stderr } = await shell.run(['--help']);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    for (const command of commands.filter((name) => !name.includes(' '))) assert.match(stdout, new RegExp(`^  ${command}\\b`, 'm'));
    assert.match(stdout, /npx godwit chat alice bob/);
  });

  test('is shown when nothing is asked for', async (t) => {
    const shell = await Shell.open(t);
    const [nothing, help] = await Promise.all([shell.run([]), shell.run(['--help'])]);
    assert.deepEqual(nothing, help);
  });

  for (const command of commands) {
    test(`of ${command}: its arguments and an example`, async (t) => {
      const shell = await Shell.open(t);
      const { code, stdout, stderr } = await shell.run([...command.split(' '), '--help']);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      assert.match(stdout, new RegExp(`^Usage: godwit ${command}\\b`));
      assert.match(stdout, new RegExp(`Examples?:\\n(  .*\\n)*  .*npx godwit ${command}\\b`));
    });
  }

  test('the version is that of the package', async (t) => {
    const shell = await Shell.open(t);
    const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string };
    assert.equal(await shell.ok('--version'), `${version}\n`);
  });
});

describe('what is typed wrong gets one line and code 2:', { concurrency: true }, () => {
  const wrong: [string, string[], RegExp][] = [
    ['a command that does not exist', ['tokn'], /unknown command 'tokn': did you mean token\?/],
    ['a command of users that does not exist', ['user', 'lst'], /unknown command 'lst': did you mean list\?/],
    ['an option that does not exist', ['serve', '--port', '1'], /unknown option '--port'/],
    ['an argument too few', ['send', 'alice', 'bob'], /missing required argument 'text'/],
    ['an argument too many', ['token', 'alice', 'bob'], /too many arguments/],
    ['no user to add', ['user', 'add'], /missing required argument 'user'/],
    ['a user id that is none', ['chat', 'alice', 'bob smith'], /'bob smith' is invalid.*A user id is 1 to 64 of A-Z a-z 0-9 _ -/],
    ['one of several user ids that is none', ['user', 'add', 'alice', 'b/b'], /'b\/b' is invalid/],
    ['a device id that is none', ['token', 'alice', '--device', ''], /A device id is 1 to 32/],
    ['days that are no number', ['token', 'alice', '--days', 'soon'], /'soon' is invalid/],
    ['no days at all', ['token', 'alice', '--days', '0'], /above 0/],
    ['an address that is none', ['user', 'list', '--url', 'localhost'], /An address looks like/],
    ['an address of something else', ['user', 'list', '--url', 'ftp://host'], /An address looks like/],
    ['an address with a password', ['user', 'list', '--url', 'mqtt://a:b@host'], /use --token/],
    ['an address without a token', ['user', 'list', '--url', 'http://127.0.0.1:1'], /--url needs --token/],
  ];
  for (const [what, args, expected] of wrong) {
    test(what, async (t) => {
      const shell = await Shell.open(t);
      const { code, stdout, stderr } = await shell.run(args);
      assert.equal(stdout, '');
      assert.match(stderr, /^godwit: .*\n$/);
      assert.match(stderr, expected);
      assert.equal(code, 2);
    });
  }
});
