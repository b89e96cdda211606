import { resolve } from 'node:path';
import { restoreBackup } from '../../plugins/store-embedded/index.js';
import { secretPath } from '../config.js';
import { copyPlace } from '../place.js';
import { continueLineage } from './lineage.js';
import { localConfig } from './server.js';

/**
 * Makes a data folder from a backup.
 * @throws StorageOpenError when it is no backup, or the data folder is not empty
 */
export async function restore(backup: string, options: { data?: string }): Promise<void> {
  const { data, auth } = localConfig(options);
  const from = resolve(backup);
  await restoreBackup(from, data);
  continueLineage(from, data);
  copyPlace(from, data);
  const lines = [
    `${data} holds what ${from} held.`,
    'The next start begins a new term: no place is given twice. What devices had got after the backup was made stays on',
    'them, and the others are told of it as a gap (LOST); what had not reached them comes as usual, and once.',
  ];
  if (auth.kind === 'own') lines.push(`A new secret will be made, and old tokens will be refused: to keep them valid, copy the old one to ${secretPath(data)}.`);
  const variable = data === resolve('./data') ? '' : `GODWIT_DATA=${data} `;
  process.stdout.write([...lines, `Start it with: ${variable}npx godwit serve`, ''].join('\n'));
}
