import { limits } from 'godwit-schemas';
import type { Logger } from 'pino';
import type { Godwit } from '../server.js';
import { removeRunning } from './running.js';

/** Milliseconds between two looks for the parent. */
const ORPHAN_CHECK_MS = 500;

type Stoppable = Pick<Godwit, 'config' | 'stop' | 'reloadCertificate'>;

/** Something happened that must not go on. */
export function endWith(log: Logger, error: Error): void {
  log.fatal({ err: error }, 'a fault that nobody caught: the process ends');
  log.flush();
  process.exit(1);
}

/**
 * SIGTERM and SIGINT stop the server; a second one, or the end of patience, ends the process with code 1. SIGHUP reads
 * the certificate again.
 */
export function stopOnSignals(godwit: Stoppable, log: Logger, patienceMs = limits.shutdownMs.value): void {
  const { tls, data } = godwit.config;
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, 'stopping');
    setTimeout(() => {
      process.stderr.write(`godwit: it did not stop within ${patienceMs / 1000} s and was ended; nothing that was accepted is lost\n`);
      process.exit(1);
    }, patienceMs);
    const stopped = godwit.stop();
    try {
      removeRunning(data);
    } catch (error) {
      log.warn({ err: error }, 'where the server listened stays written down');
    }
    stopped.then(
      () => process.exit(0),
      (error: Error) => endWith(log, error),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('SIGHUP', () => {
    if (tls) void godwit.reloadCertificate();
    // Without a certificate there is nothing to read again: then it is the terminal that was closed.
    else if (process.stdout.isTTY) stop('SIGHUP');
    else log.info('SIGHUP: there is no certificate to read again');
  });
  if (process.env.npm_lifecycle_event) onOrphaned(() => stop('SIGTERM'));
}

/** `npm start` puts a shell between, which dies of the signal that npm hands on, and leaves the server to nobody. */
function onOrphaned(act: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    act();
  }, ORPHAN_CHECK_MS);
  timer.unref();
}
