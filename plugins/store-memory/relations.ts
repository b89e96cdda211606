import { OPEN, type PrivacyRecord, type Relation, type Relations } from '../../broker/ports/relations.js';

export class MemoryRelations implements Relations {
  /** By user, then relation. */
  private readonly others = new Map<string, Map<Relation, Set<string>>>();
  private readonly privacies = new Map<string, PrivacyRecord>();

  async add(user: string, relation: Relation, others: readonly string[], most: number): Promise<readonly string[] | undefined> {
    const known = this.of(user, relation);
    const added = [...new Set(others)].filter((other) => !known.has(other));
    if (known.size + added.length > most) return undefined;
    for (const other of added) known.add(other);
    return added;
  }

  async remove(user: string, relation: Relation, others: readonly string[]): Promise<readonly string[]> {
    return others.filter((other) => this.of(user, relation).delete(other));
  }

  has(user: string, relation: Relation, other: string): boolean {
    return this.of(user, relation).has(other);
  }

  list(user: string, relation: Relation, after: string, limit: number): readonly string[] {
    return [...this.of(user, relation)].filter((other) => other > after).sort().slice(0, limit);
  }

  privacy(user: string): PrivacyRecord {
    return this.privacies.get(user) ?? OPEN;
  }

  async setPrivacy(user: string, changes: Partial<PrivacyRecord>): Promise<PrivacyRecord> {
    const record = { ...this.privacy(user), ...changes };
    this.privacies.set(user, record);
    return record;
  }

  async removeUser(user: string): Promise<void> {
    this.others.delete(user);
    this.privacies.delete(user);
    for (const relations of this.others.values()) for (const others of relations.values()) others.delete(user);
  }

  private of(user: string, relation: Relation): Set<string> {
    let relations = this.others.get(user);
    if (!relations) this.others.set(user, (relations = new Map()));
    let others = relations.get(relation);
    if (!others) relations.set(relation, (others = new Set()));
    return others;
  }
}
