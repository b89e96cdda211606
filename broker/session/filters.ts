import { deliveryTopics, matchesFilter } from 'godwit-schemas';

/** The subscriptions of one session, and what follows from them, worked out once at every change. */
export class Filters {
  private readonly filters = new Map<string, 0 | 1>();
  /** QoS of `u/<user>/msg`, or of its raw topics where msg is not subscribed; undefined: neither. */
  messageQos: 0 | 1 | undefined;
  takesMsg = false;
  takesResult = false;
  takesGap = false;
  /** The topic that was asked for last: receipts ask for the same one again and again. */
  private lastTopic: string | undefined;
  private lastQos: 0 | 1 | undefined;

  constructor(private readonly user: string) {}

  get size(): number {
    return this.filters.size;
  }

  has(filter: string): boolean {
    return this.filters.has(filter);
  }

  names(): Iterable<string> {
    return this.filters.keys();
  }

  set(filters: Iterable<readonly [string, 0 | 1]>): void {
    for (const [filter, qos] of filters) this.filters.set(filter, qos);
    this.refresh();
  }

  delete(filters: Iterable<string>): void {
    for (const filter of filters) this.filters.delete(filter);
    this.refresh();
  }

  /** The highest QoS of the filters that match (MQTT-3.3.5-1); undefined: none does. */
  takes(topic: string): 0 | 1 | undefined {
    if (topic === this.lastTopic) return this.lastQos;
    this.lastTopic = topic;
    this.lastQos = this.match(topic);
    return this.lastQos;
  }

  private match(topic: string): 0 | 1 | undefined {
    let qos: 0 | 1 | undefined;
    for (const [filter, granted] of this.filters) {
      if (matchesFilter(filter, topic) && (qos === undefined || granted > qos)) qos = granted;
    }
    return qos;
  }

  private refresh(): void {
    this.lastTopic = undefined;
    const msg = this.takes(deliveryTopics.msg(this.user));
    this.takesMsg = msg !== undefined;
    this.messageQos = msg ?? this.rawQos();
    this.takesResult = this.takes(deliveryTopics.result(this.user)) !== undefined;
    this.takesGap = this.takes(deliveryTopics.gap(this.user)) !== undefined;
  }

  private rawQos(): 0 | 1 | undefined {
    let qos: 0 | 1 | undefined;
    for (const [filter, granted] of this.filters) {
      // Granted filters lie under `u/<user>/` or `presence/<user>`: the third level says what they are for.
      const level = filter.split('/')[2];
      if ((level === 'raw' || level === '+') && (qos === undefined || granted > qos)) qos = granted;
    }
    return qos;
  }
}
