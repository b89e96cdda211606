/** What the MQTT layer asks of the sessions behind it. */
export interface SessionStore {
  /** The filters of a device's persistent session; empty: there is none. */
  restored(clientId: string): { topic: string; qos: number }[];
  /** Keeps what a SUBSCRIBE was granted; durable when it resolves. `filters` may hold refused ones too. */
  filtersAdded(clientId: string): Promise<void>;
  filtersRemoved(clientId: string, filters: readonly string[]): Promise<void>;
}
