import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Config } from '../../config.js';
import { readCertificate } from '../../listeners/certificate.js';
import { ListenError } from '../../listeners/listen.js';
import { bad, good, type Finding } from './finding.js';

const DAY_MS = 86_400_000;
/** So that there is time to renew it. */
const SOON_MS = 14 * DAY_MS;

/** The certificate that the configuration names. */
export async function certificate({ cert, key }: NonNullable<Config['tls']>, nowMs: number): Promise<Finding> {
  const mend = 'renew it, then send the server SIGHUP';
  try {
    await readCertificate({ certFile: cert, keyFile: key });
  } catch (error) {
    if (error instanceof ListenError) return bad(`certificate: ${error.message}`);
    throw error;
  }
  const { validFrom, validTo } = new X509Certificate(await readFile(cert));
  if (Date.parse(validFrom) > nowMs) return bad(`certificate: ${cert} is valid from ${validFrom} on only`, 'set the clock, or use another one');
  const leftMs = Date.parse(validTo) - nowMs;
  if (leftMs <= 0) return bad(`certificate: ${cert} expired on ${validTo}`, mend);
  if (leftMs < SOON_MS) return bad(`certificate: ${cert} expires soon, on ${validTo}`, mend);
  return good(`certificate: ${cert}, valid until ${validTo}`);
}
