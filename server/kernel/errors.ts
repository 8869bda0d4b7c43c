/**
 * The one catalogue of errors that callers can see. The documents and the console read it too.
 * `code` is the wire code (the vendor's where it has one), texts name their parameters as `{name}`.
 */
export interface ErrorEntry {
  readonly status: number;
  readonly en: string;
  readonly zh: string;
  /** What the caller can do; becomes `Recommend` on the wire. */
  readonly todo: string;
  /** Wire code, where it differs from the entry's name; `byVersion` where API versions differ. */
  readonly code?: string;
  readonly byVersion?: Readonly<Record<string, string>>;
}

const entries = {
  // The request itself
  MissingParameter: { status: 400, en: 'The parameter {name} is required.', zh: '缺少必填参数 {name}。', todo: 'Send the parameter.' },
  InvalidParameter: { status: 400, en: 'The parameter {name} is not valid: {reason}', zh: '参数 {name} 无效：{reason}', todo: 'Correct the parameter as the message says.' },
  InvalidRequest: { status: 400, en: 'The request cannot be read: {reason}', zh: '无法解析请求：{reason}', todo: 'Check the encoding of the request.' },
  RequestTooLarge: { status: 413, code: 'RequestEntityTooLarge', en: 'The request is too large: {reason}', zh: '请求过大：{reason}', todo: 'Send less, or ask the operator to raise the named limit.' },
  'InvalidAction.NotFound': { status: 404, en: 'There is no operation {action} in {product} version {version}.', zh: '{product} 版本 {version} 没有操作 {action}。', todo: 'See GET /openapi.json for the operations of this server.' },
  InvalidVersion: { status: 400, en: 'There is no version {version} of {product}. Known: {known}.', zh: '{product} 没有版本 {version}。可用：{known}。', todo: 'Use one of the versions named.' },
  InvalidProduct: { status: 404, code: 'InvalidProduct.NotFound', en: 'There is no product {product}. Known: {known}.', zh: '没有产品 {product}。可用：{known}。', todo: 'Use one of the products named.' },
  InvalidRegion: { status: 404, code: 'InvalidRegionId.NotFound', en: 'There is no region {region} here. Known: {known}.', zh: '没有地域 {region}。可用：{known}。', todo: 'Use one of the regions named.' },
  NotImplemented: { status: 501, code: 'Operation.NotImplemented', en: 'The operation {action} is part of the contract but not built yet.', zh: '操作 {action} 已在契约中，但尚未实现。', todo: 'GET /openapi.json tells which operations are built (x-millrace-implemented).' },
  UnsupportedHTTPMethod: { status: 405, en: 'The method {method} is not supported here. Use GET or POST.', zh: '不支持 {method} 方法，请使用 GET 或 POST。', todo: 'Send the request with GET or POST.' },
  PathNotFound: { status: 404, code: 'InvalidPath.NotFound', en: 'There is nothing at {path}.', zh: '{path} 不存在。', todo: 'Signed calls go to the path /, sessions to /api/<product>/<version>/<Action>.' },

  // Who is calling
  IncompleteSignature: { status: 400, en: 'The signature is incomplete: {reason}', zh: '签名不完整：{reason}', todo: 'Sign the request with an official client, or complete what the message names.' },
  SignatureDoesNotMatch: { status: 400, en: 'The signature does not match the one computed here. {hint} server string to sign is:{stringToSign}', zh: '签名与服务端计算结果不一致。{hint} server string to sign is:{stringToSign}', todo: 'Compare your string to sign with the one in the message; if they are equal, the secret is wrong.' },
  SignatureNonceUsed: { status: 400, en: 'The nonce {nonce} was used before.', zh: '随机数 {nonce} 已被使用。', todo: 'Use a new random nonce for every request.' },
  'InvalidTimeStamp.Expired': { status: 400, en: 'The time {timestamp} of the request is more than {minutes} minutes from the server time {now}.', zh: '请求时间 {timestamp} 与服务器时间 {now} 相差超过 {minutes} 分钟。', todo: 'Set the clock of the calling machine.' },
  'InvalidTimeStamp.Format': { status: 400, en: 'The time of the request must have the form yyyy-MM-ddTHH:mm:ssZ, not {timestamp}.', zh: '请求时间格式应为 yyyy-MM-ddTHH:mm:ssZ，而不是 {timestamp}。', todo: 'Send the time in UTC in that form.' },
  UnsupportedSignature: { status: 400, code: 'InvalidParameter.SignatureMethod', en: 'This way of signing is not supported: {reason}', zh: '不支持该签名方式：{reason}', todo: 'Sign with ACS3-HMAC-SHA256, or HMAC-SHA1 version 1.0.' },
  'InvalidAccessKeyId.NotFound': { status: 404, en: 'The AccessKey id is not known.', zh: 'AccessKey ID 不存在。', todo: 'Check the id, or create an AccessKey.' },
  'InvalidAccessKeyId.Inactive': { status: 403, en: 'The AccessKey is disabled.', zh: 'AccessKey 已被禁用。', todo: 'Enable the AccessKey, or use another.' },
  'InvalidSecurityToken.Expired': { status: 400, en: 'The security token has expired.', zh: '安全令牌已过期。', todo: 'Ask for a new temporary credential.' },
  'InvalidSecurityToken.Malformed': { status: 400, en: 'The security token does not belong to this AccessKey id.', zh: '安全令牌与 AccessKey ID 不匹配。', todo: 'Send the token that came with the key.' },
  'MissingSecurityToken': { status: 400, en: 'A temporary AccessKey needs its security token.', zh: '临时 AccessKey 需要安全令牌。', todo: 'Send the token that came with the key.' },
  SessionRequired: { status: 401, code: 'InvalidSession', en: 'There is no valid session.', zh: '会话不存在或已过期。', todo: 'Sign in.' },
  CsrfTokenMissing: { status: 403, code: 'Forbidden.CsrfToken', en: 'The call lacks the session token in the header x-csrf-token.', zh: '请求缺少会话令牌 x-csrf-token。', todo: 'Send the token that GetCaller answers.' },
  LoginFailed: { status: 401, en: 'The user name or the password is wrong.', zh: '用户名或密码错误。', todo: 'Try again; after several failures in a row the user is locked for some minutes.' },
  LoginLocked: { status: 429, code: 'Throttling.Login', en: 'Too many failed attempts; sign-in is locked for {seconds} seconds.', zh: '失败次数过多，{seconds} 秒内无法登录。', todo: 'Wait, then try again.' },
  Forbidden: { status: 403, code: 'Forbidden.Access', en: 'You may not call {action}: it needs {needed}.', zh: '无权调用 {action}：需要 {needed}。', todo: 'Ask an administrator for a role that has this right.' },
  SessionOnly: { status: 403, code: 'Forbidden.SessionOnly', en: '{action} is for the console session only.', zh: '{action} 仅限控制台会话。', todo: 'Use an AccessKey operation instead.' },

  // How much
  'Throttling.User': { status: 429, en: 'Too many {access} calls: at most {rate} a second. Try again in {milliseconds} ms.', zh: '{access} 调用过于频繁：每秒最多 {rate} 次，请在 {milliseconds} 毫秒后重试。', todo: 'Wait as long as Retry-After says.' },
  'Throttling.Api': { status: 429, en: 'The quota of {limit} calls {period} is used up.', zh: '{period} 的 {limit} 次调用配额已用完。', todo: 'Wait for the next period, or choose another plan.' },
  'Throttling.System': { status: 429, en: 'The system is busy.', zh: '系统繁忙。', todo: 'Try again later.' },
  ServiceUnavailable: { status: 503, en: 'The service is starting or its database is not reachable.', zh: '服务正在启动或数据库不可用。', todo: 'Try again later.' },
  StorageFull: { status: 503, code: 'ServiceUnavailable.StorageFull', en: 'The call cannot be carried out: the disk of the server or of its database is full.', zh: '无法执行调用：服务器或其数据库的磁盘已满。', todo: 'Ask the operator to free space; then try again.' },
  InternalError: { status: 500, code: 'InternalError.System', en: 'Something went wrong here; it was logged under this request id.', zh: '内部错误，已按请求 ID 记录。', todo: 'Tell the operator the request id.' },

  // Things and their states
  NotFound: { status: 404, code: 'Invalid.{kind}.NotFound', en: 'There is no {label} {id}.', zh: '{label} {id} 不存在。', todo: 'Check the id.' },
  WorkspaceNotFound: { status: 404, code: 'Invalid.Tenant.ProjectNotExist', byVersion: { '2024-05-18': '1101080008' }, en: 'There is no workspace {id}.', zh: '工作空间 {id} 不存在。', todo: 'Check the id and the region.' },
  MemberNotFound: { status: 404, code: 'Invalid.Tenant.UserNotInProject', byVersion: { '2024-05-18': '1101080166' }, en: 'The user {id} is not a member of the workspace.', zh: '用户 {id} 不是工作空间成员。', todo: 'Add the user first.' },
  ResourceGroupNotFound: { status: 404, code: 'Invalid.ResourceGroup.NotFound', byVersion: { '2024-05-18': '9990040003' }, en: 'There is no {label} {id}.', zh: '{label} {id} 不存在。', todo: 'Check the id.' },
  DataSourceNotFound: { status: 404, code: 'Invalid.DataSource.NotFound', byVersion: { '2024-05-18': '1000010005' }, en: 'There is no data source {id}.', zh: '数据源 {id} 不存在。', todo: 'Check the id, the environment and whether it is shared with the workspace.' },
  SharedRuleNotFound: { status: 404, code: 'Invalid.DataSourceSharedRule.NotFound', byVersion: { '2024-05-18': '1000011038' }, en: 'There is no shared rule {id}.', zh: '数据源共享规则 {id} 不存在。', todo: 'Check the id.' },
  AlreadyExists: { status: 409, code: 'Invalid.{kind}.Exists', en: 'There is already a {label} {id}.', zh: '{label} {id} 已存在。', todo: 'Choose another name.' },
  WrongState: { status: 409, code: 'Invalid.{kind}.Status', en: '{label} {id} cannot do this now: {reason}', zh: '{label} {id} 当前无法执行此操作：{reason}', todo: 'Wait for, or change, its state.' },
  TooMany: { status: 400, code: 'LimitExceeded.{kind}', en: 'There may be at most {limit} {label}.', zh: '最多允许 {limit} 个{label}。', todo: 'Delete some, or ask the operator to raise the named limit.' },
  IdempotentMismatch: { status: 400, code: 'IdempotentParameterMismatch', en: 'The ClientToken {token} was used with other parameters.', zh: 'ClientToken {token} 已用于其他参数。', todo: 'Use a new token for a new request.' },
  TargetForbidden: { status: 400, code: 'InvalidParameter.Url', en: 'The address {url} may not be called: {reason}', zh: '不允许访问地址 {url}：{reason}', todo: 'Use a public address, or allow the target by MILLRACE_ALLOW_TARGETS.' },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorName = keyof typeof entries;

/** The catalogue, for documents and the console. */
export const errorCatalogue: Readonly<Record<ErrorName, ErrorEntry>> = entries;

export type ErrorParameters = Readonly<Record<string, string | number>>;

/** An error that the caller is told of. Anything else that is thrown becomes `InternalError`, with its detail in the log only. */
export class ApiError extends Error {
  readonly entry: ErrorName;
  readonly parameters: ErrorParameters;
  /** Milliseconds after which a retry makes sense, for `Retry-After` and `x-acs-retry-after`. */
  readonly retryAfterMs: number | undefined;

  constructor(entry: ErrorName, parameters: ErrorParameters = {}, retryAfterMs?: number) {
    super(fill(entries[entry].en, parameters));
    this.name = 'ApiError';
    this.entry = entry;
    this.parameters = parameters;
    this.retryAfterMs = retryAfterMs;
  }
}

/** What goes on the wire for an error: HTTP status, code, text and advice, in the language and API version of the call. */
export function describeError(error: ApiError, language: 'en' | 'zh', version?: string): { status: number; code: string; message: string; recommend: string } {
  const entry: ErrorEntry = entries[error.entry];
  const code = (version === undefined ? undefined : entry.byVersion?.[version]) ?? entry.code ?? error.entry;
  return { status: entry.status, code: fill(code, error.parameters), message: fill(entry[language], error.parameters), recommend: entry.todo };
}

function fill(template: string, parameters: ErrorParameters): string {
  return template.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    const value = parameters[name];
    return value === undefined ? whole : String(value);
  });
}

/** "There is no file 17." `kind` is the word in the wire code (`File` gives `Invalid.File.NotFound`). */
export function notFound(kind: string, id: string | number, label: string = kind.toLowerCase()): ApiError {
  return new ApiError('NotFound', { kind, label, id });
}

export function invalid(name: string, reason: string): ApiError {
  return new ApiError('InvalidParameter', { name, reason });
}

export function missing(name: string): ApiError {
  return new ApiError('MissingParameter', { name });
}
