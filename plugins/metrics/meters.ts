import { codeName } from 'godwit-schemas';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Meters } from '../../broker/ports/meters.js';
import { registerHistogram } from './histogram.js';

/** What the engine counts. */
export function registerMeters(registry: Registry, meters: Meters): void {
  const registers = [registry];
  const count = (name: string, help: string, read: () => number): void => {
    new Counter({ name, help, registers, collect() { this.reset(); this.inc(read()); } });
  };
  count('godwit_messages_accepted_total', 'Messages appended to a log and durable.', () => meters.accepted);
  count('godwit_messages_duplicate_total', 'Resends that the log held already.', () => meters.duplicates);
  count('godwit_messages_delivered_total', 'Deliveries of messages that a device acknowledged, or that asked for no acknowledgement.', () => meters.delivered);
  count('godwit_messages_redelivered_total', 'Deliveries sent again because they were not acknowledged.', () => meters.redelivered);
  count('godwit_connects_refused_total', 'CONNECTs that were refused.', () => meters.refusedConnects);
  new Counter({
    name: 'godwit_refused_total',
    help: 'Publishes that were refused, by code.',
    labelNames: ['code'],
    registers,
    collect() {
      this.reset();
      for (const [code, refused] of meters.refused) this.inc({ code: codeName(code) }, refused);
    },
  });
  new Gauge({
    name: 'godwit_connections',
    help: 'Open MQTT connections, by transport: tcp, tls, ws, wss.',
    labelNames: ['transport'],
    registers,
    collect() {
      this.reset();
      for (const [transport, open] of meters.connections) this.set({ transport }, open);
    },
  });
  new Gauge({ name: 'godwit_queue_depth', help: 'Publishes that wait for their commit.', registers, collect() { this.set(meters.queueDepth); } });
  registerHistogram(registry, 'godwit_append_seconds', 'Time from the arrival of a publish until it is durable.', meters.append);
  registerHistogram(registry, 'godwit_sent_to_delivered_seconds', 'Time from the append of a message until a device acknowledged it, its absence included.', meters.sentToDelivered);
}
