import { Link } from '../../app/router.tsx';
import { PageHead } from '../../parts/page.tsx';
import { useWorkspaces } from '../../parts/workspaces.tsx';
import { useTexts } from '../../text/language.tsx';
import { platform } from '../../text/platform.ts';

const views = [
  ['instances', ''],
  ['tasks', '/tasks'],
  ['backfill', '/backfill'],
] as const;

/** The head of the Operation Center's views in a workspace, with the way between them. */
export function OperationsHead({ workspace, view }: { workspace: number; view: (typeof views)[number][0] }) {
  const t = useTexts(platform);
  const { nameOf } = useWorkspaces();
  return (
    <>
      <PageHead
        title={`${t('operations')} · ${nameOf(workspace)}`}
        from={{ to: `/platform/workspaces/${workspace}`, title: nameOf(workspace) }}
        actions={
          <Link className="plain-button" to={`/platform/studio/${workspace}`}>
            {t('studio')}
          </Link>
        }
      />
      <nav className="choices" aria-label={t('operations')}>
        {views.map(([name, path]) => (
          <Link key={name} to={`/platform/operations/${workspace}${path}`} aria-current={name === view ? 'page' : undefined}>
            {t(name)}
          </Link>
        ))}
      </nav>
    </>
  );
}
