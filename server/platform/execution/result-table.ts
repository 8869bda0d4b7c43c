/** How results of queries stand in the log of a run. */

/** Longest text of one value in the log. */
const VALUE_CHARACTERS = 200;

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A value on one line; what has no text of its own is shown as JSON. */
export function showValue(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  const text = (typeof value === 'object' && !(value instanceof Date) && Object.getPrototypeOf(value) === Object.prototype ? JSON.stringify(value) : value instanceof Date ? value.toISOString() : String(value)).replaceAll(/[\r\n\t]+/g, ' ');
  return text.length > VALUE_CHARACTERS ? `${text.slice(0, VALUE_CHARACTERS - 1)}…` : text;
}

/** A table with aligned columns. */
export function table(names: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = names.map((name, index) => Math.max(name.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' | ')} |`;
  return [line(names), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join('\n');
}

/** Reads the job that comes as JSON on the standard input. */
export async function readJob<Job>(): Promise<Job> {
  let text = '';
  process.stdin.setEncoding('utf8');
  for await (const part of process.stdin) text += part;
  return JSON.parse(text) as Job;
}
