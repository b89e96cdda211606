import { ConfigError, readConfig, type Config } from '../config.js';
import { certificate } from './doctor/certificate.js';
import { bad, findingLine, good, type Finding } from './doctor/finding.js';
import { folder, written } from './doctor/folder.js';
import { clock, disk, node } from './doctor/machine.js';
import { mongo } from './doctor/mongo.js';
import { ports } from './doctor/ports.js';
import { server } from './doctor/running.js';
import { secret } from './doctor/secret.js';
import { localConfig } from './server.js';

/** Looks for what is wrong; prints a line for everything that was looked at. The exit code is 1 when something is wrong. */
export async function doctor(options: { data?: string }): Promise<void> {
  let wrong = 0;
  for await (const finding of examine(options)) {
    process.stdout.write(`${findingLine(finding)}\n`);
    if (!finding.ok) wrong++;
  }
  process.stdout.write(wrong === 0 ? '\nNothing is wrong here.\n' : `\n${wrong} ${wrong === 1 ? 'thing is' : 'things are'} wrong.\n`);
  process.exitCode = wrong === 0 ? 0 : 1;
}

async function* examine(options: { data?: string }): AsyncGenerator<Finding> {
  const nowMs = Date.now();
  yield node(process.versions.node);
  const { config, finding } = configuration(options);
  yield finding;
  const { data } = config;
  const state = await folder(data);
  yield* state.findings;
  yield await secret(config.auth, data);
  yield* await disk(state.existing, config.minFreeBytes);
  yield await clock(nowMs, state.usable ? data : undefined, state.usable ? written(data) : []);
  // What a variable says that cannot be read is not known to be unsaid.
  if (finding.ok) yield* await mongo(config);
  if (config.tls) yield await certificate(config.tls, nowMs);
  const { running, findings } = await server(config, state.held);
  yield* findings;
  // Of variables that cannot be read nobody knows which ports they mean.
  if (!running && finding.ok) yield* await ports(config);
}

/** What is set; where that is wrong, the rest is looked at as if nothing but the folder were. */
function configuration(options: { data?: string }): { config: Config; finding: Finding } {
  try {
    return { config: localConfig(options), finding: good('variables: what is set can be used') };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const config = readConfig({ GODWIT_DATA: options.data ?? process.env.GODWIT_DATA });
    return { config, finding: bad(`variables: ${error.message}`) };
  }
}
