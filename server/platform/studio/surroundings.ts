import type { Change } from '../../kernel/change.ts';
import type { Executor } from '../../kernel/database.ts';
import { limits } from '../../kernel/limits.ts';
import type { SecretBox } from '../../kernel/secrets.ts';
import type { RunSurroundings, Supplies } from '../execution/interface.ts';
import { objectOf } from '../flowspec/index.ts';
import type { CodeSurroundings } from '../scheduling/interface.ts';
import { parameterById, parametersByName, type ParameterRow } from './parameter-store.ts';
import { nodeById, resourcesByName, versionOf } from './store.ts';

/**
 * What a running task uses of the studio: resources that its code names in a line `##@resource_reference{"name"}`, and parameters of the workspace that it
 * names as `${workspace.name}`. The versions are settled when a run is handed over; contents and secrets are read when it begins.
 */
export interface Surroundings {
  /** Undefined when the code refers to nothing. */
  of(change: Change, workspaceId: number, environment: 'DEV' | 'PROD', content: string): Promise<CodeSurroundings | undefined>;
  supplies(db: Executor, workspaceId: number, environment: 'DEV' | 'PROD', surroundings: RunSurroundings): Promise<Supplies>;
}

const REFERENCE = /^[ \t]*##@resource_reference\{\s*["']([^"'{}\r\n]{1,128})["']\s*\}/gm;
const PARAMETER = /\$\{\s*workspace\.([A-Za-z_][\w.-]{0,254})\s*\}/g;
/** Which the names of parameters may begin with, as the official programs write them. */
const PREFIX = 'workspace.';

function namesIn(content: string, pattern: RegExp): string[] {
  const names = new Set<string>();
  for (const match of content.matchAll(pattern)) {
    names.add(match[1] ?? '');
    if (names.size >= limits.runSurroundings.value) break;
  }
  return [...names];
}

/** The value in an environment; undefined where none is set. */
function valueOf(properties: readonly { readonly EnvType: string; readonly Value?: string }[], environment: 'DEV' | 'PROD'): string | undefined {
  return properties.find(({ EnvType }) => EnvType.toUpperCase() === environment)?.Value;
}

export function createSurroundings(secrets: SecretBox): Surroundings {
  async function secretOf(db: Executor, workspaceId: number, environment: 'DEV' | 'PROD', id: number, version: number): Promise<string | undefined> {
    const row = await parameterById(db, workspaceId, id, version);
    return row?.sealed == null ? undefined : valueOf(JSON.parse(secrets.open(row.sealed, `parameter:${id}`)) as { EnvType: string; Value: string }[], environment);
  }

  function variableOf(name: string, row: ParameterRow, environment: 'DEV' | 'PROD'): CodeSurroundings['variables'] {
    if (row.sealed !== null) return [{ name, parameterId: row.id, version: row.version }];
    const value = valueOf(row.properties, environment);
    return value === undefined ? [] : [{ name, value, ...(row.type === 'Variable' ? { expression: true } : {}) }];
  }

  async function contentOf(db: Executor, workspaceId: number, fileId: number, version: number): Promise<Buffer | undefined> {
    const row = version === 0 ? await nodeById(db, workspaceId, fileId) : await versionOf(db, fileId, version);
    if (row === undefined || row.workspace_id !== workspaceId) return undefined;
    return Buffer.from(row.content, objectOf(objectOf(row.spec.entity)['file'])['encoding'] === 'base64' ? 'base64' : 'utf8');
  }

  /** Instances of one change often refer to the same things, as those of one task do; they are looked up once. */
  const found = new WeakMap<Change, Map<string, Promise<CodeSurroundings>>>();

  async function lookUp(db: Executor, workspaceId: number, environment: 'DEV' | 'PROD', fileNames: readonly string[], names: readonly string[]): Promise<CodeSurroundings> {
    const resources = new Map((fileNames.length === 0 ? [] : await resourcesByName(db, workspaceId, fileNames, environment)).map((row) => [row.name, row]));
    const parameters = new Map((names.length === 0 ? [] : await parametersByName(db, workspaceId, names.flatMap((name) => [name, PREFIX + name]))).map((row) => [row.name, row]));
    return {
      files: fileNames.map((name) => ({ name, fileId: resources.get(name)?.id ?? null, version: resources.get(name)?.version ?? 0 })),
      variables: names.flatMap((name) => {
        const row = parameters.get(PREFIX + name) ?? parameters.get(name);
        return row === undefined ? [] : variableOf(name, row, environment);
      }),
    };
  }

  return {
    async of(change, workspaceId, environment, content) {
      const fileNames = namesIn(content, REFERENCE);
      const names = namesIn(content, PARAMETER);
      if (fileNames.length + names.length === 0) return undefined;
      const known = found.get(change) ?? new Map<string, Promise<CodeSurroundings>>();
      found.set(change, known);
      const key = JSON.stringify([workspaceId, environment, fileNames, names]);
      const looked = known.get(key) ?? lookUp(change, workspaceId, environment, fileNames, names);
      known.set(key, looked);
      return looked;
    },
    async supplies(db, workspaceId, environment, { files, variables }) {
      const contents = await Promise.all(files.map(async ({ name, fileId, version }) => ({ name, content: fileId === null ? undefined : await contentOf(db, workspaceId, fileId, version) })));
      const values = await Promise.all(
        variables.map(async (variable) =>
          'value' in variable ? { name: variable.name, value: variable.value, secret: false } : { name: variable.name, value: await secretOf(db, workspaceId, environment, variable.parameterId, variable.version), secret: true },
        ),
      );
      return {
        files: contents.flatMap(({ name, content }) => (content === undefined ? [] : [{ name, content }])),
        values: values.flatMap(({ name, value, secret }) => (value === undefined ? [] : [{ name, value, secret }])),
      };
    },
  };
}
