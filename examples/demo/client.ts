import openapi from '@alicloud/openapi-core';

/** Whom and where a program calls. */
export interface Access {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/** Calls an operation and answers its response. Rejects with the official client's error, which has `code` and `statusCode`. */
export type CallOperation = (version: string, action: string, parameters?: Readonly<Record<string, unknown>>) => Promise<Record<string, unknown>>;

/** The official generic client, as it is, pointed at a Millrace server: nothing but the endpoint differs from a program for DataWorks. */
export function createClient({ url, accessKeyId, accessKeySecret }: Access): CallOperation {
  const { host, protocol } = new URL(url);
  const { $OpenApiUtil } = openapi;
  const client = new openapi.default(new $OpenApiUtil.Config({ accessKeyId, accessKeySecret, endpoint: host, protocol: protocol.slice(0, -1) }));
  // No time limits or proxies beyond the client's own. Its class for these options is in another package, whose instance it does not ask for.
  const runtime = {} as Parameters<typeof client.callApi>[2];
  return async (version, action, parameters = {}) => {
    const params = new $OpenApiUtil.Params({
      action,
      version,
      protocol: protocol.slice(0, -1),
      pathname: '/',
      method: 'POST',
      authType: 'AK',
      style: 'RPC',
      reqBodyType: 'formData',
      bodyType: 'json',
    });
    const answer = (await client.callApi(params, new $OpenApiUtil.OpenApiRequest({ body: wireForm(parameters) }), runtime)) as { body: Record<string, unknown> };
    return answer.body;
  };
}

/** Lists and objects travel as JSON text in one parameter, as the product clients send them; what is absent is not sent. */
function wireForm(parameters: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const present = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present.map(([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : value]));
}
