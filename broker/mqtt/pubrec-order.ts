/**
 * Keeps the PUBRECs of a connection in the order of its publishes (MQTT-4.6.0-3). Aedes answers a QoS 2 publish that it
 * has already at once; those before it may still be on their way to the disk.
 */
export class PubrecOrder<Client extends object> {
  /** Of each connection: settles when every PUBREC that is due so far is written. */
  private readonly answered = new WeakMap<Client, Promise<unknown>>();
  private readonly writers = new WeakMap<object, () => void>();

  /** A new publish: its PUBREC is due. */
  expect(client: Client, packet: object): void {
    const written = new Promise<void>((resolve) => this.writers.set(packet, resolve));
    this.answered.set(client, Promise.all([this.answered.get(client), written]));
  }

  written(packet: object): void {
    this.writers.get(packet)?.();
    this.writers.delete(packet);
  }

  /** A repeated one: when the PUBRECs before its own are written. */
  async before(client: Client): Promise<void> {
    await this.answered.get(client);
  }
}
