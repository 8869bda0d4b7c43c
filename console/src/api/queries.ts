import { keepPreviousData, QueryClient, useMutation, useQuery, useQueryClient, type UseQueryResult } from '@tanstack/react-query';
import { call, CallError } from './client.ts';
import type { Action, ContractName, Request, Response } from './contract.ts';

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // An answer of the gateway is an answer; only a lost connection or a busy server is worth another try.
      retry: (count, error) => count < 2 && error instanceof CallError && (error.status === 0 || error.status === 429 || error.status === 503),
      staleTime: 5_000,
      refetchOnWindowFocus: false,
    },
  },
});

export interface ReadOptions {
  readonly enabled?: boolean;
  /** Reads again after so many milliseconds; false or absent does not. */
  readonly every?: number | false;
  /** Keeps the last answer while another page of the same list comes. */
  readonly keep?: boolean;
}

/** Reads an operation; the answer is shared by everybody who reads it with the same parameters. */
export function useRead<C extends ContractName, A extends Action<C>>(contract: C, action: A, request: Request<C, A>, options: ReadOptions = {}): UseQueryResult<Response<C, A>, CallError> {
  return useQuery<Response<C, A>, CallError>({
    queryKey: [contract, action, request],
    queryFn: ({ signal }) => call(contract, action, request, signal),
    enabled: options.enabled ?? true,
    refetchInterval: options.every ?? false,
    ...(options.keep === true ? { placeholderData: keepPreviousData } : {}),
  }) as UseQueryResult<Response<C, A>, CallError>;
}

/** Calls an operation that changes something; everything on the page is read again afterwards. */
export function useWrite<C extends ContractName, A extends Action<C>>(contract: C, action: A) {
  const client = useQueryClient();
  return useMutation<Response<C, A>, CallError, Request<C, A>>({
    mutationFn: (request) => call(contract, action, request),
    onSettled: () => client.invalidateQueries(),
  });
}
