import type { ReactNode } from 'react';
import { Link } from '../../app/router.tsx';
import { CodeBlock } from '../../parts/copy.tsx';
import { Facts, Panel, Tag } from '../../parts/page.tsx';
import { useTexts } from '../../text/language.tsx';
import { openapi } from '../../text/openapi.ts';

/** What a write with `DryRun` answers beside its own answer. */
export interface DryRun {
  readonly Targets: readonly string[];
  readonly Rows: readonly { readonly Table: string; readonly Inserted: number; readonly Updated: number; readonly Deleted: number }[];
  readonly Events: readonly { readonly EventCode: string; readonly ProjectId?: number; readonly ObjectKey: string; readonly Data: unknown }[];
  readonly Extensions: readonly { readonly EventCode: string; readonly Title: string; readonly Held: boolean; readonly ExtensionCode: string; readonly ExtensionName: string; readonly Mode: string }[];
  readonly Jobs: readonly string[];
}

/** The dry run in an answer; undefined for an answer of a call that was carried out. */
export function readDryRun(body: Readonly<Record<string, unknown>>): DryRun | undefined {
  const found = body['DryRun'];
  if (typeof found !== 'object' || found === null || !('Targets' in found)) return undefined;
  return { Targets: [], Rows: [], Events: [], Extensions: [], Jobs: [], ...(found as Partial<DryRun>) };
}

export function DryRunResult({ result }: { result: DryRun }) {
  const t = useTexts(openapi);
  const { Targets, Rows, Events, Extensions, Jobs } = result;
  const nothing = Targets.length + Rows.length + Events.length + Extensions.length + Jobs.length === 0;
  return (
    <Panel title={t('dry-title')}>
      {nothing ? <p>{t('dry-nothing')}</p> : null}
      <Facts
        rows={[
          [t('dry-targets'), Targets.length === 0 ? undefined : <Words key="targets" words={Targets} />],
          [t('dry-jobs'), Jobs.length === 0 ? undefined : <Words key="jobs" words={Jobs} />],
        ]}
      />
      {Rows.length === 0 ? null : (
        <table className="plain-table">
          <caption className="visually-hidden">{t('dry-rows')}</caption>
          <thead>
            <tr>
              {[t('dry-table'), t('dry-inserted'), t('dry-updated'), t('dry-deleted')].map((head) => (
                <th key={head} scope="col">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {Rows.map((row) => (
              <tr key={row.Table}>
                <td className="mono">{row.Table}</td>
                <td>{row.Inserted}</td>
                <td>{row.Updated}</td>
                <td>{row.Deleted}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {Extensions.length === 0 ? null : (
        <Section title={t('dry-extensions')}>
          <ul>
            {Extensions.map((one) => (
              <li key={`${one.ExtensionCode} ${one.EventCode} ${one.Title}`}>
                <Link to={`/extensions/list/${one.ExtensionCode}`}>{one.ExtensionName}</Link> · {one.EventCode} · {one.Title} <Tag tone={one.Held ? 'warn' : 'plain'}>{one.Held ? t('dry-held') : t('dry-told')}</Tag>
              </li>
            ))}
          </ul>
        </Section>
      )}
      {Events.length === 0 ? null : (
        <Section title={t('dry-events')}>
          {Events.map((event, index) => (
            <details key={index}>
              <summary>
                {event.EventCode} · <span className="mono">{event.ObjectKey}</span>
              </summary>
              <CodeBlock title="application/json" text={JSON.stringify(event.Data, null, 2)} />
            </details>
          ))}
        </Section>
      )}
    </Panel>
  );
}

function Words({ words }: { words: readonly string[] }) {
  return <span className="mono">{words.join(', ')}</span>;
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div>
      <h3 className="section-title">{title}</h3>
      {children}
    </div>
  );
}
