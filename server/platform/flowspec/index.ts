/** FlowSpec, the JSON in which nodes, workflows, resources, functions and components are written: read, checked, brought to one inner model, and written. Pure. */

export { faultCodes, isList, isObject, listOf, objectOf, textOf, without, type Fault, type JsonObject, type JsonValue } from './json.ts';
export { bodyKeys, type BodyKey, type FlowDepend, type FlowEntity, type FlowModel, type FlowNode, type FlowWorkflow } from './model.ts';
export { parseFlowSpec, type FlowSpecDocument, type Parsed } from './parse.ts';
export { kinds, type Kind } from './schema.ts';
export { countFlowNodes, edgeOf, outputNames, toDocument, writeFlowSpec, WRITTEN_VERSION } from './write.ts';
