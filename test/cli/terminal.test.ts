import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { serveProcess } from '../support/process.js';
import { godwit, machine, missing, until } from './panes.js';

test('two terminals: typing, ticks, and ten messages through the death of bob and of the server', { skip: missing }, async (t) => {
  const { server, shell, panes } = await machine(t);
  await shell.ok('user', 'add', 'alice', 'bob');
  await panes.startTelling('alice', 'chat', 'alice', 'bob');
  await panes.shows('alice', /connected/);
  await panes.start('bob', 'chat', 'bob', 'alice');
  await panes.shows('bob', /alice is online/);

  await panes.type('alice', 'hello bob');
  await panes.shows('bob', /alice is typing…/);
  await panes.enter('alice');
  await panes.shows('bob', /^ \d\d:\d\d {4}alice  hello bob$/m);
  // Read, and without colours: bold ticks.
  await panes.shows('alice', /^ \d\d:\d\d ✔✔ alice  hello bob$/m);

  process.kill(await panes.pid('bob'), 'SIGKILL');
  await panes.shows('alice', /bob was last seen/);
  for (let i = 1; i <= 10; i++) {
    await panes.type('alice', `message ${i}`);
    await panes.enter('alice');
  }
  await panes.shows('alice', /✓ {2}alice {2}message 10$/m);
  await server.kill();
  await panes.shows('alice', /offline/);
  await panes.type('alice', 'said while the server was dead');
  await panes.enter('alice');
  await panes.shows('alice', /1 message waits here[^]*· {2}alice {2}said while/);

  const again = await serveProcess(t, { GODWIT_MQTT_PORT: String(server.mqttPort), GODWIT_HTTP_PORT: String(server.httpPort) }, server.data);
  await panes.shows('alice', /✓ {2}alice {2}said while/);
  await panes.close('bob');
  await panes.start('bob', 'chat', 'bob', 'alice');
  const screen = await panes.shows('bob', /said while the server was dead/);
  const got = [...screen.matchAll(/alice {2}(.*)$/gm)].map(([, text]) => text.trim());
  assert.deepEqual(got, ['hello bob', ...Array.from({ length: 10 }, (_, i) => `message ${i + 1}`), 'said while the server was dead']);
  const ticks = await panes.shows('alice', /✔✔ alice {2}said while/);
  assert.equal([...ticks.matchAll(/✔✔ alice/g)].length, 12);

  await panes.resize('alice', 40, 16);
  await panes.shows('alice', /^ bob is online +connected\n─{39}\n[^]*✔✔ alice {2}said while the server\n +was dead\n─{39}\n >\n/);
  await panes.type('alice', '/quit');
  await panes.enter('alice');
  const after = await panes.shows('alice', /^exit code 0, +icanon$/m);
  assert.doesNotMatch(after, /connected|said while/);
  await panes.givenBack('alice');
  await again.signal('SIGTERM');
});

test('a group of five, two of them away: ticks, and who has it since when', { skip: missing }, async (t) => {
  const { shell, panes } = await machine(t, 90, 24);
  await shell.ok('user', 'add', 'alice', 'bob', 'carol', 'dave', 'erin');
  const come = async (user: string): Promise<void> => {
    await panes.start(user, 'chat', user);
    await panes.shows(user, /connected/);
  };
  const say = async (line: string): Promise<void> => {
    await panes.type('alice', line);
    await panes.enter('alice');
  };
  /** What /info says of each other member: what one device tells the server, nobody is told before the last of them. */
  const info = async (): Promise<string> => {
    await say('/info');
    const screen = await panes.shows('alice', /you, \d\d:\d\d: hello all[^]*of 4 ha(s|ve) it[^]*Esc back/);
    await panes.type('alice', 'q');
    await panes.shows('alice', /Enter send/);
    const said = [...screen.matchAll(/│ (bob|carol|dave|erin) +(\S.*it.*?) *$/gm)].map(([, user, words]) => `${user} ${words.replace(/\d\d:\d\d/g, '')}`);
    return said.sort().join('; ');
  };
  const says = (expected: RegExp): Promise<string> => until('who has it', expected, info);
  for (const user of ['alice', 'bob', 'carol']) await come(user);
  await say('/group Birds bob carol dave erin');
  await panes.shows('alice', /alice made the group Birds/);
  await say('hello all');
  for (const user of ['bob', 'carol']) await panes.shows(user, /alice: hello all/);
  await panes.enter('bob');
  await panes.shows('bob', /alice {2,}hello all/);
  await says(/^bob has it since , read it ; carol has it since ; dave does not have it yet; erin does not have it yet$/);
  await panes.shows('alice', / ✓ {2}alice {2,}hello all/);
  await come('dave');
  await says(/^bob has it since , read it ; carol has it since ; dave has it since ; erin does not have it yet$/);
  await panes.shows('alice', / ✓ {2}alice {2,}hello all/);
  await come('erin');
  await panes.shows('alice', / ✓✓ alice {2,}hello all/);
  for (const user of ['carol', 'dave', 'erin']) await panes.enter(user);
  await panes.shows('alice', / ✔✔ alice {2,}hello all/);
  await says(/^(\w+ has it since , read it (; )?){4}$/);
});

