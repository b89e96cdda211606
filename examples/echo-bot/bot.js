/**
 * Answers every text with the same text: each once, in order, wherever it is killed in between.
 * Environment: TOKEN, URL (default mqtt://127.0.0.1:1883), FOLDER (what it keeps; default ./echo-bot-data).
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from 'godwit-client';
import { levelStore } from 'godwit-client/node';
import { Answers } from './answers.js';

const { TOKEN, URL: url = 'mqtt://127.0.0.1:1883', FOLDER: folder = './echo-bot-data' } = process.env;
if (!TOKEN) throw new Error('TOKEN is not set: npx godwit token echo');
mkdirSync(folder, { recursive: true });

const client = await createClient({ url, token: TOKEN, store: await levelStore(join(folder, 'store')) });
const answers = new Answers(client, join(folder, 'answers'));
const say = (line) => process.stdout.write(`${line}\n`);

client.on('connection', ({ state, error }) => {
  say(error ? `${state}: ${error.message}` : state);
  if (state !== 'signed-out' && state !== 'taken-over') return;
  process.exitCode = 1;
  return client.close();
});
client.on('error', ({ error }) => say(`error: ${error.message}`));
// Refused for good: nobody would look at it again. One of an earlier run is there if that ended just then.
const discard = (sent) => {
  process.stderr.write(`answer ${sent.id} in ${sent.conversation} was refused: ${sent.error.message}\n`);
  return sent.discard();
};
for (const sent of client.outbox()) if (sent.state === 'failed') await discard(sent);
client.on('state', ({ state, id }) => (state === 'failed' ? discard(client.outbox().find((sent) => sent.id === id)) : undefined));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => client.close());

// Before `connect`, so that no message finds nobody at home.
const messages = client.stream(['message']);
// How it goes, the `connection` events tell.
void client.connect();

// One at a time: a message counts as dealt with when the loop asks for the next one.
for await (const message of messages) {
  if (message.own || message.text === undefined) continue;
  // Its process ended before that was noted: it may have been answered.
  if (message.again && (await answers.has(message))) continue;
  // A device without the SDK can read plain bytes only.
  const plain = message.content.kind === 'bare';
  const sent = plain ? client.sendRaw(message.conversation, message.text) : client.send(message.conversation, message.text);
  answers.note(message, sent);
  await sent.until('queued');
}
