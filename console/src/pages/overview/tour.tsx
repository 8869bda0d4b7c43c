import { useState } from 'react';
import { current } from '../../api/contract.ts';
import { queryClient, useRead } from '../../api/queries.ts';
import { Link } from '../../app/router.tsx';
import type { PageProps } from '../../app/routes.ts';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { describe } from '../../parts/describe.ts';
import { PageHead, Panel, Tag } from '../../parts/page.tsx';
import { Answer, Empty } from '../../parts/states.tsx';
import { useRefusal } from '../../parts/workspaces.tsx';
import { common } from '../../text/common.ts';
import { useTexts } from '../../text/language.tsx';
import { overview } from '../../text/overview.ts';
import { useBusinessDate } from '../platform/business-date.ts';
import { tours, type TourName } from './overview.tsx';
import { tourOf, type TourState } from './tours.ts';

type StepState = 'waiting' | 'running' | 'done' | 'failed';
const tones = { waiting: 'plain', running: 'busy', done: 'good', failed: 'bad' } as const;

export default function TourPage({ params }: PageProps) {
  const c = useTexts(common);
  const name = tours.find((one) => one === params['tour']);
  return name === undefined ? <Empty title={c('not-found')} text={c('not-found-why')} /> : <OneTour key={name} name={name} />;
}

/** A scenario set up step by step in a workspace of the user's choice; every step says which operation it calls. */
function OneTour({ name }: { name: TourName }) {
  const t = useTexts(overview);
  const c = useTexts(common);
  const session = useSession();
  const list = useRead(current, 'ListProjects', { PageNumber: 1, PageSize: 100 });
  const [workspace, setWorkspace] = useState(0);
  const [receiver, setReceiver] = useState('');
  const [states, setStates] = useState<readonly StepState[]>([]);
  const [failure, setFailure] = useState<string>();
  const [finished, setFinished] = useState<TourState>();
  const refusal = useRefusal(workspace);
  const businessDate = useBusinessDate();
  const tour = tourOf[name];
  const steps = tour.steps({ receiver });
  const running = states.includes('running');
  const reason =
    workspace === 0
      ? t('choose-workspace')
      : name === 'develop'
        ? (refusal('develop') ?? refusal('deploy') ?? refusal('operate'))
        : session.may('write-open-platform')
          ? name === 'board'
            ? undefined
            : refusal('administer')
          : c('needs-platform');

  async function setUp(): Promise<void> {
    const state: TourState = { workspace, receiver, businessDate, t };
    setFailure(undefined);
    setFinished(undefined);
    const progress: StepState[] = steps.map(() => 'waiting');
    const show = (index: number, next: StepState) => {
      progress[index] = next;
      setStates([...progress]);
    };
    for (const [index, step] of steps.entries()) {
      show(index, 'running');
      try {
        await step.run(state);
        show(index, 'done');
      } catch (error) {
        show(index, 'failed');
        setFailure(describe(error));
        return;
      }
    }
    setFinished(state);
    void queryClient.invalidateQueries();
  }

  return (
    <>
      <PageHead title={t(`${name}-title`)} text={t(`${name}-text`)} from={{ to: '/', title: t('tours') }} />
      <div className="columns">
        <Panel>
          <Answer query={list} action="ListProjects">
            {(data) => (
              <form
                className="wide-form"
                onSubmit={(event) => {
                  event.preventDefault();
                  if (reason === undefined) void setUp();
                }}
              >
                <label className="parameter">
                  {t('tour-workspace')}
                  <select className="field" required value={workspace === 0 ? '' : workspace} onChange={(event) => setWorkspace(Number(event.target.value))}>
                    <option value="">{t('choose-workspace')}</option>
                    {(data.PagingInfo?.Projects ?? []).map((one) => (
                      <option key={one.Id} value={one.Id}>
                        {one.DisplayName} ({one.Name})
                      </option>
                    ))}
                  </select>
                </label>
                {tour.receiver === 'none' ? null : (
                  <label className="parameter">
                    {t('receiver')}
                    <input className="field" type="url" required={tour.receiver === 'needed'} value={receiver} onChange={(event) => setReceiver(event.target.value.trim())} />
                    <span className="quiet">{tour.receiver === 'needed' ? t('receiver-needed') : t('receiver-help')}</span>
                  </label>
                )}
                <p>
                  <ActionButton type="primary" htmlType="submit" reason={reason} loading={running}>
                    {t('set-up')}
                  </ActionButton>
                </p>
              </form>
            )}
          </Answer>
        </Panel>
        <Panel title={t('steps')}>
          <ol className="tour-steps">
            {steps.map((step, index) => {
              const state = states[index] ?? 'waiting';
              return (
                <li key={step.title}>
                  <span>
                    {t(step.title)} <span className="quiet mono">{step.operation}</span>
                  </span>
                  <Tag tone={tones[state]}>{t(`step-${state}`)}</Tag>
                </li>
              );
            })}
          </ol>
          {failure === undefined ? null : (
            <p className="form-failure" role="alert">
              {failure}
            </p>
          )}
          {finished === undefined ? null : (
            <div role="status">
              <p>{t('result')}</p>
              <ul>
                {tour.links(finished).map(([text, to]) => (
                  <li key={to}>
                    <Link to={to}>{t(text)}</Link>
                  </li>
                ))}
              </ul>
            </div>
          )}
        </Panel>
      </div>
    </>
  );
}
