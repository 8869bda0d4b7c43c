import { useEffect, type ReactNode } from 'react';
import { Link } from '../app/router.tsx';

interface PageHeadProps {
  title: string;
  text?: string | undefined;
  actions?: ReactNode;
  /** The list this view belongs to. */
  from?: { readonly to: string; readonly title: string };
}

/** The head of a view: its name, one sentence on what it is for, and what can be done. */
export function PageHead({ title, text, actions, from }: PageHeadProps) {
  useEffect(() => {
    document.title = `${title} · Millrace`;
  }, [title]);
  return (
    <div className="page-head">
      <div>
        {from === undefined ? null : (
          <p className="crumbs">
            <Link to={from.to}>{from.title}</Link> /
          </p>
        )}
        <h1>{title}</h1>
        {text === undefined ? null : <p>{text}</p>}
      </div>
      {actions === undefined ? null : <div className="page-actions">{actions}</div>}
    </div>
  );
}

export function Panel({ title, children, flush, actions }: { title?: string; children: ReactNode; flush?: boolean; actions?: ReactNode }) {
  return (
    <section className={flush === true ? 'panel panel-flush' : 'panel'} aria-label={title}>
      {title === undefined ? null : actions === undefined ? (
        <h2>{title}</h2>
      ) : (
        <div className="code-head">
          <h2>{title}</h2>
          {actions}
        </div>
      )}
      {children}
    </section>
  );
}

/** Names and values; values that are undefined leave their row out. */
export function Facts({ rows }: { rows: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className="facts">
      {rows
        .filter(([, value]) => value !== undefined && value !== null && value !== '')
        .map(([name, value]) => (
          <div className="facts-row" key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

export function Figures({ items }: { items: readonly { readonly title: string; readonly value: ReactNode; readonly note?: ReactNode; readonly text?: boolean }[] }) {
  return (
    <dl className="figures">
      {items.map((item) => (
        <div className="figure" key={item.title}>
          <dt>{item.title}</dt>
          <dd className={item.text === true ? 'figure-text' : undefined}>
            {item.value}
            {item.note === undefined ? null : <small>{item.note}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

export type Tone = 'good' | 'warn' | 'bad' | 'busy' | 'plain';

export function Tag({ tone = 'plain', children }: { tone?: Tone; children: ReactNode }) {
  return <span className={`tag tag-${tone}`}>{children}</span>;
}
