import { useMemo } from 'react';
import { current, type Item, type Response } from '../api/contract.ts';
import { useRead } from '../api/queries.ts';
import { setQuery, usePlace } from '../app/router.tsx';
import { useSession } from '../app/session.tsx';
import { common } from '../text/common.ts';
import { useTexts } from '../text/language.tsx';

export type Workspace = Item<NonNullable<Response<typeof current, 'ListProjects'>['PagingInfo']>['Projects']>;

/** The workspaces of the region that the caller sees; the first hundred. */
export function useWorkspaces(): { readonly list: readonly Workspace[]; readonly nameOf: (id: number | undefined) => string } {
  const answer = useRead(current, 'ListProjects', { PageNumber: 1, PageSize: 100 });
  const list = answer.data?.PagingInfo?.Projects ?? [];
  return { list, nameOf: (id) => (id === undefined || id === 0 ? '–' : (list.find((one) => one.Id === id)?.Name ?? String(id))) };
}

/** The filter of a list by workspace, in the address. */
export function WorkspaceFilter() {
  const t = useTexts(common);
  const { query } = usePlace();
  const { list } = useWorkspaces();
  return (
    <label>
      {t('workspace')}
      <select value={query.get('workspace') ?? ''} onChange={(event) => setQuery({ workspace: event.target.value, page: undefined })}>
        <option value="">{t('all-workspaces')}</option>
        {list.map((workspace) => (
          <option key={workspace.Id} value={workspace.Id}>
            {workspace.Name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The choice of one workspace in a form. */
export function WorkspaceChoice({ value, change }: { value: number; change(id: number): void }) {
  const t = useTexts(common);
  const { list } = useWorkspaces();
  return (
    <label className="parameter">
      {t('workspace')}
      <select className="field" name="workspace" value={value} onChange={(event) => change(Number(event.target.value))}>
        {list.map((workspace) => (
          <option key={workspace.Id} value={workspace.Id}>
            {workspace.Name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The workspace that the address names, for a list's request. */
export function useWorkspaceFilter(): number | undefined {
  const { query } = usePlace();
  const id = Number(query.get('workspace'));
  return Number.isSafeInteger(id) && id > 0 ? id : undefined;
}

/** The codes of the caller's own roles in a workspace; none while unknown, or for somebody who is no member. */
export function useRolesIn(workspaceId: number): readonly string[] {
  const { userId } = useSession();
  const answer = useRead(current, 'GetProjectMember', { ProjectId: workspaceId, UserId: String(userId) }, { enabled: workspaceId > 0 });
  return useMemo(() => (answer.data?.ProjectMember?.Roles ?? []).map((role) => role.Code ?? ''), [answer.data]);
}

/** Why the caller cannot use a right in the workspace; undefined when the caller can. */
export function useRefusal(workspaceId: number): (right: 'develop' | 'deploy' | 'operate' | 'administer') => string | undefined {
  const t = useTexts(common);
  const session = useSession();
  const roles = useRolesIn(workspaceId);
  return (right) => (session.mayIn(roles, right) ? undefined : t(`needs-${right}`));
}
