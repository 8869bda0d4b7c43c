import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { CallError } from '../api/client.ts';
import { common } from '../text/common.ts';
import { useTexts } from '../text/language.tsx';

/** The states that every view can be in before it has something to show. */

export function Waiting() {
  const t = useTexts(common);
  return (
    <div className="waiting" role="status">
      <span className="spinner" aria-hidden="true" />
      <span>{t('loading')}</span>
    </div>
  );
}

export function Empty({ title, text, children, role }: { title?: string | undefined; text?: string; children?: ReactNode; role?: 'alert' }) {
  const t = useTexts(common);
  return (
    <div className="empty-state" role={role}>
      <svg viewBox="0 0 64 40" aria-hidden="true">
        <path d="M4 26c6 0 6 5 12 5s6-5 12-5 6 5 12 5 6-5 12-5 6 5 8 5M4 14c6 0 6 5 12 5s6-5 12-5 6 5 12 5 6-5 12-5 6 5 8 5" fill="none" stroke="currentColor" strokeWidth="2.5" strokeLinecap="round" />
      </svg>
      <p className="empty-title">{title ?? t('empty')}</p>
      {text === undefined ? null : <p>{text}</p>}
      {children}
    </div>
  );
}

/** Why there is nothing: not built, not allowed, or a failure with what to do about it. */
export function Failure({ error, again, action }: { error: Error; again?: (() => void) | undefined; action?: string | undefined }) {
  const t = useTexts(common);
  const retry =
    again === undefined ? null : (
      <button type="button" className="plain-button" onClick={again}>
        {t('retry')}
      </button>
    );
  if (!(error instanceof CallError)) {
    return (
      <Empty title={t('failed')} text={error.message} role="alert">
        {retry}
      </Empty>
    );
  }
  if (error.notBuilt) return <Empty title={t('not-built')} text={t('not-built-why', { action: action ?? '' })} />;
  if (error.forbidden) return <Empty title={t('forbidden')} text={error.message === '' ? t('forbidden-why') : `${error.message} ${error.recommend}`} />;
  return (
    <Empty title={error.status === 0 ? t('unreachable') : t('failed')} text={error.message} role="alert">
      {error.recommend === '' ? null : <p>{t('what-to-do', { text: error.recommend })}</p>}
      {error.requestId === '' ? null : <p className="quiet">{[error.code, t('request-id', { id: error.requestId })].filter((part) => part !== '').join(' · ')}</p>}
      {retry}
    </Empty>
  );
}

/** Draws an answer once it is there, and the state of the call until then. */
export function Answer<Data>({ query, children, action }: { query: UseQueryResult<Data, Error>; children: (data: Data) => ReactNode; action?: string }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.isError) return <Failure error={query.error} again={() => void query.refetch()} action={action} />;
  return <Waiting />;
}
