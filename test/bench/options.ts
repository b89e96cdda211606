import { parseArgs } from 'node:util';

export interface Options {
  quick: boolean;
  rounds: number;
  /** Names of workloads; undefined = all. */
  only: string[] | undefined;
  /** Names of peers, in lower case; undefined = all. */
  peers: string[] | undefined;
  json: string | undefined;
  help: boolean;
}

export const usage = `npm run bench -- [--quick] [--rounds n] [--only workload,...] [--peers peer,...] [--json file]

  --quick   one round, shorter phases
  --rounds  rounds of all peers (3; with --quick 1)
  --only    these workloads: %workloads
  --peers   these peers: %peers
  --json    writes every measured number of every round to the file`;

/** Throws an Error with one clear line for a bad argument. */
export function parseOptions(args: string[], known: { workloads: string[]; peers: string[] }): Options {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string' },
      peers: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds}: a number from 1 on is needed`);
  return {
    quick: values.quick,
    rounds,
    only: names('--only', values.only, known.workloads),
    peers: names('--peers', values.peers?.toLowerCase(), known.peers),
    json: values.json,
    help: values.help,
  };
}

function names(option: string, value: string | undefined, known: string[]): string[] | undefined {
  const list = value?.split(',').filter((name) => name !== '');
  const wrong = list?.find((name) => !known.includes(name));
  if (wrong !== undefined) throw new Error(`${option} ${wrong}: not one of ${known.join(', ')}`);
  return list;
}
