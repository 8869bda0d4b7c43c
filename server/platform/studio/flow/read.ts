import { invalid } from '../../../kernel/errors.ts';
import { limits } from '../../../kernel/limits.ts';
import { countFlowNodes, parseFlowSpec, type Fault, type FlowSpecDocument, type Kind } from '../../flowspec/index.ts';

/** Most faults that one error tells. */
const MOST_TOLD = 5;

/** The faults of a spec as the error of its parameter. */
export function refuse(faults: readonly Fault[]): never {
  const told = faults.slice(0, MOST_TOLD).map(({ path, code, message }) => `${path === '' ? 'the spec' : path}: ${message} (${code})`);
  const more = faults.length > MOST_TOLD ? `; and ${faults.length - MOST_TOLD} more` : '';
  throw invalid('Spec', `${told.join('; ')}${more}`);
}

export function fault(path: string, message: string): never {
  throw refuse([{ path, code: '0x5083000000000010', message }]);
}

/** Reads the `Spec` of a request. Throws InvalidParameter that locates every fault; also for a kind that the operation does not take. */
export function readSpec(text: string, wanted: readonly Kind[], creating = true): FlowSpecDocument {
  const parsed = parseFlowSpec(text, { creating });
  if (!parsed.ok) return refuse(parsed.faults);
  const { document } = parsed;
  if (!wanted.includes(document.kind)) fault('kind', `spec kind and request not match: it must be one of ${wanted.join(', ')}`);
  const count = [document.model.nodes, ...document.model.workflows.map(({ nodes }) => nodes ?? [])].reduce((sum, nodes) => sum + countFlowNodes(nodes), 0);
  if (count > limits.nodesPerSpec.value) fault('spec', `it may have at most ${limits.nodesPerSpec.value} nodes`);
  return document;
}
