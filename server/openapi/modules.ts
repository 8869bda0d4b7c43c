import { findOperation } from '../../contract/index.ts';

/** Numbers of the modules in which custom roles of workspaces count, by the modules of the contracts. What is not here is for built-in roles only. */
const numbers: ReadonlyMap<string, number> = new Map([
  ['Deployment pipeline', 4],
  ['Data Security Guard', 6],
  ['Data Map metadata', 7],
  ['Tables, levels & themes', 7],
  ['Meta collections', 7],
  ['Lineage', 7],
  ['Data assets & tags', 7],
  ['Metadata crawlers', 7],
  ['Custom metadata entities & attributes', 7],
  ['Datasets', 7],
  ['Data Service', 8],
  ['Data Integration', 9],
  ['DataStudio (new)', 11],
  ['DataStudio (legacy files)', 11],
  ['Components', 11],
  ['Parameters', 11],
  ['Studio', 11],
  ['Data Quality', 12],
  ['Operation Center nodes', 14],
  ['Operation Center tasks', 14],
  ['Operation Center workflows', 14],
  ['Operation Center instances', 14],
  ['Operation Center statistics', 14],
  ['Workflow instances', 14],
  ['DAG runs (backfill, smoke test, manual)', 14],
  ['Alert rules', 14],
  ['Baselines', 14],
  ['Reminders, events & alert messages', 14],
  ['Shift schedules', 14],
  ['Migration assistant', 16],
  ['Approvals & permissions', 18],
  ['Permission applications', 18],
  ['Security strategies', 19],
]);

/** The module of an operation; undefined where custom roles give nothing but reading. */
export function moduleOf(operation: { readonly product: string; readonly version: string; readonly action: string }): number | undefined {
  return numbers.get(findOperation(operation.product, operation.version, operation.action)?.module ?? '');
}
