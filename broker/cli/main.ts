#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Argument, Command, CommanderError, Option } from 'commander';
import { limits } from 'godwit-schemas';
import { nearest } from '../config/nearest.js';
import * as parse from './arguments.js';
import { oneLine, report } from './report.js';

// Whoever reads our output may stop (`godwit user list | head -1`), and a terminal may be closed: that is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  process.exit(0);
});

try {
  await makeProgram().parseAsync();
} catch (error) {
  // Help and version come this way too, with code 0 and nothing to say.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else process.exitCode = report(error);
}

/** The command line. Every command loads what it needs when it runs: `godwit token` need not wait for the server's code. */
function makeProgram(): Command {
  const program = new Command('godwit')
    .description('Messaging on MQTT: the server, and what one needs beside it.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', example('npx godwit serve', 'npx godwit chat alice bob', 'npx godwit chat bob alice   # in another terminal'));
  group(strict(program));

  command(program, 'serve', 'run the server; everything is set by GODWIT_ variables', 'GODWIT_MQTT_PORT=0 npx godwit serve')
    .action(async () => (await import('./serve.js')).serve());

  command(program, 'token', 'print a token for a user, signed with the secret of the server', 'npx godwit token alice --days 365', 'mosquitto_sub -i alice:pi -u alice -P "$(npx godwit token alice)" -t \'u/alice/raw/#\' -c -q 1')
    .addArgument(userArgument('user', 'whom the token is for'))
    .addOption(new Option('--device <device>', 'only for this device').argParser(parse.device))
    .addOption(new Option('--days <n>', 'how long it is valid').default(limits.tokenDays.value).argParser(parse.days))
    .option('--admin', 'also for the admin calls')
    .addOption(dataOption())
    .action(async (user, options) => (await import('./token.js')).token(user, options));

  const user = group(command(program, 'user', 'add, list and remove users', 'npx godwit user list'));
  withServer(command(user, 'add', 'add users, who can then be written to before they first connect', 'npx godwit user add alice bob'))
    .addArgument(usersArgument('whom to add'))
    .action(async (users, options) => (await import('./user.js')).addUsers(users, options));
  withServer(command(user, 'list', 'print all users', 'npx godwit user list'))
    .action(async (options) => (await import('./user.js')).listUsers(options));
  withServer(command(user, 'remove', 'remove users and their devices; what they wrote stays with the others', 'npx godwit user remove bob'))
    .addArgument(usersArgument('whom to remove'))
    .action(async (users, options) => (await import('./user.js')).removeUsers(users, options));

  withServer(command(program, 'chat', 'talk with other users in the terminal', 'npx godwit chat alice bob', 'npx godwit chat alice   # all conversations', 'npx godwit chat alice --store ./second   # another device of hers', 'echo hello | npx godwit chat alice bob', "printf 'hello\\n/info\\n' | npx godwit chat alice bob   # and who has it", 'npx godwit chat alice bob --url wss://chat.example.com --token "$TOKEN"'))
    .addArgument(userArgument('me', 'who you are'))
    .addArgument(new Argument('[other]', 'whom you talk with; left out: the list of conversations').argParser(parse.user))
    .addHelpText('after', 'At a terminal, /help lists the keys and commands: groups, search, mute, pin, archive, clear.')
    .option('--store <folder>', 'where this device keeps its messages (default: a folder for each user and server in ~/.godwit)')
    .action(async (me, other, options) => (await import('./chat.js')).chat(me, other, options));

  withServer(command(program, 'send', 'send one message, and wait until the server has it', 'npx godwit send alice bob "dinner at 8"'))
    .addArgument(userArgument('me', 'who sends it'))
    .addArgument(userArgument('other', 'who gets it'))
    .argument('<text>', 'what it says')
    .option('--plain', 'as plain bytes, for devices that do not use the SDK')
    .action(async (me, other, text, options) => (await import('./send.js')).send(me, other, text, options));

  withServer(command(program, 'reports', 'print what users have reported, or remove what was dealt with', 'npx godwit reports', 'npx godwit reports --remove 01KQZ3V5D8E6J4N9T1X7B2C0FG'))
    .option('--remove <report...>', 'remove these reports')
    .action(async (options) => (await import('./reports.js')).reports(options));

  withServer(command(program, 'backup', 'copy the data of a server, which may be running, into a new or empty folder', 'npx godwit backup /backups/2026-11-22'))
    .argument('<folder>', "where to; on the server's machine")
    .action(async (folder, options) => (await import('./backup.js')).backup(folder, options));

  command(program, 'restore', 'make a new data folder from a backup', 'npx godwit restore /backups/2026-11-22 --data ./data')
    .argument('<backup>', 'the folder that `godwit backup` wrote')
    .addOption(dataOption())
    .action(async (backup, options) => (await import('./restore.js')).restore(backup, options));

  command(program, 'migrate', 'move the users and groups of a data folder into the MongoDB of GODWIT_MONGO_URL; the server must not run', 'GODWIT_MONGO_URL=mongodb://localhost:27017/godwit npx godwit migrate')
    .addOption(dataOption())
    .action(async (options) => (await import('./migrate.js')).migrate(options));

  command(program, 'doctor', 'look for what is wrong on this machine, and say how to mend it', 'npx godwit doctor')
    .addOption(dataOption())
    .action(async (options) => (await import('./doctor.js')).doctor(options));
  return program;
}

function command(parent: Command, name: string, description: string, ...examples: string[]): Command {
  return strict(parent.command(name).description(description).helpOption('-h, --help', 'print this help').addHelpText('after', example(...examples)));
}

/** What was typed wrong is told in one line, and where the help is. */
function strict(command: Command): Command {
  return command
    .exitOverride()
    .allowExcessArguments(false)
    .showSuggestionAfterError()
    .configureOutput({
      outputError: (text, write) => write(`godwit: ${oneLine(text.replace(/^error: /, '').replace('command-argument value', 'the value'))} (see \`${path(command)} --help\`)\n`),
    });
}

/** A command that is only the head of others. */
function group(command: Command): Command {
  return command.allowExcessArguments().action(() => {
    const [name] = command.args;
    if (name === undefined) command.help();
    const close = nearest(name, command.commands.map((each) => each.name()));
    command.error(`unknown command '${name}'${close ? `: did you mean ${close}?` : ''}`);
  });
}

function path(command: Command): string {
  return command.parent ? `${path(command.parent)} ${command.name()}` : command.name();
}

function withServer(command: Command): Command {
  return command
    .addOption(new Option('--url <address>', 'another server than the one of this data folder').argParser(parse.serverUrl))
    .option('--token <token>', 'a token of one\'s own, where none can be made here')
    .addOption(dataOption());
}

function dataOption(): Option {
  return new Option('--data <folder>', 'the data folder of the server (default: GODWIT_DATA, or ./data)');
}

function userArgument(name: string, what: string): Argument {
  return new Argument(`<${name}>`, what).argParser(parse.user);
}

function usersArgument(what: string): Argument {
  return new Argument('<user...>', what).argParser(parse.users);
}

function example(...lines: string[]): string {
  return `\n${lines.length > 1 ? 'Examples' : 'Example'}:\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

function version(): string {
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
