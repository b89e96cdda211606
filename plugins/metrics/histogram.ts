import type { Metric, Registry } from 'prom-client';
import type { Histogram } from '../../broker/ports/meters.js';

interface Sample {
  labels: Record<string, number | string>;
  value: number;
  metricName: string;
}

/**
 * Shows a histogram of milliseconds as Prometheus wants it: in seconds, buckets cumulative, with `_sum` and `_count`.
 * prom-client's own Histogram hashes its labels at every observation; ours is two array accesses, and only this
 * reading of it is prom-client's business.
 */
export function registerHistogram(registry: Registry, name: string, help: string, histogram: Histogram): void {
  const metric = {
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    reset() {},
    async get() {
      return { name, help, type: 'histogram', aggregator: 'sum', values: samples(name, histogram) };
    },
  };
  registry.registerMetric(metric as unknown as Metric);
}

function samples(name: string, { bounds, counts, sum, count }: Histogram): Sample[] {
  const values: Sample[] = [];
  let below = 0;
  bounds.forEach((bound, i) => {
    below += counts[i];
    values.push({ labels: { le: bound / 1000 }, value: below, metricName: `${name}_bucket` });
  });
  values.push({ labels: { le: '+Inf' }, value: count, metricName: `${name}_bucket` });
  values.push({ labels: {}, value: sum / 1000, metricName: `${name}_sum` });
  values.push({ labels: {}, value: count, metricName: `${name}_count` });
  return values;
}
