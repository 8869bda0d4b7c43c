import { useMemo, useSyncExternalStore, type AnchorHTMLAttributes, type MouseEvent } from 'react';

/** Addresses of views are real paths below this one, so that every view has a link. */
export const base = '/console';

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener('popstate', listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener('popstate', listener);
  };
}

const readAddress = () => window.location.pathname + window.location.search;

export interface Place {
  /** The path below `/console`, such as `/openapi/calls`. */
  readonly path: string;
  readonly query: URLSearchParams;
}

export function usePlace(): Place {
  const address = useSyncExternalStore(subscribe, readAddress);
  return useMemo(() => {
    const url = new URL(address, window.location.origin);
    const path = url.pathname.startsWith(base) ? url.pathname.slice(base.length) : url.pathname;
    return { path: path === '' ? '/' : path, query: url.searchParams };
  }, [address]);
}

/** Goes to a view, `to` as in `Place.path` with an optional query. */
export function goTo(to: string, options: { readonly replace?: boolean } = {}): void {
  if (options.replace === true) window.history.replaceState(null, '', base + to);
  else window.history.pushState(null, '', base + to);
  for (const listener of listeners) listener();
  if (options.replace !== true) window.scrollTo(0, 0);
}

/** Sets parameters of the present view's address; empty ones leave it. */
export function setQuery(values: Readonly<Record<string, string | undefined>>): void {
  const url = new URL(window.location.href);
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === '') url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  goTo(url.pathname.slice(base.length) + url.search, { replace: true });
}

/** A link inside the console; with a modifier key or the middle button it opens as any link does. */
export function Link({ to, onClick, ...rest }: { to: string } & AnchorHTMLAttributes<HTMLAnchorElement>) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    goTo(to);
  };
  return <a href={base + to} onClick={follow} {...rest} />;
}

/** The parameters of `path` by a pattern such as `/openapi/calls/:id`, or undefined when it is another path. */
export function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.replace(/\/+$/, '').split('/');
  if (path === '/' && pattern === '/') return {};
  if (wanted.length !== given.length) return undefined;
  const found: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? '';
    if (part.startsWith(':')) {
      try {
        found[part.slice(1)] = decodeURIComponent(value);
      } catch {
        return undefined;
      }
    } else if (part !== value) return undefined;
  }
  return found;
}
