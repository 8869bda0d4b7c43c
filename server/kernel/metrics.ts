import type { Executor } from './database.ts';

/**
 * Numbers for Prometheus, in its text format 0.0.4. What is kept here is counted in this process; what the database knows better is read when
 * somebody asks, by a collector.
 */
export type Labels = Readonly<Record<string, string | number>>;

export interface Counter {
  add(labels?: Labels, count?: number): void;
  /** Forgets the series with these labels, when what they name is gone. */
  remove(labels: Labels): void;
}

export interface Histogram {
  observe(value: number, labels?: Labels): void;
  remove(labels: Labels): void;
}

/** A reading of a gauge. */
export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

/** A family of gauges that is read from the database when somebody asks. Modules declare theirs. */
export interface Gauge {
  readonly name: string;
  readonly help: string;
  /** May reject; then the family is left out of this answer and counted as failed. */
  read(db: Executor, now: Date): Promise<readonly Sample[]>;
}

export interface Metrics {
  counter(name: string, help: string): Counter;
  /** `buckets` are upper bounds, ascending; the last, infinite one is added. */
  histogram(name: string, help: string, buckets: readonly number[]): Histogram;
  gauge(gauge: Pick<Gauge, 'name' | 'help'> & { read(): Promise<readonly Sample[]> | readonly Sample[] }): void;
  /** All families as text. */
  render(): Promise<string>;
}

/** Series of one family beyond which further ones are dropped, so that labels cannot fill the memory. */
const MOST_SERIES = 5_000;

function seriesKey(labels: Labels): string {
  const pairs = Object.entries(labels).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return pairs.map(([name, value]) => `${name}="${String(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`).join(',');
}

function line(name: string, key: string, value: number): string {
  return `${name}${key === '' ? '' : `{${key}}`} ${Number.isFinite(value) ? value : value > 0 ? '+Inf' : 'NaN'}`;
}

const heading = (name: string, help: string, type: string) => [`# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`, `# TYPE ${name} ${type}`];

interface HistogramSeries {
  readonly counts: number[];
  sum: number;
  count: number;
}

export function createMetrics(): Metrics {
  const families = new Map<string, () => readonly string[] | Promise<readonly string[]>>();
  const failures = new Map<string, number>();

  function add(name: string, lines: () => readonly string[] | Promise<readonly string[]>): void {
    if (!/^[a-z_][a-z0-9_]*$/.test(name)) throw new Error(`${name} cannot be the name of a metric`);
    if (families.has(name)) throw new Error(`the metric ${name} is there twice`);
    families.set(name, lines);
  }

  return {
    counter(name, help) {
      const series = new Map<string, number>();
      add(name, () => [...heading(name, help, 'counter'), ...[...series].map(([key, value]) => line(name, key, value))]);
      return {
        add(labels = {}, count = 1) {
          const key = seriesKey(labels);
          const before = series.get(key);
          if (before !== undefined || series.size < MOST_SERIES) series.set(key, (before ?? 0) + count);
        },
        remove: (labels) => void series.delete(seriesKey(labels)),
      };
    },
    histogram(name, help, buckets) {
      const series = new Map<string, HistogramSeries>();
      const show = ([key, one]: [string, HistogramSeries]) => {
        const within = (bound: string) => (key === '' ? `le="${bound}"` : `${key},le="${bound}"`);
        return [
          ...buckets.map((bound, index) => line(`${name}_bucket`, within(String(bound)), one.counts[index] ?? 0)),
          line(`${name}_bucket`, within('+Inf'), one.count),
          line(`${name}_sum`, key, one.sum),
          line(`${name}_count`, key, one.count),
        ];
      };
      add(name, () => [...heading(name, help, 'histogram'), ...[...series].flatMap(show)]);
      return {
        observe(value, labels = {}) {
          const key = seriesKey(labels);
          let one = series.get(key);
          if (one === undefined) {
            if (series.size >= MOST_SERIES) return;
            one = { counts: buckets.map(() => 0), sum: 0, count: 0 };
            series.set(key, one);
          }
          one.sum += value;
          one.count += 1;
          // The form counts a value in every bucket that holds it.
          for (let index = buckets.length - 1; index >= 0 && value <= (buckets[index] ?? 0); index -= 1) one.counts[index] = (one.counts[index] ?? 0) + 1;
        },
        remove: (labels) => void series.delete(seriesKey(labels)),
      };
    },
    gauge({ name, help, read }) {
      add(name, async () => [...heading(name, help, 'gauge'), ...(await read()).slice(0, MOST_SERIES).map(({ labels = {}, value }) => line(name, seriesKey(labels), value))]);
    },
    async render() {
      const texts = await Promise.all(
        [...families].map(async ([name, lines]) => {
          try {
            return await lines();
          } catch {
            failures.set(name, (failures.get(name) ?? 0) + 1);
            return [];
          }
        }),
      );
      const failed = [...heading('millrace_metric_failures_total', 'Readings of a metric that failed.', 'counter'), ...[...failures].map(([name, count]) => line('millrace_metric_failures_total', `metric="${name}"`, count))];
      return `${[...texts.flat(), ...failed].join('\n')}\n`;
    },
  };
}
