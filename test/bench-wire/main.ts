// npm run bench:wire: what goes over the wire, counted by a proxy between client and server.
import { parseArgs } from 'node:util';
import { contenders, mosquittoVersion } from './contenders.js';
import { breakdown, missing, table, type Column } from './report.js';
import { measure } from './rows.js';

const usage = `npm run bench:wire -- [--quick] [--repeats n]

  --quick    once, and without the minute in background
  --repeats  how often each row is measured; the table has the median (5)`;

const notes = `Bytes of MQTT packets; in brackets what WebSocket's frames add (its upgrade is left out). User and device ids of
8 characters, HS256 token. Round trips of the connection itself are left out too.`;

async function column(contender: (typeof contenders)[number], repeats: number, withMinute: boolean): Promise<Column> {
  if (contender.missing) return { contender };
  const endings: (() => unknown)[] = [];
  try {
    return { contender, results: await measure({ after: (end) => endings.unshift(end) }, contender, repeats, withMinute) };
  } finally {
    for (const end of endings) await end();
  }
}

try {
  const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, repeats: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } } });
  const repeats = Number(values.repeats ?? (values.quick ? 1 : 5));
  if (!Number.isInteger(repeats) || repeats < 1) throw new Error(`--repeats ${values.repeats}: a number from 1 on is needed`);
  if (values.help) console.log(usage);
  else {
    const columns = await Promise.all(contenders.map((contender) => column(contender, repeats, !values.quick)));
    console.log(`Wire, ${new Date().toISOString().slice(0, 10)}; Node ${process.versions.node}, Mosquitto ${mosquittoVersion() ?? 'not installed'}; median of ${repeats}\n`);
    console.log(`${table(columns)}\n\n${notes}\n`);
    for (const line of [...breakdown(columns), ...missing(columns)]) console.log(line);
  }
} catch (error) {
  console.error(`bench:wire: ${(error as Error).message}`);
  process.exitCode = 2;
}
