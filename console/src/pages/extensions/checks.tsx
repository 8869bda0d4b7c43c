import { setQuery, usePlace } from '../../app/router.tsx';
import { PageHead, Panel } from '../../parts/page.tsx';
import { useWorkspaceFilter, WorkspaceFilter } from '../../parts/workspaces.tsx';
import { common } from '../../text/common.ts';
import { extensions } from '../../text/extensions.ts';
import { useTexts } from '../../text/language.tsx';
import { CheckTable } from './check-table.tsx';
import { checkStatuses, isCheckStatus } from './states.tsx';

export default function Checks() {
  const t = useTexts(extensions);
  const c = useTexts(common);
  const { query } = usePlace();
  const status = query.get('status');
  return (
    <>
      <PageHead title={t('checks')} text={t('checks-text')} />
      <div className="filters">
        <WorkspaceFilter />
        <label>
          {c('status')}
          <select value={status ?? ''} onChange={(event) => setQuery({ status: event.target.value, page: undefined })}>
            <option value="">{c('all')}</option>
            {checkStatuses.map((one) => (
              <option key={one} value={one}>
                {t(one)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Panel flush>
        <CheckTable every={5_000} request={{ ProjectId: useWorkspaceFilter(), Status: isCheckStatus(status) ? status : undefined, ExtensionCode: query.get('extension') ?? undefined }} />
      </Panel>
    </>
  );
}
