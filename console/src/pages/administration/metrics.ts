/** One gauge of the server, as its metrics page gives it. */
export interface Gauge {
  readonly name: string;
  readonly help: string;
  readonly labels: string;
  readonly value: number;
}

/** Reads the gauges from text in the format of Prometheus. Counters and histograms are left out: they say nothing of the present moment. */
export function readGauges(text: string): Gauge[] {
  const help = new Map<string, string>();
  const gauges = new Set<string>();
  const found: Gauge[] = [];
  for (const line of text.split('\n')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === 'HELP') help.set(name, rest);
    else if (kind === 'TYPE' && rest === 'gauge') gauges.add(name);
    const [, sample = '', labels = '', value = ''] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (gauges.has(sample)) found.push({ name: sample, help: help.get(sample) ?? '', labels, value: Number(value) });
  }
  return found;
}
