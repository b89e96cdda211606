import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DISK_VARIABLE, withOwnDisk } from './disk.js';
import { describeRound } from './report.js';
import { runRound } from './round.js';
import { seeded } from './seeded.js';

/**
 * `npm run chaos -- --minutes 10 --seed 7`: rounds of a minute, each with a fresh data folder and a seed of its own,
 * every second one on a small file system that is filled now and then. `--seconds` for one shorter round, `--round`
 * for that round of the seed alone, `--keep` leaves the journals of a failed round where they are.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string' },
    round: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});
const ROUND_S = 45;
/** What a round takes besides: start, quiet end. */
const AROUND_S = 15;

function number(name: 'minutes' | 'seconds' | 'seed' | 'round', otherwise: number): number {
  const value = Number(values[name] ?? otherwise);
  if (Number.isFinite(value) && value >= 0) return value;
  console.error(`--${name} takes a number`);
  process.exit(2);
}

/** Runs this program again where the disk is its own; resolves with its exit code. */
async function runWith(command: readonly string[], disk: string, seed: number): Promise<number> {
  const [program, ...args] = [...command, process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2), `--seed=${seed}`];
  const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, [DISK_VARIABLE]: disk } });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}

async function runRounds(folder: string, disk: string | undefined, seed: number): Promise<boolean> {
  const seconds = number('seconds', ROUND_S);
  const only = values.round === undefined ? undefined : number('round', 0);
  const rounds = values.seconds !== undefined ? 1 : Math.max(1, Math.round((number('minutes', 1) * 60) / (ROUND_S + AROUND_S)));
  if (!disk) console.log('no file system of our own can be mounted here (unshare -m): the disk is not filled');
  for (let round = only ?? 0; round < (only === undefined ? rounds : only + 1); round++) {
    // On the disk that everything else is on commits take their time; in memory they take none, and room runs out.
    const ownDisk = disk !== undefined && round % 2 === 0;
    const roundSeed = seeded(seed, 'round', round).below(2 ** 31);
    const roundFolder = join(folder, `round-${round}`);
    console.log(`round ${round} of seed ${seed}${ownDisk ? ', on a small disk' : ''}`);
    const outcome = await runRound({ seed: roundSeed, seconds, folder: roundFolder, dataIn: ownDisk ? disk : roundFolder, disk: ownDisk });
    console.log(describeRound(outcome));
    if (outcome.verdict.findings.length === 0 && outcome.failures.length === 0) continue;
    console.log(`\nfailed: --seed ${seed} --round ${round}${values.seconds ? ` --seconds ${seconds}` : ''}${values.keep ? `; journals in ${roundFolder}` : ''}`);
    return false;
  }
  console.log('nothing lost, nothing repeated, nothing reordered, nothing leaked');
  return true;
}

const seed = number('seed', Math.floor(Math.random() * 1_000_000));
const folder = await mkdtemp(join(tmpdir(), 'godwit-chaos-'));
const mounted = process.env[DISK_VARIABLE];
const diskFolder = join(folder, 'disk');
const command = mounted === undefined ? withOwnDisk(diskFolder) : undefined;
let ok = false;
try {
  if (command) {
    console.log(`seed ${seed}`);
    ok = (await runWith(command, diskFolder, seed)) === 0;
  } else ok = await runRounds(folder, mounted, seed);
} finally {
  if (ok || !values.keep || command) await rm(folder, { recursive: true, force: true });
}
process.exit(ok ? 0 : 1);
