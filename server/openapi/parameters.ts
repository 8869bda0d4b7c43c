import { ApiError } from '../kernel/errors.ts';
import { limits } from '../kernel/limits.ts';
import { decodeFormBody, decodePairs, isFormContentType, isJsonContentType, readJsonBody, type JsonObject, type Pair, type PairsResult } from './decode/index.ts';
import { header, type Exchange } from './exchange.ts';

/** The parameters of a request, decoded once; signature and operation both read them. */
export interface RawParameters {
  readonly query: readonly Pair[];
  readonly form: readonly Pair[];
  readonly json: JsonObject | undefined;
}

const queryLimits = { maxParameters: limits.requestParameters.value, maxNameLength: limits.parameterNameCharacters.value, maxValueLength: limits.requestQueryBytes.value };
// Percent-encoding triples a body's length at most.
const formLimits = { ...queryLimits, maxValueLength: limits.requestBodyBytes.value };

/** Reads query, form and JSON body. Throws the ApiError for what cannot be read. */
export function readParameters(exchange: Exchange): RawParameters {
  if (exchange.rawQuery.length > limits.requestQueryBytes.value) {
    throw new ApiError('RequestTooLarge', { reason: `the query is longer than ${limits.requestQueryBytes.value} characters; send parameters in a form body.` });
  }
  const query = exchange.rawQuery === '' ? [] : pairs(decodePairs(exchange.rawQuery, 'query', queryLimits));
  if (exchange.body.length === 0) return { query, form: [], json: undefined };
  const contentType = header(exchange, 'content-type');
  if (isFormContentType(contentType)) return { query, form: pairs(decodeFormBody(exchange.body, formLimits)), json: undefined };
  if (isJsonContentType(contentType)) {
    const result = readJsonBody(exchange.body, { maxDepth: limits.parameterNesting.value });
    if (!result.ok) throw new ApiError('InvalidRequest', { reason: `the ${result.problem.name} must be ${result.problem.expected}, not ${result.problem.got}.` });
    return { query, form: [], json: result.value };
  }
  throw new ApiError('InvalidRequest', { reason: `the body has the content type ${contentType?.slice(0, 80) ?? '(none)'}; use application/x-www-form-urlencoded or application/json.` });
}

function pairs(result: PairsResult): readonly Pair[] {
  if (result.ok) return result.pairs;
  const { problem } = result;
  throw new ApiError('InvalidParameter', { name: problem.name, reason: `in the ${problem.place}, at position ${problem.position}, it must be ${problem.expected}, not ${problem.got}.` });
}

/** The first text of a parameter in query, form or JSON body. */
export function textParameter(parameters: RawParameters, name: string): string | undefined {
  const pair = parameters.query.find((entry) => entry[0] === name) ?? parameters.form.find((entry) => entry[0] === name);
  if (pair !== undefined) return pair[1];
  const value = parameters.json?.[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}
