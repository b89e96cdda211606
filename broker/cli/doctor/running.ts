import type { Config } from '../../config.js';
import { CommandError, NotRunningError } from '../errors.js';
import { get, type Answer } from '../control.js';
import { readRunning } from '../running.js';
import { serverOf } from '../server.js';
import { bad, good, type Finding } from './finding.js';
import { seconds } from './machine.js';

const TIMEOUT_MS = 5_000;
/** The Date header has whole seconds. */
const CLOCK_MS = 5_000;

export interface ServerState {
  readonly findings: Finding[];
  readonly running: boolean;
}

/** The server of the data folder, if it runs. @param held whether a process holds the folder */
export async function server(config: Config, held: boolean): Promise<ServerState> {
  const known = readRunning(config.data);
  const pid = known ? ` (pid ${known.pid})` : '';
  try {
    const door = serverOf(config);
    const health = await get(door, '/healthz', TIMEOUT_MS);
    if (health.status !== 200) return { running: held, findings: [bad(`server: ${door.http}/healthz answers ${health.status}`, held ? 'look into its log' : 'another program has its port')] };
    const ready = await get(door, '/readyz', TIMEOUT_MS);
    return { running: true, findings: [readiness(ready, `${door.mqtt}, ${door.http}${pid}`), ...clocks(ready)] };
  } catch (error) {
    if (error instanceof NotRunningError) return { running: held, findings: [absent(held, known !== undefined, pid)] };
    if (error instanceof CommandError) return { running: held, findings: [bad(`server: ${error.message}`, 'look into its log')] };
    throw error;
  }
}

function readiness({ status, body }: Answer, where: string): Finding {
  if (status === 200) return good(`server: running and ready at ${where}`);
  return bad(`server: running, and not ready: ${body.toString().trim()}`, 'wait, or look into its log');
}

function absent(held: boolean, known: boolean, pid: string): Finding {
  if (held) return bad(`server: a process has the data folder${pid} and does not answer`, 'wait until it has started or stopped; if it hangs, end it: nothing that was accepted is lost');
  return good(known ? 'server: not running; it was not stopped, it ended (nothing that was accepted is lost)' : 'server: not running; `npx godwit serve` starts it');
}

function clocks({ headers: { date } }: Answer): Finding[] {
  const apart = date === undefined ? 0 : Date.parse(date) - Date.now();
  return Math.abs(apart) > CLOCK_MS ? [bad(`clock: that of the server is ${seconds(apart)}`, 'set the time of its machine')] : [];
}
