import { useState } from 'react';
import { current } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import { goTo } from '../../app/router.tsx';
import type { PageProps } from '../../app/routes.ts';
import { Facts, PageHead, Panel } from '../../parts/page.tsx';
import { Answer } from '../../parts/states.tsx';
import { useUserNames } from '../../parts/users.ts';
import { alerts } from '../../text/alerts.ts';
import { common } from '../../text/common.ts';
import { useTexts } from '../../text/language.tsx';
import { MessageTable } from './alert-messages.tsx';
import { AlertRuleDialog } from './alert-rule-form.tsx';
import { RuleActions, RuleState, RuleTarget, RuleWhen } from './alert-rule-parts.tsx';

const receivers = ['Owner', 'TaskOwner', 'AliUid', 'WebhookUrl', 'DingdingUrl', 'FeishuUrl', 'WeixinUrl'] as const;

export default function OneAlertRule({ params }: PageProps) {
  const t = useTexts(alerts);
  const c = useTexts(common);
  const userName = useUserNames();
  const id = params['id'] ?? '';
  const answer = useRead(current, 'GetAlertRule', { Id: id });
  const rule = answer.data?.AlertRule;
  const [editing, setEditing] = useState(false);
  return (
    <>
      <PageHead
        title={rule?.Name ?? t('rule', { id })}
        from={{ to: '/platform/alerts', title: t('rules') }}
        actions={rule === undefined ? undefined : <RuleActions rule={rule} edit={() => setEditing(true)} deleted={() => goTo('/platform/alerts')} />}
      />
      <Answer query={answer} action="GetAlertRule">
        {({ AlertRule: shown = {} }) => {
          const { Notification: told = {} } = shown;
          return (
            <>
              <Panel title={c('details')}>
                <Facts
                  rows={[
                    [c('status'), <RuleState key="state" rule={shown} />],
                    [t('when'), <RuleWhen key="when" rule={shown} />],
                    [t('watches'), <RuleTarget key="target" rule={shown} />],
                    [t('owner'), userName(shown.Owner)],
                    [
                      t('receivers'),
                      (told.Receivers ?? [])
                        .map((one) => {
                          const type = receivers.find((known) => known === one.ReceiverType);
                          const values = type === 'AliUid' ? (one.ReceiverValues ?? []).map(userName) : (one.ReceiverValues ?? []);
                          return [type === undefined ? one.ReceiverType : t(`who-${type}`), ...values].join(' · ');
                        })
                        .join(', '),
                    ],
                    [t('channels'), (told.Channels ?? []).join(', ')],
                    [t('interval'), told.IntervalInMinutes],
                    [t('maximum'), told.Maximum],
                    [t('silence'), told.SilenceStartTime === undefined || told.SilenceStartTime === '' ? undefined : `${told.SilenceStartTime} – ${told.SilenceEndTime}`],
                  ]}
                />
              </Panel>
              <Panel title={t('messages')}>
                <MessageTable days={30} rule={shown.Id} />
              </Panel>
            </>
          );
        }}
      </Answer>
      {editing && rule !== undefined ? <AlertRuleDialog rule={rule} close={() => setEditing(false)} /> : null}
    </>
  );
}
