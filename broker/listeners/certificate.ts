import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { ListenError } from './listen.js';

/** PEM files: the certificate with its chain, and its key. */
export interface CertificateFiles {
  certFile: string;
  keyFile: string;
}

/**
 * Reads a certificate and its key, and checks that they fit together.
 * @throws ListenError with one line that says which file is wrong
 */
export async function readCertificate(files: CertificateFiles): Promise<SecureContextOptions> {
  const cert = await readPem(files.certFile, 'GODWIT_TLS_CERT');
  const key = await readPem(files.keyFile, 'GODWIT_TLS_KEY');
  const options: SecureContextOptions = { cert, key, minVersion: 'TLSv1.2' };
  try {
    createSecureContext(options);
  } catch (error) {
    throw new ListenError(`the certificate ${files.certFile} and the key ${files.keyFile} cannot be used (${reason(error)}); set GODWIT_TLS_CERT and GODWIT_TLS_KEY`, { cause: error });
  }
  return options;
}

async function readPem(file: string, variable: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new ListenError(`${file} cannot be read (${reason(error)}); set ${variable}`, { cause: error });
  }
}

/** OpenSSL's code, or the system's: their messages hold paths and line noise, never the key. */
function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
