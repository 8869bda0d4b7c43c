import { current } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import { Link } from '../../app/router.tsx';
import { PageHead, Panel } from '../../parts/page.tsx';
import { Answer, Empty } from '../../parts/states.tsx';
import { useTexts } from '../../text/language.tsx';
import { platform } from '../../text/platform.ts';

/** The workspaces as links to `to` of each, for the parts of the platform that work in one. */
export function ChooseWorkspace({ title, text, to }: { title: string; text: string; to: string }) {
  const t = useTexts(platform);
  const list = useRead(current, 'ListProjects', { PageNumber: 1, PageSize: 100 });
  return (
    <>
      <PageHead title={title} text={text} />
      <Panel>
        <Answer query={list} action="ListProjects">
          {(data) => {
            const workspaces = data.PagingInfo?.Projects ?? [];
            if (workspaces.length === 0) {
              return (
                <Empty title={t('no-workspaces')}>
                  <Link to="/platform/workspaces">{t('workspaces')}</Link>
                </Empty>
              );
            }
            return (
              <ul className="link-cards">
                {workspaces.map((one) => (
                  <li key={one.Id}>
                    <Link to={`${to}/${one.Id}`}>
                      <strong>{one.DisplayName}</strong>
                      <span className="quiet">{one.Name}</span>
                    </Link>
                  </li>
                ))}
              </ul>
            );
          }}
        </Answer>
      </Panel>
    </>
  );
}
