import type { ComponentType } from 'react';
import type { frame } from '../text/frame.ts';
import { matchPath } from './router.tsx';

export interface PageProps {
  /** The named parts of the address. */
  readonly params: Readonly<Record<string, string>>;
}

type Load = () => Promise<{ default: ComponentType<PageProps> }>;

/** A module of the navigation. */
export type Section = 'overview' | 'openapi' | 'openevent' | 'extensions' | 'platform' | 'administration';

export interface Route {
  readonly path: string;
  readonly load: Load;
  /** The entry of the navigation that is marked on this view. */
  readonly entry: keyof typeof frame;
}

/** Every view and the chunk that draws it. */
export const routes: readonly Route[] = [
  { path: '/', entry: 'overview', load: () => import('../pages/overview/overview.tsx') },
  { path: '/account/keys', entry: 'access-keys', load: () => import('../pages/account/keys.tsx') },
  { path: '/tours/:tour', entry: 'overview', load: () => import('../pages/overview/tour.tsx') },
  { path: '/openapi/usage', entry: 'usage', load: () => import('../pages/openapi/usage.tsx') },
  { path: '/openapi/calls', entry: 'calls', load: () => import('../pages/openapi/calls.tsx') },
  { path: '/openapi/calls/:requestId', entry: 'calls', load: () => import('../pages/openapi/call.tsx') },
  { path: '/openapi/explorer', entry: 'explorer', load: () => import('../pages/openapi/explorer.tsx') },
  { path: '/openapi/explorer/:product/:version/:action', entry: 'explorer', load: () => import('../pages/openapi/explorer.tsx') },
  { path: '/openevent/subscriptions', entry: 'subscriptions', load: () => import('../pages/openevent/subscriptions.tsx') },
  { path: '/openevent/subscriptions/:id', entry: 'subscriptions', load: () => import('../pages/openevent/subscription.tsx') },
  { path: '/openevent/events', entry: 'events', load: () => import('../pages/openevent/events.tsx') },
  { path: '/openevent/events/:id', entry: 'events', load: () => import('../pages/openevent/event.tsx') },
  { path: '/openevent/catalogue', entry: 'catalogue', load: () => import('../pages/openevent/catalogue.tsx') },
  { path: '/openevent/deliveries', entry: 'deliveries', load: () => import('../pages/openevent/deliveries.tsx') },
  { path: '/openevent/buses', entry: 'buses', load: () => import('../pages/openevent/buses.tsx') },
  { path: '/openevent/buses/:bus', entry: 'buses', load: () => import('../pages/openevent/bus.tsx') },
  { path: '/openevent/rules/:id', entry: 'buses', load: () => import('../pages/openevent/rule.tsx') },
  { path: '/openevent/kafka', entry: 'kafka', load: () => import('../pages/openevent/kafka.tsx') },
  { path: '/openevent/deadlines', entry: 'deadlines', load: () => import('../pages/openevent/deadlines.tsx') },
  { path: '/extensions/list', entry: 'extension-list', load: () => import('../pages/extensions/list.tsx') },
  { path: '/extensions/register', entry: 'extension-list', load: () => import('../pages/extensions/register.tsx') },
  { path: '/extensions/list/:code', entry: 'extension-list', load: () => import('../pages/extensions/extension.tsx') },
  { path: '/extensions/manage', entry: 'manage', load: () => import('../pages/extensions/manage.tsx') },
  { path: '/extensions/checks', entry: 'checks', load: () => import('../pages/extensions/checks.tsx') },
  { path: '/extensions/checks/:id', entry: 'checks', load: () => import('../pages/extensions/check.tsx') },
  { path: '/extensions/approvals', entry: 'approvals', load: () => import('../pages/extensions/approvals.tsx') },
  { path: '/platform/workspaces', entry: 'workspaces', load: () => import('../pages/platform/workspaces.tsx') },
  { path: '/platform/workspaces/:id', entry: 'workspaces', load: () => import('../pages/platform/workspace.tsx') },
  { path: '/platform/studio', entry: 'studio', load: () => import('../pages/platform/studio-entry.tsx') },
  { path: '/platform/studio/:workspace', entry: 'studio', load: () => import('../pages/platform/studio.tsx') },
  { path: '/platform/studio/:workspace/:file', entry: 'studio', load: () => import('../pages/platform/studio.tsx') },
  { path: '/platform/operations', entry: 'operations', load: () => import('../pages/platform/operations-entry.tsx') },
  { path: '/platform/operations/:workspace', entry: 'operations', load: () => import('../pages/platform/instances.tsx') },
  { path: '/platform/operations/:workspace/tasks', entry: 'operations', load: () => import('../pages/platform/tasks.tsx') },
  { path: '/platform/operations/:workspace/instances/:id', entry: 'operations', load: () => import('../pages/platform/instance.tsx') },
  { path: '/platform/operations/:workspace/backfill', entry: 'operations', load: () => import('../pages/platform/backfill.tsx') },
  { path: '/platform/alerts', entry: 'alerts', load: () => import('../pages/platform/alert-rules.tsx') },
  { path: '/platform/alerts/rules/:id', entry: 'alerts', load: () => import('../pages/platform/alert-rule.tsx') },
  { path: '/platform/alerts/messages', entry: 'alerts', load: () => import('../pages/platform/alert-messages.tsx') },
  { path: '/platform/alerts/baselines', entry: 'alerts', load: () => import('../pages/platform/baselines.tsx') },
  { path: '/administration/users', entry: 'users', load: () => import('../pages/administration/users.tsx') },
  { path: '/administration/plans', entry: 'plans', load: () => import('../pages/administration/plans.tsx') },
  { path: '/administration/health', entry: 'health', load: () => import('../pages/administration/health.tsx') },
];

export interface NavigationGroup {
  readonly title: Section;
  readonly entries: readonly (readonly [entry: keyof typeof frame, to: string])[];
}

/** What stands in the navigation, in this order. */
export const navigation: readonly NavigationGroup[] = [
  { title: 'overview', entries: [['overview', '/']] },
  {
    title: 'openapi',
    entries: [
      ['usage', '/openapi/usage'],
      ['calls', '/openapi/calls'],
      ['explorer', '/openapi/explorer'],
    ],
  },
  {
    title: 'openevent',
    entries: [
      ['buses', '/openevent/buses'],
      ['subscriptions', '/openevent/subscriptions'],
      ['kafka', '/openevent/kafka'],
      ['deadlines', '/openevent/deadlines'],
      ['events', '/openevent/events'],
      ['catalogue', '/openevent/catalogue'],
      ['deliveries', '/openevent/deliveries'],
    ],
  },
  {
    title: 'extensions',
    entries: [
      ['extension-list', '/extensions/list'],
      ['manage', '/extensions/manage'],
      ['checks', '/extensions/checks'],
      ['approvals', '/extensions/approvals'],
    ],
  },
  {
    title: 'platform',
    entries: [
      ['workspaces', '/platform/workspaces'],
      ['studio', '/platform/studio'],
      ['operations', '/platform/operations'],
      ['alerts', '/platform/alerts'],
    ],
  },
  {
    title: 'administration',
    entries: [
      ['users', '/administration/users'],
      ['plans', '/administration/plans'],
      ['health', '/administration/health'],
    ],
  },
];

/** The view at `path`, with the named parts of the address. */
export function findRoute(path: string): { readonly route: Route; readonly params: Record<string, string> } | undefined {
  for (const route of routes) {
    const params = matchPath(route.path, path);
    if (params !== undefined) return { route, params };
  }
  return undefined;
}
