// npm run bench: Godwit beside other brokers, each driven by the same load generator.
import { writeFile } from 'node:fs/promises';
import { checkLine, checks } from './checks.js';
import { parseOptions, usage, type Options } from './options.js';
import { aedes } from './peers/aedes.js';
import { godwit } from './peers/godwit.js';
import { mosquitto } from './peers/mosquitto.js';
import { rumqttd } from './peers/rumqttd.js';
import { failures, heading, notes, others, table } from './report.js';
import { runRounds } from './rounds.js';
import { scales } from './workload.js';
import { workloads } from './workloads.js';

const peers = [mosquitto, godwit, aedes, rumqttd];
const known = { workloads: workloads.map(({ name }) => name), peers: peers.map(({ name }) => name.toLowerCase()) };

async function bench(options: Options): Promise<void> {
  const startedAt = new Date();
  const chosen = workloads.filter(({ name }) => options.only?.includes(name) ?? true);
  const asked = peers
    .filter(({ name }) => options.peers?.includes(name.toLowerCase()) ?? true)
    .map((peer) => ({ peer, version: peer.version() }));
  console.log(heading(asked, startedAt));
  const results = await runRounds({
    workloads: chosen,
    peers: asked.filter(({ version }) => version !== undefined).map(({ peer }) => peer),
    rounds: options.rounds,
    scale: options.quick ? scales.quick : scales.full,
    includes: (workload, peer, round) => {
      if (workload.only && !workload.only.includes(peer.name)) return false;
      if (!workload.once) return true;
      const wanted = !options.quick || options.only !== undefined;
      return wanted && round === 1 && (options.peers !== undefined || workload.once.peers.includes(peer.name));
    },
    say: (line) => console.error(line),
  });
  console.log(`\n${table(chosen, asked, results)}\n${notes}\n${others(results)}\n`);
  for (const line of failures(chosen, results)) console.log(line);
  for (const check of checks(results)) console.log(checkLine(check));
  const minutes = (Date.now() - startedAt.getTime()) / 60_000;
  console.log(`${options.rounds} round${options.rounds === 1 ? '' : 's'} in ${minutes.toFixed(1)} minutes`);
  if (options.json) await writeFile(options.json, JSON.stringify({ startedAt, heading: heading(asked, startedAt), runs: results.runs }, null, 1));
}

try {
  const options = parseOptions(process.argv.slice(2), known);
  if (options.help) console.log(usage.replace('%workloads', known.workloads.join(', ')).replace('%peers', known.peers.join(', ')));
  else await bench(options);
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 2;
}
