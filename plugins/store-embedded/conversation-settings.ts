import { changedSetting, NOTHING_SET, type ConversationSetting, type ConversationSettings } from '../../broker/ports/conversation-settings.js';
import { writeRow } from './records.js';
import type { Store } from './store.js';
import { rowName } from './table.js';
import type { Codec, Table } from './table.js';

/** Rows (user, conversation), of the conversations of which something was set. */
export class EmbeddedConversationSettings implements ConversationSettings {
  private readonly table: Table<ConversationSetting>;

  constructor(private readonly store: Store) {
    this.table = store.table('conversation settings', settingCodec);
  }

  get(user: string, conversation: string): ConversationSetting {
    return this.table.get(user, conversation) ?? NOTHING_SET;
  }

  ofUser(user: string): ReadonlyMap<string, ConversationSetting> {
    return this.table.all(user);
  }

  async set(user: string, conversation: string, change: Partial<ConversationSetting>): Promise<ConversationSetting> {
    const setting = changedSetting(this.get(user, conversation), change);
    this.write(user, conversation, setting);
    await this.store.commit();
    return setting;
  }

  async forgetUser(user: string): Promise<void> {
    for (const conversation of this.table.all(user).keys()) this.write(user, conversation, undefined);
    await this.store.commit();
  }

  private write(user: string, conversation: string, setting: ConversationSetting | undefined): void {
    const { store, table } = this;
    table.put(user, conversation, setting);
    writeRow(store.room, table.id, rowName(user, conversation), setting && table.codec.encode(setting));
    store.fill.soon();
  }
}

/** They change seldom: JSON, which a person can read. */
const settingCodec: Codec<ConversationSetting> = {
  encode: (setting) => Buffer.from(JSON.stringify(setting)),
  decode: (bytes) => JSON.parse(bytes.toString()) as ConversationSetting,
};
