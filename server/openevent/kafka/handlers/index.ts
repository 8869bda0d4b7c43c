import { apiVersions, saslAuthenticate, saslHandshake, type Api } from '../protocol/messages.ts';
import * as cluster from './cluster.ts';
import type { Route } from './context.ts';
import * as data from './data.ts';
import * as groups from './groups.ts';

/** What a client may ask once it has signed in. */
const routes: readonly Route[] = [...Object.values(data), ...Object.values(groups), ...Object.values(cluster).filter((one) => typeof one === 'object')];

export const routeByKey: ReadonlyMap<number, Route> = new Map(routes.map((one) => [one.api.key, one]));

/** Everything that the server understands, by its number. */
export const apis: ReadonlyMap<number, Api<unknown, unknown>> = new Map([...routes.map((one) => one.api), apiVersions, saslHandshake, saslAuthenticate].map((one) => [one.key, one]));
