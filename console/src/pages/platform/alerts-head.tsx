import type { ReactNode } from 'react';
import { Link } from '../../app/router.tsx';
import { PageHead } from '../../parts/page.tsx';
import { alerts } from '../../text/alerts.ts';
import { useTexts } from '../../text/language.tsx';

const views = [
  ['rules', '/platform/alerts'],
  ['messages', '/platform/alerts/messages'],
  ['baselines', '/platform/alerts/baselines'],
] as const;

/** The head of the alert views, with the way between them. */
export function AlertsHead({ view, actions }: { view: (typeof views)[number][0]; actions?: ReactNode }) {
  const t = useTexts(alerts);
  return (
    <>
      <PageHead title={t('alerts')} text={t('alerts-text')} actions={actions} />
      <nav className="choices" aria-label={t('alerts')}>
        {views.map(([name, to]) => (
          <Link key={name} to={to} aria-current={name === view ? 'page' : undefined}>
            {t(name)}
          </Link>
        ))}
      </nav>
    </>
  );
}
