import type { Limit } from '../../server/kernel/limits.ts';

/** Title of a group, and how the names of its limits begin. The first group that fits takes a limit. */
const groups: readonly { readonly title: string; readonly begins: RegExp }[] = [
  { title: 'Requests', begins: /^(request|parameterName|parameterNesting|flatList|clockWindow|nonces|page|upload|batchIds|asyncJob|idempotency|mcp|console)/ },
  { title: 'Database and housekeeping', begins: /^(database|idle|prune|partition|backup)/ },
  { title: 'Call log', begins: /^callLog/ },
  { title: 'Sign-in, users and keys', begins: /^(session|login|accessKey|temporary|password|unknownAccessKey|identity|users)/ },
  { title: 'Jobs', begins: /^job/ },
  { title: 'Kafka listener', begins: /^kafka/ },
  { title: 'Event delivery', begins: /^(subscription|delivery|deadLetters|secretOverlap|outbound)/ },
  { title: 'Events', begins: /^(event|pattern|cursor|replay|deadline)/ },
  { title: 'Extensions', begins: /^(extension|hold|check|rule|scope|approval|refused)/ },
  { title: 'Workspaces and studio', begins: /^(workspace|members|file|saved|node|parameter|business|folder)/ },
  { title: 'Running tasks', begins: /^(task|sqlResult|remoteMemory|duckdb)/ },
  { title: 'Scheduling', begins: /^(schedule|instance|related|loop|backfill|order|dependency)/ },
  { title: 'Resource groups', begins: /^(resource|network)/ },
  { title: 'Data sources', begins: /^(dataSource|connectivity)/ },
  { title: 'Data quality', begins: /^quality/ },
  { title: 'Metadata', begins: /^(metadata|meta|lineage|catalog)/ },
  { title: 'Data integration', begins: /^(integration|sync|transfer)/ },
];

/** The page of all limits, in Markdown, from their table. */
export function limitsPage(limits: Readonly<Record<string, Limit>>): string {
  const grouped = new Map<string, string[]>([...groups.map((group): [string, string[]] => [group.title, []]), ['Others', []]]);
  for (const [name, { value, unit, what }] of Object.entries(limits)) {
    const title = groups.find((group) => group.begins.test(name))?.title ?? 'Others';
    grouped.get(title)?.push(`| \`${name}\` | ${readable(value, unit)} | ${what.replaceAll('|', String.raw`\|`)} |`);
  }
  const sections = [...grouped].filter(([, rows]) => rows.length > 0).map(([title, rows]) => `## ${title}\n\n| Name | Value | What it bounds |\n| --- | ---: | --- |\n${rows.join('\n')}\n`);
  return `# Limits

Every loop, queue, page and payload of the house has a bound with a name. This page is generated from \`server/kernel/limits.ts\` by \`npm run generate\`;
a running server tells the same by the operation \`GetLimits\` of \`open-platform\`.

${sections.join('\n')}`;
}

const SCALES: Partial<Record<Limit['unit'], readonly (readonly [number, string])[]>> = {
  bytes: [
    [1024 * 1024, 'MiB'],
    [1024, 'KiB'],
  ],
  ms: [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1_000, 's'],
  ],
  seconds: [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
  ],
};

/** The value in its own unit, and in a larger one where it comes out even. */
function readable(value: number, unit: Limit['unit']): string {
  const plain = value.toLocaleString('en-US');
  if (unit === 'count') return plain;
  const larger = SCALES[unit]?.find(([size]) => value >= size && value % size === 0);
  return larger === undefined ? `${plain} ${unit}` : `${plain} ${unit} (${value / larger[0]} ${larger[1]})`;
}
