import { useState } from 'react';
import { legacy, type Item, type Response } from '../../api/contract.ts';
import { useRead } from '../../api/queries.ts';
import { later } from '../../parts/later.tsx';
import { Tag } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import type { CodeLanguage } from '../../parts/code-editor.tsx';
import { common } from '../../text/common.ts';
import { useFormats, useTexts } from '../../text/language.tsx';
import { platform } from '../../text/platform.ts';

const CodeDifference = later(async () => ({ default: (await import('../../parts/code-editor.tsx')).CodeDifference }));

type Version = Item<NonNullable<Response<typeof legacy, 'ListFileVersions'>['Data']>['FileVersions']>;

const known = ['COMMITTING', 'COMMITTED', 'DEPLOYING', 'DEPLOYED', 'CANCELLED'] as const;
const isKnown = (status: string | undefined): status is (typeof known)[number] => known.some((one) => one === status);

/** The committed versions of a file, each to compare with what stands in the editor. */
export function Versions({ workspace, fileId, text, language }: { workspace: number; fileId: number; text: string; language: CodeLanguage }) {
  const t = useTexts(platform);
  const c = useTexts(common);
  const { time } = useFormats();
  const versions = useRead(legacy, 'ListFileVersions', { ProjectId: workspace, FileId: fileId, PageNumber: 1, PageSize: 50 });
  const [compared, setCompared] = useState<Version>();
  return (
    <>
      <PagedTable<NonNullable<typeof versions.data>, Version>
        label={t('tab-versions')}
        query={versions}
        action="ListFileVersions"
        rows={(data) => data.Data?.FileVersions ?? []}
        rowKey="FileVersion"
        emptyText={t('no-versions')}
        columns={[
          { title: t('version'), render: (_, row) => <>{row.FileVersion} {row.IsCurrentProd === true ? <Tag tone="good">{t('in-production')}</Tag> : null}</> },
          { title: c('status'), dataIndex: 'Status', render: (status: string | undefined) => (isKnown(status) ? t(`version-${status}`) : status) },
          { title: t('comment'), dataIndex: 'Comment' },
          { title: c('time'), dataIndex: 'CommitTime', render: time },
          {
            title: c('actions'),
            render: (_, row) => (
              <button type="button" className="linkish" onClick={() => setCompared(row)}>
                {t('compare')}
              </button>
            ),
          },
        ]}
      />
      {compared === undefined ? null : (
        <>
          <p className="quiet">{t('difference', { n: compared.FileVersion ?? 0 })}</p>
          <CodeDifference label={t('difference', { n: compared.FileVersion ?? 0 })} language={language} before={compared.FileContent ?? ''} after={text} />
        </>
      )}
    </>
  );
}
