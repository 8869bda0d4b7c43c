import { useState, type ReactNode } from 'react';
import { own, type Item, type Response } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { Link } from '../../app/router.tsx';
import type { PageProps } from '../../app/routes.ts';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { FormDialog, textOf } from '../../parts/form-dialog.tsx';
import { Facts, PageHead, Panel } from '../../parts/page.tsx';
import { Answer } from '../../parts/states.tsx';
import { tell, tellFailure } from '../../parts/toast.tsx';
import { useUserNames } from '../../parts/users.ts';
import { useRefusal, useWorkspaces } from '../../parts/workspaces.tsx';
import { common } from '../../text/common.ts';
import { eventNames } from '../../text/event-types.ts';
import { extensions } from '../../text/extensions.ts';
import { useFormats, useNames, useTexts } from '../../text/language.tsx';
import { CheckState, Verdict } from './states.tsx';

type Hold = NonNullable<Response<typeof own, 'GetHold'>['Hold']>;
type OneVerdict = Item<Hold['Verdicts']>;

export default function Check({ params }: PageProps) {
  const t = useTexts(extensions);
  const id = Number(params['id']);
  const answer = useRead(own, 'GetHold', { HoldId: id }, { every: 3_000 });
  const hold = answer.data?.Hold;
  const title = hold?.ProcessName === undefined || hold.ProcessName === '' ? (hold?.EventCode ?? t('check')) : hold.ProcessName;
  return (
    <>
      <PageHead title={title} from={{ to: '/extensions/checks', title: t('checks') }} actions={hold?.Status === 'CHECKING' ? <CallOff hold={hold} /> : undefined} />
      <Answer query={answer} action="GetHold">
        {(data) => <Body hold={data.Hold ?? {}} />}
      </Answer>
    </>
  );
}

function Body({ hold }: { hold: Hold }) {
  const t = useTexts(extensions);
  const c = useTexts(common);
  const { time } = useFormats();
  const { nameOf } = useWorkspaces();
  const eventName = useNames(eventNames);
  const userName = useUserNames();
  return (
    <div className="columns">
      <Panel title={t('timeline')}>
        <Timeline hold={hold} />
      </Panel>
      <Panel title={c('details')}>
        <Facts
          rows={[
            [c('status'), <CheckState key="state" status={hold.Status} />],
            [
              c('event-point'),
              <span key="point">
                <Link to={`/openevent/catalogue?event=${hold.EventCode}`}>{hold.EventCode}</Link> <span className="quiet">{eventName(hold.EventCode, '')}</span>
              </span>,
            ],
            [c('workspace'), nameOf(hold.ProjectId)],
            [t('operator'), userName(hold.Operator)],
            [c('created'), time(hold.CreateTime)],
            [t('deadline-at'), time(hold.Deadline)],
            [t('message-id'), <Link key="event" to={`/openevent/events/${hold.MessageId}`} className="mono">{hold.MessageId}</Link>],
            [t('snapshot-hash'), hold.SnapshotHash === undefined ? undefined : <span key="hash" className="mono break">{hold.SnapshotHash}</span>],
          ]}
        />
      </Panel>
    </div>
  );
}

/** Who is asked, since when, who has answered what, and what happens at the deadline. */
function Timeline({ hold }: { hold: Hold }) {
  const t = useTexts(extensions);
  const { time } = useFormats();
  const nameOf = useUserNames();
  const verdicts = hold.Verdicts ?? [];
  const answered = verdicts.filter((one) => one.CheckResult !== undefined && one.CheckResult !== '').toSorted((one, other) => (one.Time ?? 0) - (other.Time ?? 0));
  const waiting = verdicts.filter((one) => !answered.includes(one));
  const open = hold.Status === 'CHECKING' || hold.Status === 'APPROVING';
  return (
    <ol className="timeline">
      <Entry time={time(hold.CreateTime)} tone="done">
        {t('t-held', { user: nameOf(hold.Operator) })}
      </Entry>
      {answered.map((verdict) => (
        <Entry key={verdict.ExtensionCode} time={time(verdict.Time)} tone={verdict.CheckResult === 'FAIL' ? 'bad' : 'done'}>
          <Answered verdict={verdict} />
        </Entry>
      ))}
      {open
        ? waiting.map((verdict) => (
            <Entry key={verdict.ExtensionCode} time="" tone="open">
              <Waiting hold={hold} verdict={verdict} />
            </Entry>
          ))
        : null}
      <Approval hold={hold} />
      {open ? null : (
        <Entry time={time(hold.FinishTime)} tone={hold.Status === 'BLOCKED' ? 'bad' : 'done'}>
          <CheckState status={hold.Status} /> {hold.CheckResultTip}
          {hold.ResumeStatus === 'Done' || hold.ResumeStatus === 'Pending' || hold.ResumeStatus === 'Failed' ? <p className="quiet">{t(`t-resume-${hold.ResumeStatus}`, { message: hold.ResumeMessage ?? '' })}</p> : null}
        </Entry>
      )}
    </ol>
  );
}

