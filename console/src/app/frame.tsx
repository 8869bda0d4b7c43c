import { Component, useEffect, useRef, useState, type ComponentType, type ReactNode } from 'react';
import { later } from '../parts/later.tsx';
import { PageHead } from '../parts/page.tsx';
import { Empty } from '../parts/states.tsx';
import { Toasts } from '../parts/toast.tsx';
import { common } from '../text/common.ts';
import { frame } from '../text/frame.ts';
import { useLanguage, useTexts } from '../text/language.tsx';
import { findRoute, navigation, type PageProps, type Route } from './routes.ts';
import { Link, usePlace } from './router.tsx';
import { useSession } from './session.tsx';
import { useAppearance } from './theme.tsx';

const pages = new Map<Route, ComponentType<PageProps>>();

function pageOf(route: Route): ComponentType<PageProps> {
  let page = pages.get(route);
  if (page === undefined) {
    page = later(route.load);
    pages.set(route, page);
  }
  return page;
}

/** Top bar, navigation and the view of the moment. */
export function Frame() {
  const t = useTexts(frame);
  const { path } = usePlace();
  const [menuOpen, setMenuOpen] = useState(false);
  useEffect(() => setMenuOpen(false), [path]);
  const found = findRoute(path);
  return (
    <div className="frame" data-menu={menuOpen ? 'open' : undefined}>
      <a className="skip" href="#content">
        {t('skip')}
      </a>
      <TopBar menuOpen={menuOpen} toggleMenu={() => setMenuOpen(!menuOpen)} />
      <nav className="navigation" aria-label={t('navigation')} id="navigation">
        {navigation.map((group) => (
          <NavigationGroup key={group.title} group={group} entry={found?.route.entry} />
        ))}
      </nav>
      <main className="content" id="content" tabIndex={-1}>
        <Fault key={path}>
          {found === undefined ? <NoSuchPage /> : <View route={found.route} params={found.params} />}
        </Fault>
      </main>
      <Toasts />
    </div>
  );
}

function View({ route, params }: { route: Route; params: Record<string, string> }) {
  const Page = pageOf(route);
  return <Page params={params} />;
}

function NavigationGroup({ group, entry }: { group: (typeof navigation)[number]; entry: string | undefined }) {
  const t = useTexts(frame);
  const links = group.entries.map(([name, to]) => (
    <li key={to}>
      <Link to={to} aria-current={entry === name ? 'page' : undefined}>
        {t(name)}
      </Link>
    </li>
  ));
  if (group.title === 'overview') return <ul>{links}</ul>;
  return (
    <section aria-labelledby={`nav-${group.title}`}>
      <h2 id={`nav-${group.title}`}>{t(group.title)}</h2>
      <ul>{links}</ul>
    </section>
  );
}

function TopBar({ menuOpen, toggleMenu }: { menuOpen: boolean; toggleMenu: () => void }) {
  const t = useTexts(frame);
  const session = useSession();
  return (
    <header className="top-bar">
      <button type="button" className="menu-button" aria-expanded={menuOpen} aria-controls="navigation" onClick={toggleMenu}>
        <span aria-hidden="true">☰</span>
        <span className="visually-hidden">{t('menu')}</span>
      </button>
      <Link to="/" className="brand">
        <Mark />
        <strong>Millrace</strong>
        <span className="brand-product">{t('product')}</span>
      </Link>
      <span className="spring" />
      <label className="region">
        <span>{t('region')}</span>
        <select value={session.region} onChange={(event) => session.setRegion(event.target.value)} name="region">
          {session.regions.map((region) => (
            <option key={region} value={region}>
              {region}
            </option>
          ))}
        </select>
      </label>
      <Switches />
      <AccountMenu />
    </header>
  );
}

/** Language and appearance; also on the sign-in page. */
export function Switches() {
  const t = useTexts(frame);
  const { language, setLanguage } = useLanguage();
  const { appearance, setAppearance } = useAppearance();
  return (
    <>
      <button type="button" className="bar-button" lang={language === 'en' ? 'zh-CN' : 'en'} onClick={() => setLanguage(language === 'en' ? 'zh' : 'en')}>
        {t('to-other-language')}
      </button>
      <button type="button" className="bar-button" onClick={() => setAppearance(appearance === 'dark' ? 'light' : 'dark')}>
        {appearance === 'dark' ? t('to-light') : t('to-dark')}
      </button>
    </>
  );
}

function AccountMenu() {
  const t = useTexts(frame);
  const session = useSession();
  const menu = useRef<HTMLDetailsElement>(null);
  const close = () => {
    if (menu.current !== null) menu.current.open = false;
  };
  return (
    <details
      className="account-menu"
      ref={menu}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) close();
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') close();
      }}
    >
      <summary aria-label={t('account-menu', { name: session.displayName })}>{session.displayName}</summary>
      <div>
        <p>
          {session.userName} · {session.tenantName}
        </p>
        <Link to="/account/keys" onClick={close}>
          {t('access-keys')}
        </Link>
        <button type="button" onClick={() => void session.signOut()}>
          {t('sign-out')}
        </button>
      </div>
    </details>
  );
}

export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#0b6e69" />
      <path d="M6 12c3.3 0 3.3 2.5 6.7 2.5S16 12 19.3 12s3.3 2.5 6.7 2.5M6 19c3.3 0 3.3 2.5 6.7 2.5S16 19 19.3 19s3.3 2.5 6.7 2.5" fill="none" stroke="#fff" strokeWidth="2.6" strokeLinecap="round" />
    </svg>
  );
}

function NoSuchPage() {
  const t = useTexts(common);
  return (
    <>
      <PageHead title={t('not-found')} text={t('not-found-why')} />
      <p>
        <Link to="/">{t('to-overview')}</Link>
      </p>
    </>
  );
}

/** A view that breaks leaves the frame standing and says so. */
class Fault extends Component<{ children: ReactNode }, { error: Error | undefined }> {
  override state: { error: Error | undefined } = { error: undefined };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override render(): ReactNode {
    return this.state.error === undefined ? this.props.children : <Broken error={this.state.error} />;
  }
}

function Broken({ error }: { error: Error }) {
  const t = useTexts(common);
  return (
    <Empty title={t('failed')} text={error.message} role="alert">
      <button type="button" className="plain-button" onClick={() => window.location.reload()}>
        {t('retry')}
      </button>
    </Empty>
  );
}
