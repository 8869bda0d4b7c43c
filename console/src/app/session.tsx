import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import { hasTenantRight, hasWorkspaceRight } from '../../../server/identity/roles.ts';
import type { TenantRight, WorkspaceRight } from '../../../server/kernel/rights.ts';
import { call, CallError, setCircumstances } from '../api/client.ts';
import { own, type Response } from '../api/contract.ts';

type CallerAnswer = NonNullable<Response<typeof own, 'GetCaller'>['Caller']>;

/** Who is signed in, and the region that everything is looked at in. */
export interface Session {
  readonly tenantId: number;
  readonly tenantName: string;
  readonly userId: number;
  readonly userName: string;
  readonly displayName: string;
  readonly tenantRoles: readonly string[];
  readonly regions: readonly string[];
  readonly region: string;
  /** The server's calendar, an IANA name: business dates are its days. */
  readonly timeZone: string;
  setRegion(region: string): void;
  /** Whether a right in the tenant is held. The server decides in any case; the page only says so before. */
  may(right: TenantRight): boolean;
  /** Whether a right in a workspace is held by somebody with these roles in it. */
  mayIn(workspaceRoles: readonly string[], right: WorkspaceRight): boolean;
  signOut(): Promise<void>;
}

const SessionContext = createContext<Session | undefined>(undefined);
const regionKey = 'millrace.region';

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error('nobody is signed in');
  return session;
}

interface SessionProviderProps {
  children: ReactNode;
  /** Shown while it is not known who is signed in. */
  waiting: ReactNode;
  signIn: ReactNode;
  failed(error: Error, again: () => void): ReactNode;
}

export function SessionProvider({ children, waiting, signIn, failed }: SessionProviderProps) {
  const client = useQueryClient();
  const caller = useQuery<CallerAnswer | null, Error>({
    queryKey: ['caller'],
    staleTime: Number.POSITIVE_INFINITY,
    async queryFn({ signal }) {
      try {
        const answer = await call(own, 'GetCaller', {}, signal);
        setCircumstances({ csrfToken: answer.Caller?.CsrfToken ?? '' });
        return answer.Caller ?? null;
      } catch (error) {
        if (error instanceof CallError && error.signedOut) return null;
        throw error;
      }
    },
  });
  const [chosen, setChosen] = useState(() => localStorage.getItem(regionKey) ?? '');
  const data = caller.data;
  const regions = useMemo(() => data?.Regions ?? [], [data]);
  const region = regions.includes(chosen) ? chosen : (data?.DefaultRegion ?? '');
  setCircumstances({ region: data == null ? '' : region });

  // A call that finds the session ended leads back to the sign-in page.
  useEffect(
    () =>
      client.getQueryCache().subscribe((event) => {
        const { error } = event.query.state;
        if (event.type === 'updated' && error instanceof CallError && error.signedOut) client.setQueryData(['caller'], null);
      }),
    [client],
  );

  const setRegion = useCallback(
    (next: string) => {
      localStorage.setItem(regionKey, next);
      setCircumstances({ region: next });
      setChosen(next);
      void client.resetQueries({ predicate: (query) => query.queryKey[0] !== 'caller' });
    },
    [client],
  );

  const session = useMemo<Session | undefined>(() => {
    if (data == null) return undefined;
    const tenantRoles = data.TenantRoles ?? [];
    return {
      tenantId: data.TenantId ?? 0,
      tenantName: data.TenantName ?? '',
      userId: data.UserId ?? 0,
      userName: data.UserName ?? '',
      displayName: data.DisplayName === undefined || data.DisplayName === '' ? (data.UserName ?? '') : data.DisplayName,
      tenantRoles,
      regions,
      region,
      timeZone: data.TimeZone ?? 'UTC',
      setRegion,
      may: (right) => hasTenantRight(tenantRoles, right),
      mayIn: (workspaceRoles, right) => hasWorkspaceRight(tenantRoles, workspaceRoles, right),
      async signOut() {
        await call(own, 'Logout', {}).catch(() => {});
        setCircumstances({ csrfToken: '', region: '' });
        client.setQueryData(['caller'], null);
        client.removeQueries({ predicate: (query) => query.queryKey[0] !== 'caller' });
      },
    };
  }, [data, regions, region, setRegion, client]);

  if (caller.isPending) return waiting;
  if (caller.isError) return failed(caller.error, () => void caller.refetch());
  if (session === undefined) return signIn;
  return <SessionContext value={session}>{children}</SessionContext>;
}
