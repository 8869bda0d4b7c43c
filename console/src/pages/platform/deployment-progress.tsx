import { legacy } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import { Link } from '../../app/router.tsx';
import { Tag } from '../../parts/page.tsx';
import { Answer } from '../../parts/states.tsx';
import { useTexts } from '../../text/language.tsx';
import { platform } from '../../text/platform.ts';

export interface Pipeline {
  readonly kind: 'commit' | 'deploy';
  readonly id: number;
}

const checkFailed = 7;
const checking = 8;

/** How a commit or a deployment goes, read until it has ended. */
export function Progress({ workspace, pipeline }: { workspace: number; pipeline: Pipeline }) {
  const t = useTexts(platform);
  const answer = useRead(legacy, 'GetDeployment', { ProjectId: workspace, DeploymentId: pipeline.id }, { every: 1_000 });
  return (
    <div className="notice" role="status">
      <Answer query={answer} action="GetDeployment">
        {({ Data }) => {
          const { Status = 0, CheckingStatus, ErrorMessage } = Data?.Deployment ?? {};
          const state = Status === 1 || Status === 2 ? Status : 0;
          return (
            <>
              <strong>{t(`${pipeline.kind}-progress`)}</strong> <Tag tone={state === 1 ? 'good' : state === 2 ? 'bad' : 'busy'}>{t(`progress-${state}`)}</Tag>{' '}
              {state === 0 && CheckingStatus === checking ? t('progress-checking') : null}
              {CheckingStatus === checkFailed ? t('progress-blocked') : null} {ErrorMessage}{' '}
              {CheckingStatus === undefined && state !== 2 ? null : <Link to={`/extensions/checks?workspace=${workspace}`}>{t('see-checks')}</Link>}
            </>
          );
        }}
      </Answer>
    </div>
  );
}
