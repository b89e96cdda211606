/**
 * An app that is killed at a step of its store: before or after the n-th write. Writes down what it is told, at once.
 * Arguments: URL, folder, name of this run, step to die at (0 = none).
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from 'godwit-client';
import { levelStore } from 'godwit-client/node';
import { fakeToken, quick } from './fixtures.js';

const [url, folder, run, dieAt] = process.argv.slice(2);
const store = await levelStore(join(folder, 'store'));
const { write } = store;
let step = 0;
const stepDone = (): void => {
  if (++step === Number(dieAt)) process.kill(process.pid, 'SIGKILL');
};
store.write = async (changes) => {
  stepDone();
  await write.call(store, changes);
  stepDone();
};

const note = (...words: string[]): void => appendFileSync(join(folder, 'notes'), `${words.join(' ')}\n`);

const alice = await createClient({ url, user: 'alice', token: fakeToken({ sub: 'alice' }), store, timing: quick });
alice.on('message', (message) => note(message.again ? 'again' : 'heard', message.text!));
alice.on('state', ({ state, id }) => note(state, id));
const early = alice.sendRaw('bob', `${run}-0`);
await alice.connect();
for (const sent of [early, alice.sendRaw('bob', `${run}-1`), alice.sendRaw('bob', `${run}-2`)]) {
  await sent.until('queued');
  note('kept', sent.id);
}
process.stdout.write('connected\n');
// The parent says something to everyone who is connected, and ends the run when there is nothing left to come.
process.stdin.once('data', async () => {
  await alice.close();
  note('closed', String(step));
  process.exit(0);
});
