import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { faultKinds } from './fault-plan.js';

const main = fileURLToPath(new URL('main.js', import.meta.url));
/** Another one: CHAOS_SEED. */
const SEED = process.env.CHAOS_SEED ?? '3';
const SECONDS = 15;
/** Start, chaos, quiet end, on a machine that does other things too. */
const MOST_MS = 150_000;

test('a round of chaos: nothing is lost, repeated, reordered or leaked, whatever is killed, frozen, cut or full', { timeout: MOST_MS }, async (t) => {
  const child = spawn(process.execPath, [main, '--seconds', String(SECONDS), '--seed', SEED], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill());
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += String(chunk)));
  const code = await new Promise((resolve) => child.once('close', resolve));
  t.diagnostic(output);
  assert.equal(code, 0, output);
  const ownDisk = !output.includes('the disk is not filled');
  for (const kind of faultKinds) if (ownDisk || !kind.startsWith('disk')) assert.match(output, new RegExp(`${kind} [1-9]`), `${kind} happened`);
  assert.match(output, /lost 0, repeated 0, leaked 0, reordered 0, unproven 0, placed twice 0, invented 0, wrong tick 0, wrongly folded 0, wrong presence 0, broken rule 0, stuck 0/);
  const messages = Number(/(\d+) messages accepted/.exec(output)?.[1]);
  assert.ok(messages > 200, `only ${messages} messages`);
  const [, changes, inGroups, rejected] = /groups: (\d+) changes, (\d+) messages, (\d+) refused/.exec(output) ?? [];
  assert.ok(Number(changes) > 5 && Number(inGroups) > 30 && Number(rejected) > 0, `groups: ${changes} changes, ${inGroups} messages, ${rejected} refused`);
  const [, shown, folds] = /SDK: (\d+) messages shown .*, (\d+) edits/.exec(output) ?? [];
  assert.ok(Number(shown) > 50 && Number(folds) > 10, `the SDK: ${shown} messages shown, ${folds} folds`);
});
