import { changedSetting, NOTHING_SET, type ConversationSetting, type ConversationSettings } from '../../broker/ports/conversation-settings.js';

export class MemoryConversationSettings implements ConversationSettings {
  private readonly users = new Map<string, Map<string, ConversationSetting>>();

  get(user: string, conversation: string): ConversationSetting {
    return this.users.get(user)?.get(conversation) ?? NOTHING_SET;
  }

  ofUser(user: string): ReadonlyMap<string, ConversationSetting> {
    return new Map(this.users.get(user));
  }

  async set(user: string, conversation: string, change: Partial<ConversationSetting>): Promise<ConversationSetting> {
    const setting = changedSetting(this.get(user, conversation), change);
    const settings = this.users.get(user) ?? new Map<string, ConversationSetting>();
    this.users.set(user, settings.set(conversation, setting));
    return setting;
  }

  async forgetUser(user: string): Promise<void> {
    this.users.delete(user);
  }
}
