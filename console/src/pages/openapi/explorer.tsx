import { useDeferredValue, useMemo, useState } from 'react';
import { useApiDocument, type ApiDocument, type DocumentedOperation } from '../../api/document.ts';
import { Link } from '../../app/router.tsx';
import type { PageProps } from '../../app/routes.ts';
import { PageHead, Tag } from '../../parts/page.tsx';
import { Answer, Empty } from '../../parts/states.tsx';
import { common } from '../../text/common.ts';
import { useTexts } from '../../text/language.tsx';
import { openapi } from '../../text/openapi.ts';
import { OperationForm } from './operation-form.tsx';

export default function Explorer({ params }: PageProps) {
  const t = useTexts(openapi);
  const document = useApiDocument();
  return (
    <>
      <PageHead title={params['action'] ?? t('explorer')} text={params['action'] === undefined ? t('explorer-text') : undefined} {...(params['action'] === undefined ? {} : { from: { to: '/openapi/explorer', title: t('explorer') } })} />
      <Answer query={document}>{(loaded) => <Workbench document={loaded} params={params} />}</Answer>
    </>
  );
}

function Workbench({ document, params }: { document: ApiDocument; params: Readonly<Record<string, string>> }) {
  const t = useTexts(openapi);
  const operation = document.operations.find((one) => one.product === params['product'] && one.version === params['version'] && one.action === params['action']);
  return (
    <div className="explorer">
      <OperationList document={document} chosen={operation} startVersion={operation === undefined ? 'open-platform/2026-12-01' : `${operation.product}/${operation.version}`} />
      {operation === undefined ? (
        <div className="panel">
          <Empty title={t('choose')} />
        </div>
      ) : (
        <OperationForm key={`${operation.version}/${operation.action}`} document={document} operation={operation} />
      )}
    </div>
  );
}

function OperationList({ document, chosen, startVersion }: { document: ApiDocument; chosen: DocumentedOperation | undefined; startVersion: string }) {
  const t = useTexts(openapi);
  const c = useTexts(common);
  const versions = useMemo(() => [...new Set(document.operations.map((one) => `${one.product}/${one.version}`))], [document]);
  const [version, setVersion] = useState(startVersion);
  const [word, setWord] = useState('');
  const [builtOnly, setBuiltOnly] = useState(true);
  const wanted = useDeferredValue(word.trim().toLowerCase());
  const groups = useMemo(() => {
    const found = new Map<string, DocumentedOperation[]>();
    for (const operation of document.operations) {
      if (`${operation.product}/${operation.version}` !== version) continue;
      if (builtOnly && !operation.implemented) continue;
      if (wanted !== '' && !operation.action.toLowerCase().includes(wanted) && !operation.summary.toLowerCase().includes(wanted)) continue;
      const group = found.get(operation.module);
      if (group === undefined) found.set(operation.module, [operation]);
      else group.push(operation);
    }
    return [...found].toSorted(([one], [other]) => one.localeCompare(other));
  }, [document, version, wanted, builtOnly]);
  const count = groups.reduce((sum, [, list]) => sum + list.length, 0);
  return (
    <div className="panel explorer-list">
      <div className="filters">
        <label>
          {t('version')}
          <select value={version} onChange={(event) => setVersion(event.target.value)}>
            {versions.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label>
          {t('find-operation')}
          <input type="search" value={word} onChange={(event) => setWord(event.target.value)} />
        </label>
        <label className="check">
          <input type="checkbox" checked={builtOnly} onChange={(event) => setBuiltOnly(event.target.checked)} /> {t('only-built')}
        </label>
      </div>
      <p className="quiet" role="status">
        {t('operations-count', { n: count })}
      </p>
      <div className="explorer-groups" tabIndex={0} role="group" aria-label={t('explorer')}>
        {count === 0 ? <Empty title={c('none-matches')} /> : null}
        {groups.map(([module, list]) => (
          <details key={module} open={wanted !== '' || groups.length < 6 || chosen?.module === module}>
            <summary>
              {module} <span className="quiet">({list.length})</span>
            </summary>
            <ul>
              {list.map((operation) => (
                <li key={operation.action}>
                  <Link to={`/openapi/explorer/${operation.product}/${operation.version}/${operation.action}`} aria-current={operation === chosen ? 'page' : undefined} title={operation.summary}>
                    {operation.action}
                  </Link>
                  {operation.implemented ? null : <Tag>{t('not-built-tag')}</Tag>}
                </li>
              ))}
            </ul>
          </details>
        ))}
      </div>
    </div>
  );
}