/** The decisions of people about an operation that ended with WARN, and the one that is waited for. */
function Approval({ hold }: { hold: Hold }) {
  const t = useTexts(extensions);
  const c = useTexts(common);
  const { time } = useFormats();
  const nameOf = useUserNames();
  const decide = useWrite(own, 'DecideHoldApproval');
  const [asking, setAsking] = useState<boolean>();
  const approval = hold.Approval;
  if (approval === undefined || approval.State === undefined) return null;
  return (
    <>
      {(approval.Decisions ?? []).map((decision) => (
        <Entry key={`${decision.Step}-${decision.UserId}`} time={time(decision.Time)} tone={decision.Approve === true ? 'done' : 'bad'}>
          {t(decision.Approve === true ? 'approved-by' : 'rejected-by', { user: nameOf(decision.UserId) })}
          {decision.Comment === undefined || decision.Comment === '' ? null : <p>{decision.Comment}</p>}
        </Entry>
      ))}
      {approval.State === 'PENDING' ? (
        <Entry time="" tone="open">
          <strong>{t('approval-pending', { policy: approval.Policy ?? '' })}</strong>
          <p className="quiet">{t('t-at-deadline', { time: time(approval.Deadline), verdict: 'FAIL' })}</p>
          <span className="page-actions">
            <ActionButton size="small" type="primary" onAct={() => setAsking(true)}>
              {t('approve')}
            </ActionButton>
            <ActionButton size="small" danger onAct={() => setAsking(false)}>
              {t('reject')}
            </ActionButton>
          </span>
        </Entry>
      ) : null}
      {asking === undefined ? null : (
        <FormDialog
          title={asking ? t('approve') : t('reject')}
          submitText={asking ? t('approve') : t('reject')}
          close={() => setAsking(undefined)}
          fields={[{ name: 'comment', label: t('comment'), kind: 'long', maxLength: 512 }]}
          submit={async (values) => {
            await decide.mutateAsync({ HoldId: hold.HoldId ?? 0, Approve: asking, Comment: textOf(values, 'comment') });
            tell(c('done'));
          }}
        />
      )}
    </>
  );
}

function Entry({ time, tone, children }: { time: string; tone: 'done' | 'open' | 'bad'; children: ReactNode }) {
  return (
    <li className={`timeline-${tone}`}>
      <div>{children}</div>
      {time === '' ? null : <small className="quiet">{time}</small>}
    </li>
  );
}

const sources = { Person: 't-person', Deadline: 't-deadline', Disabled: 't-disabled', Unneeded: 't-unneeded' } as const;

function Answered({ verdict }: { verdict: OneVerdict }) {
  const t = useTexts(extensions);
  const source = Object.hasOwn(sources, verdict.Source ?? '') ? sources[verdict.Source as keyof typeof sources] : undefined;
  const address = safeUrl(verdict.DetailUrl);
  return (
    <>
      {t('t-answered', { name: verdict.ExtensionName ?? verdict.ExtensionCode ?? '', verdict: '' })} <Verdict verdict={verdict.CheckResult} />
      {source === undefined ? null : <p className="quiet">{t(source)}</p>}
      {verdict.CheckResultTip === undefined || verdict.CheckResultTip === '' ? null : <p>{verdict.CheckResultTip}</p>}
      {verdict.Reason === undefined || verdict.Reason === '' || verdict.CheckResultTip?.includes(verdict.Reason) === true ? null : <p>{verdict.Reason}</p>}
      {address === undefined ? null : (
        <a href={address} target="_blank" rel="noreferrer noopener">
          {t('details-page')}
        </a>
      )}
    </>
  );
}

function Waiting({ hold, verdict }: { hold: Hold; verdict: OneVerdict }) {
  const t = useTexts(extensions);
  const c = useTexts(common);
  const { time, span } = useFormats();
  const refusal = useRefusal(hold.ProjectId ?? 0);
  const mark = useWrite(own, 'MarkHoldPassed');
  const [asking, setAsking] = useState(false);
  const reason = verdict.ManualPassEnabled === true ? refusal('administer') : t('no-manual-pass');
  return (
    <>
      <strong>{t('t-waiting', { name: verdict.ExtensionName ?? verdict.ExtensionCode ?? '' })}</strong> <span className="quiet">{t('left', { span: span(Math.max(0, (verdict.Deadline ?? 0) - Date.now())) })}</span>
      <p>{t('t-at-deadline', { time: time(verdict.Deadline), verdict: verdict.DeadlineOutcome ?? '' })}</p>
      <ActionButton size="small" reason={reason} onAct={() => setAsking(true)}>
        {t('mark-passed')}
      </ActionButton>
      {asking ? (
        <FormDialog
          title={t('mark-passed')}
          submitText={t('mark-passed')}
          close={() => setAsking(false)}
          fields={[{ name: 'reason', label: c('reason'), kind: 'long', required: true, help: t('mark-passed-help'), maxLength: 512 }]}
          submit={async (values) => {
            await mark.mutateAsync({ HoldId: hold.HoldId ?? 0, ExtensionCode: verdict.ExtensionCode ?? '', Reason: textOf(values, 'reason') ?? '' });
            tell(c('done'));
          }}
        />
      ) : null}
    </>
  );
}

/** Only addresses of the web become links: the text was written by somebody else. */
function safeUrl(text: string | undefined): string | undefined {
  return text !== undefined && /^https?:\/\//i.test(text) ? text : undefined;
}

function CallOff({ hold }: { hold: Hold }) {
  const t = useTexts(extensions);
  const c = useTexts(common);
  const session = useSession();
  const refusal = useRefusal(hold.ProjectId ?? 0);
  const cancel = useWrite(own, 'CancelHold');
  const mine = hold.Operator === String(session.userId) || hold.Operator === session.userName;
  return (
    <ActionButton danger reason={mine ? undefined : refusal('administer')} confirm={t('call-off-ask')} onAct={() => cancel.mutate({ HoldId: hold.HoldId ?? 0 }, { onSuccess: () => tell(c('done')), onError: tellFailure })}>
      {t('call-off')}
    </ActionButton>
  );
}
