import openapi from '@alicloud/openapi-core';
import PopCore from '@alicloud/pop-core';

/** The official clients as they come, pointed at a server over plain HTTP. */

export interface Credential {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken?: string;
}

export type Values = Readonly<Record<string, unknown>>;
export type Body = Record<string, unknown>;

/** pop-core, signature V1: `GET` puts everything into the query, `POST` into the form. */
export function popCore(url: string, key: Credential, version: string) {
  const client = new PopCore({ endpoint: url, apiVersion: version, ...key });
  return (action: string, parameters: Values = {}, method: 'GET' | 'POST' = 'POST') => client.request<Body>(action, parameters, { method });
}

/** Where openapi-core puts the parameters. */
export type Place = 'query' | 'form' | 'json';

/** openapi-core, signature V3. Lists in the query go through its own flattening first, as its product clients do it. */
export function openApiCore(url: string, key: Credential, version: string) {
  const { host } = new URL(url);
  const { $OpenApiUtil } = openapi;
  const client = new openapi.default(new $OpenApiUtil.Config({ ...key, endpoint: host, protocol: 'http' }));
  return async (action: string, parameters: Values = {}, place: Place = 'form', method = 'POST'): Promise<Body> => {
    const params = new $OpenApiUtil.Params({ action, version, protocol: 'http', pathname: '/', method, authType: 'AK', style: 'RPC', reqBodyType: place === 'json' ? 'json' : 'formData', bodyType: 'json' });
    const request = new $OpenApiUtil.OpenApiRequest(place === 'query' ? { query: openapi.OpenApiUtil.query(parameters) } : { body: parameters });
    const answer = (await client.callApi(params, request, {} as Parameters<typeof client.callApi>[2])) as { body: Body };
    return answer.body;
  };
}

/** What the clients throw for an error answer. pop-core has `code` and `data`, openapi-core more. */
export interface ClientError extends Error {
  readonly code: string;
  readonly statusCode?: number;
  readonly requestId?: string;
  readonly retryAfter?: number;
  readonly data?: { readonly RequestId?: string; readonly Code?: string; readonly Message?: string };
  readonly entry?: { readonly response: { readonly statusCode: number; readonly headers: Record<string, string> } };
}

/** Awaits the rejection of a call. */
export async function failure(call: Promise<unknown>): Promise<ClientError> {
  try {
    await call;
  } catch (error) {
    return error as ClientError;
  }
  throw new Error('the call succeeded, though it should not');
}