/** The processes that a process has started (Linux). */
const childrenOf = (pid: number): number[] => readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);

const notLinux = process.platform === 'linux' ? false : 'processes are looked at in /proc';
test('what killed processes leave behind does not go on talking', { skip: missing || notLinux }, async (t) => {
  const { panes } = await machine(t);
  // As with npx: between the shell and the chat there are processes that only wait.
  await panes.open('alice', 'exec sh -i');
  await panes.type('alice', `sh -c "${godwit(['chat', 'alice', 'bob'])}; true"`);
  await panes.enter('alice');
  await panes.shows('alice', /bob.*connected/);
  const [between] = childrenOf(await panes.pid('alice'));
  const [chat] = childrenOf(between);
  process.kill(between, 'SIGKILL');
  await until('the end of the chat', /gone/, async () => (existsSync(`/proc/${chat}`) ? 'there' : 'gone'));
  await panes.givenBack('alice');
});

test('two terminals, with the list beside the talk: unread counts, answers, reactions, edits, deletions, a search', { skip: missing }, async (t) => {
  const { shell, panes } = await machine(t, 100, 24);
  await shell.ok('user', 'add', 'alice', 'bob', 'carol');
  await shell.ok('send', 'carol', 'bob', 'are you coming?');
  await panes.startTelling('bob', 'chat', 'bob');
  await panes.shows('bob', /carol .*│[^]*are you coming\? +1 │[^]*choose/);
  await panes.start('alice', 'chat', 'alice', 'bob');
  await panes.shows('alice', /bob is online/);
  await panes.type('alice', 'shall we meet at 8?');
  await panes.enter('alice');
  await panes.shows('bob', /alice ● .*│.*\n.shall we meet at 8\? +1 │.*\n.*carol[^]*are you coming\? +1 │/);
  await panes.shows('alice', /✓✓ alice {2}shall we/);

  await panes.key('bob', 'Up');
  await panes.key('bob', 'Enter');
  await panes.shows('bob', /│ ── unread ─+\n.*│ \d\d:\d\d {4}alice {2}shall we meet at 8\?/);
  await panes.shows('alice', /✔✔ alice {2}shall we/);
  await panes.key('bob', 'Up');
  await panes.shows('bob', /│▌\d\d:\d\d {4}alice[^]*r reply/);
  await panes.type('bob', 't');
  await panes.shows('bob', /1 👍/);
  await panes.type('bob', '1');
  await panes.shows('alice', /shall we meet at 8\?\n.*│ +👍 1$/m);
  await panes.type('bob', 'r');
  await panes.shows('bob', /↳ to alice: shall we/);
  await panes.type('bob', 'yess');
  await panes.enter('bob');
  await panes.shows('alice', /bob {4}↳ alice: shall we meet at 8\?\n.*│ +yess$/m);

  await panes.key('bob', 'Up');
  await panes.shows('bob', /e edit/);
  await panes.type('bob', 'e');
  await panes.shows('bob', /edit: yess/);
  await panes.key('bob', 'BSpace');
  await panes.enter('bob');
  await panes.shows('alice', /│ +yes \(edited\)$/m);
  await panes.shows('bob', /│ +yes \(edited\)$/m);
  await panes.key('bob', 'Up');
  await panes.shows('bob', /d delete/);
  await panes.type('bob', 'd');
  await panes.shows('bob', /delete it for everyone\?/);
  await panes.type('bob', 'y');
  await panes.shows('alice', /bob {4}deleted$/m);
  await panes.shows('bob', /bob {4}deleted$/m);

  await panes.type('alice', '/search MEET');
  await panes.enter('alice');
  await panes.shows('alice', /1 says MEET[^]*│▌.*shall we meet/);
  await panes.enter('alice');
  await panes.shows('alice', /│▌\d\d:\d\d ✔✔ alice {2}shall we meet/);
  await panes.key('bob', 'C-c');
  await panes.shows('bob', /^exit code 0, +icanon$/m);
  await panes.givenBack('bob');
});

