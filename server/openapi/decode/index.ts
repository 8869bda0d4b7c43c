/**
 * Request decoding, in the order the gateway uses it: pairs of query and form (also what the signature is over), the JSON body,
 * the merge of the three, and the typed request after the contract.
 */
export { decodeFormBody, decodePairs, isFormContentType, isJsonContentType } from './pairs.ts';
export type { Pair, PairLimits, PairPlace, PairProblem, PairsResult } from './pairs.ts';
export { mergeParameters, readJsonBody } from './merge.ts';
export type { JsonBodyResult, MergedParameters } from './merge.ts';
export { compileDecoder, decoderFor } from './decode.ts';
export type { DecodeOptions, DecodeResult, Decoder } from './decode.ts';
export type { DecodeProblem } from './problem.ts';
export type { JsonObject, JsonValue } from './json.ts';
