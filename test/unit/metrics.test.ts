import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { Code } from 'godwit-schemas';
import { Registry } from 'prom-client';
import { Histogram, Meters } from '../../broker/ports/meters.js';
import type { PluginContext } from '../../broker/ports/plugin.js';
import { metricsPlugin } from '../../plugins/metrics/index.js';
import { registerHistogram } from '../../plugins/metrics/histogram.js';

async function open(t: TestContext): Promise<{ meters: Meters; scrape: () => Promise<string> }> {
  const plugin = metricsPlugin();
  const meters = new Meters();
  const metrics = new Registry();
  await plugin.start!({ metrics, meters, storage: { freeBytes: async () => 12_345 } } as unknown as PluginContext);
  t.after(() => plugin.stop!());
  return { meters, scrape: () => metrics.metrics() };
}

function sample(text: string, series: string): number {
  const line = text.split('\n').find((it) => it.startsWith(`${series} `));
  assert.ok(line, `${series} in\n${text}`);
  return Number(line.slice(series.length + 1));
}

test('counters and gauges show what the engine counted, at every scrape anew', async (t) => {
  const { meters, scrape } = await open(t);
  meters.accepted = 5;
  meters.duplicates = 2;
  meters.delivered = 4;
  meters.redelivered = 1;
  meters.refusedConnects = 9;
  meters.queueDepth = 3;
  meters.refuse(Code.RATE_LIMITED);
  meters.refuse(Code.RATE_LIMITED);
  meters.refuse(Code.UNKNOWN_USER);
  meters.connections.set('tcp', 7).set('wss', 1);
  const first = await scrape();
  assert.equal(sample(first, 'godwit_messages_accepted_total'), 5);
  assert.equal(sample(first, 'godwit_messages_duplicate_total'), 2);
  assert.equal(sample(first, 'godwit_messages_delivered_total'), 4);
  assert.equal(sample(first, 'godwit_messages_redelivered_total'), 1);
  assert.equal(sample(first, 'godwit_connects_refused_total'), 9);
  assert.equal(sample(first, 'godwit_queue_depth'), 3);
  assert.equal(sample(first, 'godwit_refused_total{code="RATE_LIMITED"}'), 2);
  assert.equal(sample(first, 'godwit_refused_total{code="UNKNOWN_USER"}'), 1);
  assert.equal(sample(first, 'godwit_connections{transport="tcp"}'), 7);
  assert.equal(sample(first, 'godwit_connections{transport="wss"}'), 1);

  meters.accepted = 6;
  meters.queueDepth = 0;
  meters.connections.set('tcp', 0);
  const second = await scrape();
  assert.equal(sample(second, 'godwit_messages_accepted_total'), 6);
  assert.equal(sample(second, 'godwit_messages_delivered_total'), 4);
  assert.equal(sample(second, 'godwit_queue_depth'), 0);
  assert.equal(sample(second, 'godwit_connections{transport="tcp"}'), 0);
});

test('latencies are histograms in seconds, fine enough for p50, p95 and p99', async (t) => {
  const { meters, scrape } = await open(t);
  for (let i = 0; i < 90; i++) meters.append.observe(2);
  for (let i = 0; i < 10; i++) meters.append.observe(70);
  meters.append.observe(20_000);
  meters.sentToDelivered.observe(3 * 86_400_000);
  const text = await scrape();
  assert.match(text, /^# TYPE godwit_append_seconds histogram$/m);
  assert.equal(sample(text, 'godwit_append_seconds_bucket{le="0.001"}'), 0);
  assert.equal(sample(text, 'godwit_append_seconds_bucket{le="0.002"}'), 90);
  assert.equal(sample(text, 'godwit_append_seconds_bucket{le="0.1"}'), 100);
  assert.equal(sample(text, 'godwit_append_seconds_bucket{le="10"}'), 100);
  assert.equal(sample(text, 'godwit_append_seconds_bucket{le="+Inf"}'), 101);
  assert.equal(sample(text, 'godwit_append_seconds_count'), 101);
  assert.equal(sample(text, 'godwit_append_seconds_sum').toFixed(2), '20.88');
  assert.equal(sample(text, 'godwit_sent_to_delivered_seconds_bucket{le="86400"}'), 0);
  assert.equal(sample(text, 'godwit_sent_to_delivered_seconds_bucket{le="604800"}'), 1);
});

test('a histogram counts a value at a bound below it, and every value once', async () => {
  const registry = new Registry();
  const histogram = new Histogram([1, 10]);
  registerHistogram(registry, 'h_seconds', 'help', histogram);
  for (const value of [0, 1, 1.001, 10, 10.001]) histogram.observe(value);
  const text = await registry.metrics();
  assert.deepEqual(['0.001', '0.01', '+Inf'].map((le) => sample(text, `h_seconds_bucket{le="${le}"}`)), [2, 4, 5]);
});

test('the process: event-loop lag, memory, CPU and disk', async (t) => {
  const { scrape } = await open(t);
  const block = (ms: number): void => {
    const end = performance.now() + ms;
    while (performance.now() < end);
  };
  // The watch measures between its own timers: one must have run before the block, and one after it.
  for (let i = 0; i < 3; i++) await new Promise((done) => setTimeout(done, 30));
  block(300);
  for (let i = 0; i < 3; i++) await new Promise((done) => setTimeout(done, 30));
  const text = await scrape();
  assert.ok(sample(text, 'godwit_event_loop_lag_seconds{quantile="1"}') >= 0.2);
  assert.ok(sample(text, 'godwit_memory_bytes{kind="resident"}') > 10_000_000);
  assert.ok(sample(text, 'godwit_cpu_seconds_total') > 0);
  assert.equal(sample(text, 'godwit_disk_free_bytes'), 12_345);
});

test('every metric is named godwit_, and a registry can be filled again after another was stopped', async (t) => {
  for (let i = 0; i < 2; i++) {
    const { scrape } = await open(t);
    const names = [...(await scrape()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    assert.ok(names.length >= 12);
    for (const name of names) assert.match(name, /^godwit_/);
  }
});