test('long lines, wide and right-to-left text through any width; a paste is not sent by itself', { skip: missing }, async (t) => {
  const { shell, panes } = await machine(t, 100, 30);
  await shell.ok('user', 'add', 'alice', 'bob');
  await panes.start('alice', 'chat', 'alice', 'bob');
  await panes.shows('alice', /bob was never here|bob is/);
  const long = `begin ${'漢字かな '.repeat(12)}👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧 🇩🇪🇫🇷 שלום עולם مرحبا ${'x'.repeat(150)} end`;
  await panes.paste('alice', `${long}\nsecond line\n`);
  await panes.shows('alice', /> begin [^]*second line/);
  await panes.shows('alice', /│\n.*├─+\n.*> begin/);
  await panes.enter('alice');
  const wide = /│ \d\d:\d\d [✓·] {2}alice {2}begin 漢[^]*xx[^]* end\n.*│ +second line\n.*├─+\n.*│ >\n/;
  await panes.shows('alice', wide);
  for (const [columns, rows] of [[40, 20], [27, 16], [120, 30], [61, 24]]) {
    await panes.resize('alice', columns, rows);
    // Nothing has wrapped: the last lines stand where they belong.
    const rule = `─{${columns < 80 ? columns - 1 : 20},}`;
    const screen = await panes.shows('alice', new RegExp(`xx[^]* end\\n.*second line\\n.*${rule}\\n.* >\\n Enter send`));
    assert.equal(screen.split('\n').length - 1, rows);
    assert.match(screen, /^.* bob was never here/);
  }
  await panes.resize('alice', 100, 30);
  await panes.shows('alice', wide);
});

test('500 messages at once take no key away; a signal leaves the terminal as it was', { skip: missing || notLinux }, async (t) => {
  const { shell, panes } = await machine(t);
  await shell.ok('user', 'add', 'alice', 'bob');
  await shell.run(['chat', 'alice', 'bob'], Array.from({ length: 500 }, (_, i) => `line ${i}\n`).join(''));
  await panes.startTelling('bob', 'chat', 'bob', 'alice');
  await panes.shows('bob', /^ >/m);
  const typed = 'written while they come';
  for (const letter of typed) await panes.type('bob', letter);
  await panes.shows('bob', new RegExp(`line 498\\n.*line 499\\n─+\\n > ${typed}$`, 'm'));
  const [chat] = childrenOf(await panes.pid('bob'));
  process.kill(chat, 'SIGTERM');
  await panes.shows('bob', /^exit code 0, +icanon$/m);
  await panes.givenBack('bob');
});

test('a fault leaves the terminal as it was, and says what it was', { skip: missing || notLinux }, async (t) => {
  const { panes } = await machine(t);
  const fault = 'process.on("SIGUSR2",()=>{throw(new(Error)("planted"))})';
  await panes.open('alice', `${process.execPath} --import 'data:text/javascript,${fault}' ${godwit(['chat', 'alice', 'bob']).replace(/^\S+ /, '')}; echo "exit code $?, $(stty -a | grep -o '[ -]icanon')"; exec cat`);
  await panes.shows('alice', /connected/);
  const [chat] = childrenOf(await panes.pid('alice'));
  process.kill(chat, 'SIGUSR2');
  await panes.shows('alice', /planted[^]*^exit code 1, +icanon$/m);
  await panes.givenBack('alice');
});

test('in colour, also where CI is set', { skip: missing }, async (t) => {
  const { panes } = await machine(t, 70, 24, { CI: 'true' });
  await panes.start('alice', 'chat', 'alice', 'bob');
  await panes.shows('alice', /connected/);
  await panes.type('alice', 'hello');
  await panes.enter('alice');
  await panes.showsInColour('alice', /\u001b\[32malice/);
});

test('Ctrl-Z gives the terminal to the shell, with all that stands between, and fg brings the chat back', { skip: missing }, async (t) => {
  const { panes } = await machine(t);
  await panes.open('alice', 'exec sh -i');
  await panes.type('alice', `sh -c "${godwit(['chat', 'alice', 'bob'])}; true"`);
  await panes.enter('alice');
  await panes.shows('alice', /bob.*connected/);
  await panes.type('alice', 'half');
  await panes.shows('alice', /^ > half$/m);
  await panes.key('alice', 'C-z');
  await panes.shows('alice', /Stopped/);
  await panes.givenBack('alice');
  await panes.type('alice', 'fg');
  await panes.enter('alice');
  await panes.shows('alice', /^ > half$/m);
  await panes.type('alice', ' a thought');
  await panes.shows('alice', /^ > half a thought$/m);
});
