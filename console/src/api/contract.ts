import type { ContractOperations } from '../../../contract/generated/index.ts';

/** The three contracts of the gateway, by the names that stand in a call's address. */
export const own = 'open-platform/2026-12-01';
export const current = 'dataworks-public/2024-05-18';
export const legacy = 'dataworks-public/2020-05-18';

export type ContractName = keyof ContractOperations;
export type Action<C extends ContractName> = keyof ContractOperations[C] & string;
export type Request<C extends ContractName, A extends Action<C>> = ContractOperations[C][A] extends { request: infer Value } ? Value : never;
export type Response<C extends ContractName, A extends Action<C>> = ContractOperations[C][A] extends { response: infer Value } ? Value & { RequestId: string } : never;

/** The type of one element of a list in an answer. */
export type Item<List> = NonNullable<List> extends readonly (infer Element)[] ? Element : never;
