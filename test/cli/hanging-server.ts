import { pino } from 'pino';
import { stopOnSignals } from '../../broker/cli/stop.js';
import { readConfig } from '../../broker/config.js';

/** A server that never gets done with stopping. The arguments: its data folder, and for how long it may try. */
const [data, patienceMs] = process.argv.slice(2);
const config = readConfig({ GODWIT_DATA: data });
const never = new Promise<void>(() => {});
stopOnSignals({ config, stop: () => never, reloadCertificate: () => never }, pino({ level: 'silent' }), Number(patienceMs));
setInterval(() => {}, 60_000);
process.stdout.write('ready\n');
