import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { EntryState, type ConversationLog } from '../../broker/ports/conversation-log.js';
import { again, append } from './appends.js';
import { everywhere as lookEverywhere, type Backend, type Make } from './backend.js';

const SILENT = { flags: 1 };

/** What every ConversationLog knows of what each user wrote. Each test has a conversation of its own. */
export function suite(name: string, make: Make): void {
  describe(`Own counts: ${name}`, () => {
    let backend: Backend;
    let log: ConversationLog;
    before(async () => {
      backend = await make();
      log = backend.storage.log;
    });
    after(() => backend.remove());

    /** As it stands in memory, where it stays, and after a restart. */
    const everywhere = (check: () => Promise<void>): Promise<void> =>
      lookEverywhere(backend, () => {
        log = backend.storage.log;
        return check();
      });

    test('who wrote nothing has nothing', async () => {
      assert.deepEqual(await log.ownOf('d:nobody:none', 'nobody'), { counted: 0, last: 0 });
      await log.append([append('d:a:none', 'a', 'hello')]);
      await everywhere(async () => assert.deepEqual(await log.ownOf('d:a:none', 'none'), { counted: 0, last: 0 }));
    });

    test('counts what each wrote, but for what is silent, and knows the newest', async () => {
      const first = append('d:a:both', 'a', '1');
      await log.append([first, append('d:a:both', 'both', '2'), append('d:a:both', 'a', '3', SILENT)]);
      await everywhere(async () => assert.deepEqual([await log.ownOf('d:a:both', 'a'), await log.ownOf('d:a:both', 'both')], [{ counted: 1, last: 1 }, { counted: 1, last: 2 }]));
      await log.append([append('d:a:both', 'a', '4'), append('d:a:both', 'both', '5', SILENT), again(first), append('d:a:both', 'a', '6', { fromDevice: '' })]);
      await everywhere(async () => assert.deepEqual([await log.ownOf('d:a:both', 'a'), await log.ownOf('d:a:both', 'both')], [{ counted: 3, last: 6 }, { counted: 1, last: 2 }]));
    });

    test('nothing is taken off for what is erased or trimmed', async () => {
      for (let i = 0; i < 30; i++) await log.append([append('d:a:off', i % 3 === 0 ? 'off' : 'a', 'x'.repeat(300))]);
      await log.erase('d:a:off', 30, EntryState.Erased);
      await log.trim('d:a:off', 20);
      await backend.settle();
      await everywhere(async () => assert.deepEqual([await log.ownOf('d:a:off', 'a'), await log.ownOf('d:a:off', 'off')], [{ counted: 20, last: 30 }, { counted: 10, last: 28 }]));
    });

    test('is as of the head, also while more is on its way', async () => {
      await log.append([append('d:a:way', 'a', '1')]);
      const under = log.append([append('d:a:way', 'a', '2'), append('d:a:way', 'a', '3')]);
      const [head, own] = [log.head('d:a:way'), log.ownOf('d:a:way', 'a')];
      assert.deepEqual([(await head)!.counted, await own], [1, { counted: 1, last: 1 }]);
      await under;
      assert.deepEqual(await log.ownOf('d:a:way', 'a'), { counted: 3, last: 3 });
    });
  });
}
