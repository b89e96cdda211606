import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ReportRecord, Reports } from '../../broker/ports/reports.js';
import { everywhere, type Backend, type Make } from './backend.js';

const record = (report: string, by: string, atMs: number): ReportRecord => ({ report, atMs, by, user: 'mallory', conversation: 'd:a:mallory', seq: 7, reason: 'späm' });

/** What every Reports does. */
export function suite(name: string, make: Make): void {
  describe(`Reports: ${name}`, () => {
    let backend: Backend;
    const reports = (): Reports => backend.storage.reports;
    const names = (records: readonly ReportRecord[]): string[] => records.map(({ report }) => report);
    before(async () => (backend = await make()));
    after(() => backend.remove());

    test('are kept as they were made, oldest first, in pages, also of one user; until they are removed or old', async () => {
      for (const [report, by] of [['B', '__proto__'], ['A', 'a'], ['D', 'a'], ['C', '__proto__']]) await reports().add(record(report, by, report.charCodeAt(0)), 0);
      await everywhere(backend, async () => {
        assert.deepEqual(await reports().list('', 2), [record('A', 'a', 65), record('B', '__proto__', 66)]);
        assert.deepEqual(names(await reports().list('B', 9)), ['C', 'D']);
        assert.deepEqual([names(await reports().by('a', '', 9)), names(await reports().by('__proto__', 'B', 9)), await reports().by('b', '', 9)], [['A', 'D'], ['C'], []]);
      });
      assert.deepEqual([await reports().remove('C'), await reports().remove('C')], [true, false]);
      await reports().add(record('E', 'b', 69), 67);
      await everywhere(backend, async () => assert.deepEqual([names(await reports().list('', 9)), names(await reports().by('__proto__', '', 9))], [['D', 'E'], []]));
    });
  });
}
