import type { ProfileRecord, Profiles } from '../../broker/ports/profiles.js';

export class MemoryProfiles implements Profiles {
  private readonly records = new Map<string, ProfileRecord>();

  get(user: string): ProfileRecord | undefined {
    return this.records.get(user);
  }

  async set(user: string, changes: Partial<ProfileRecord>, atMs: number): Promise<ProfileRecord> {
    return this.put(user, changes, atMs);
  }

  async setPhone(user: string, phone: string, provenAtMs: number, atMs: number): Promise<boolean> {
    const holder = this.ofPhone(phone);
    if (holder !== undefined && holder !== user) {
      if (this.records.get(holder)!.phoneAtMs > provenAtMs) return false;
      this.put(holder, { phone: '', phoneAtMs: 0 }, atMs);
    }
    this.put(user, { phone, phoneAtMs: provenAtMs }, holder === user ? this.records.get(user)!.changedAtMs : atMs);
    return true;
  }

  ofPhone(phone: string): string | undefined {
    return phone === '' ? undefined : [...this.records.values()].find((record) => record.phone === phone)?.user;
  }

  async remove(user: string): Promise<boolean> {
    return this.records.delete(user);
  }

  private put(user: string, changes: Partial<ProfileRecord>, atMs: number): ProfileRecord {
    const record = { user, name: '', about: '', picture: '', phone: '', phoneAtMs: 0, ...this.records.get(user), ...changes, changedAtMs: atMs };
    this.records.set(user, record);
    return record;
  }
}
