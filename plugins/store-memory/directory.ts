import type { DeviceRecord, Directory, UserRecord } from '../../broker/ports/directory.js';

export class MemoryDirectory implements Directory {
  private readonly records = new Map<string, UserRecord>();
  private readonly pending = new Set<string>();
  private readonly revocations = new Map<string, Map<string, number>>();
  private readonly devices = new Map<string, Map<string, DeviceRecord>>();

  user(user: string): UserRecord | undefined {
    return this.records.get(user);
  }

  async addUser(user: string, nowMs: number): Promise<boolean> {
    if (this.records.has(user)) return false;
    this.records.set(user, { user, createdAtMs: nowMs });
    return true;
  }

  async removeUser(user: string): Promise<boolean> {
    this.devices.delete(user);
    this.revocations.delete(user);
    return this.records.delete(user);
  }

  async markRemoval(user: string, isPending: boolean): Promise<void> {
    if (isPending) this.pending.add(user);
    else this.pending.delete(user);
  }

  removals(): readonly string[] {
    return [...this.pending];
  }

  users(after: string, limit: number): readonly UserRecord[] {
    return [...this.records.values()]
      .filter((record) => record.user > after)
      .sort((a, b) => (a.user < b.user ? -1 : 1))
      .slice(0, limit);
  }

  device(user: string, device: string): DeviceRecord | undefined {
    return this.devices.get(user)?.get(device);
  }

  devicesOf(user: string): readonly DeviceRecord[] {
    return [...(this.devices.get(user)?.values() ?? [])];
  }

  async putDevice(record: DeviceRecord): Promise<void> {
    let devices = this.devices.get(record.user);
    if (!devices) this.devices.set(record.user, (devices = new Map()));
    devices.set(record.device, { ...record, filters: new Map(record.filters) });
  }

  async reservePacketIds(user: string, device: string, packetIds: number): Promise<void> {
    const record = this.device(user, device);
    if (record && record.packetIds < packetIds) await this.putDevice({ ...record, packetIds });
  }

  async seenDevice(user: string, device: string, lastSeenMs: number): Promise<void> {
    const record = this.device(user, device);
    if (record && record.lastSeenMs < lastSeenMs) await this.putDevice({ ...record, lastSeenMs });
  }

  async changeFilters(user: string, device: string, add: ReadonlyMap<string, 0 | 1>, remove: readonly string[]): Promise<void> {
    const record = this.device(user, device);
    if (!record) return;
    const filters = new Map(record.filters);
    for (const filter of remove) filters.delete(filter);
    for (const [filter, qos] of add) filters.set(filter, qos);
    await this.putDevice({ ...record, filters });
  }

  async removeDevice(user: string, device: string): Promise<boolean> {
    return this.devices.get(user)?.delete(device) ?? false;
  }

  async revokeDevice(user: string, device: string, atMs: number): Promise<void> {
    let revocations = this.revocations.get(user);
    if (!revocations) this.revocations.set(user, (revocations = new Map()));
    revocations.set(device, Math.max(atMs, this.revokedAt(user, device)));
  }

  revokedAt(user: string, device: string): number {
    return this.revocations.get(user)?.get(device) ?? 0;
  }

  revocationsOf(user: string): ReadonlyMap<string, number> {
    return new Map(this.revocations.get(user));
  }

  async forgetRevocations(user: string, beforeMs: number): Promise<void> {
    const revocations = this.revocations.get(user);
    for (const [device, atMs] of revocations ?? []) if (atMs < beforeMs) revocations!.delete(device);
  }
}
