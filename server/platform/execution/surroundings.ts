import { open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { TaskAccount } from './account.ts';
import type { Supplies } from './interface.ts';
import type { Refusal, RunnerSettings } from './runners.ts';
import type { ClaimedRow } from './store.ts';

/** What is laid out around a run before it begins: files in its folder, values of the workspace's parameters in its code. */

const NAMED = /\$\{\s*workspace\.([^{}\s]+)\s*\}/g;

/** Puts the values of the workspace's parameters in the place of `${workspace.<name>}`. A name without a value stays as it is. */
export function withValues(text: string, values: Supplies['values']): string {
  if (values.length === 0) return text;
  const known = new Map(values.map(({ name, value }) => [name, value]));
  return text.replaceAll(NAMED, (whole, name: string) => known.get(name) ?? whole);
}

/** Names in the place of which no value was put. */
export function unfilled(text: string): string[] {
  return [...new Set([...text.matchAll(NAMED)].map((match) => match[1] ?? ''))];
}

/** Reads what the run refers to and writes its files into the folder. Answers their names, and the values. */
export async function layOut(
  run: Pick<ClaimedRow, 'workspace_id' | 'environment' | 'surroundings'>,
  folder: string,
  settings: RunnerSettings & { readonly account: TaskAccount | undefined },
): Promise<{ readonly files: readonly string[]; readonly values: Supplies['values'] } | Refusal> {
  if (run.surroundings === null) return { files: [], values: [] };
  const supplies = await settings.supplies(run.workspace_id, run.environment, run.surroundings);
  const present = new Map(supplies.files.map((file) => [file.name, file.content]));
  for (const { name } of run.surroundings.files) {
    // The studio allows no such names; whatever came by another way writes nowhere else all the same.
    if (!present.has(name) || basename(name) !== name || name === '.' || name === '..') return { refusal: `The code refers to the resource ${name}, which the workspace does not have in ${run.environment === 'PROD' ? 'production: it must be deployed' : 'development'}.` };
  }
  for (const [name, content] of present) {
    const file = join(folder, name);
    // Only a new file, and that file itself: other code of tasks, under the same account, may have laid a link there.
    const handle = await open(file, 'wx', 0o700);
    try {
      await handle.writeFile(content);
      if (settings.account !== undefined) await handle.chown(settings.account.uid, settings.account.gid);
    } finally {
      await handle.close();
    }
  }
  return { files: [...present.keys()], values: supplies.values };
}
