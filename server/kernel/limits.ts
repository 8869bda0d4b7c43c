/**
 * Every limit of the house by name, in one place. A loop, queue, page or payload that has no line here is a fault.
 * They are shown at run time by `GetLimits`.
 */
export interface Limit {
  readonly value: number;
  readonly unit: 'bytes' | 'count' | 'ms' | 'levels' | 'characters' | 'seconds' | 'days';
  readonly what: string;
}

export const limits = {
  requestBodyBytes: { value: 8 * 1024 * 1024, unit: 'bytes', what: 'Largest body of a request.' },
  requestQueryBytes: { value: 64 * 1024, unit: 'bytes', what: 'Longest query string of a request.' },
  requestHeaderBytes: { value: 32 * 1024, unit: 'bytes', what: 'All header lines of a request together.' },
  requestParameters: { value: 5_000, unit: 'count', what: 'Parameters of a request, after flattened lists are counted one by one.' },
  parameterNameCharacters: { value: 512, unit: 'characters', what: 'Longest name of a parameter.' },
  parameterNesting: { value: 32, unit: 'levels', what: 'Deepest nesting of a JSON parameter or a flattened name.' },
  flatListItems: { value: 10_000, unit: 'count', what: 'Elements of one flattened list.' },
  requestTimeoutMs: { value: 60_000, unit: 'ms', what: 'Longest time a client may take to send its request.' },
  clockWindowMs: { value: 15 * 60_000, unit: 'ms', what: 'How far the time of a signed request may be from the server clock, either way.' },
  pageSize: { value: 100, unit: 'count', what: 'Largest page of a list, unless the contract says otherwise.' },
  databaseConnections: { value: 20, unit: 'count', what: 'Connections to PostgreSQL of one process.' },
  idleTransactionMs: { value: 60_000, unit: 'ms', what: 'A transaction idle for longer is ended by PostgreSQL, since it would hold back all delivery.' },
  callLogBuffer: { value: 20_000, unit: 'count', what: 'Call rows kept in memory while the database is away; more are counted and dropped.' },
  callLogFlushMs: { value: 100, unit: 'ms', what: 'Longest wait of a call row before it is written.' },
  callLogDays: { value: 62, unit: 'days', what: 'How long call rows are kept.' },
  callLogParameterCharacters: { value: 2_000, unit: 'characters', what: 'Parameters kept with a call row; longer ones are cut.' },
  idempotencyHours: { value: 24 * 3_600, unit: 'seconds', what: 'How long the answer to a ClientToken is kept.' },
  sessionSeconds: { value: 12 * 3_600, unit: 'seconds', what: 'Life of a console session.' },
  loginFailures: { value: 5, unit: 'count', what: 'Wrong passwords in a row before a user is locked out.' },
  loginLockSeconds: { value: 15 * 60, unit: 'seconds', what: 'Length of a lock-out.' },
  accessKeysPerUser: { value: 5, unit: 'count', what: 'AccessKeys of one user.' },
  usersPerTenant: { value: 10_000, unit: 'count', what: 'Users of one tenant.' },
  jobBatch: { value: 50, unit: 'count', what: 'Jobs claimed at once.' },
  jobLeaseMs: { value: 30_000, unit: 'ms', what: 'A job whose lease is not renewed for this long may be taken by another process.' },
  jobAttempts: { value: 25, unit: 'count', what: 'Tries of a job before it is set aside.' },
  jobPollMs: { value: 1_000, unit: 'ms', what: 'Backstop poll for due jobs, beside the wake-up.' },
  eventDataBytes: { value: 1024 * 1024, unit: 'bytes', what: 'Largest payload of an event.' },
  eventDays: { value: 30, unit: 'days', what: 'How long events stay in the log, unless a subscription still waits for them.' },
  eventReadBatch: { value: 500, unit: 'count', what: 'Events read from the log at once.' },
  eventPollMs: { value: 250, unit: 'ms', what: 'Backstop poll of the log, beside the wake-up.' },
  subscriptionsPerTenant: { value: 200, unit: 'count', what: 'Push subscriptions of one tenant.' },
  deliveryConcurrency: { value: 16, unit: 'count', what: 'Deliveries of one subscription under way at once, each of another object.' },
  deliveryTimeoutMs: { value: 15_000, unit: 'ms', what: 'Time a receiver has to answer.' },
  deliveryParkedEvents: { value: 10_000, unit: 'count', what: 'Events waiting behind failing ones in one subscription before its cursor stops.' },
  deliveryExcerptCharacters: { value: 1_000, unit: 'characters', what: 'Part of a receiver answer that is kept.' },
  outboundResponseBytes: { value: 1024 * 1024, unit: 'bytes', what: 'Largest answer read from another server.' },
  extensionsPerTenant: { value: 200, unit: 'count', what: 'Extensions of one tenant.' },
  extensionTextCharacters: { value: 16_384, unit: 'characters', what: 'Parameter or option setting of an extension.' },
  holdDeadlineSeconds: { value: 30 * 86_400, unit: 'seconds', what: 'Longest deadline of a check.' },
  holdSnapshotBytes: { value: 4 * 1024 * 1024, unit: 'bytes', what: 'Largest snapshot of a held operation.' },
  workspacesPerTenant: { value: 1_000, unit: 'count', what: 'Workspaces of one tenant.' },
  fileContentBytes: { value: 4 * 1024 * 1024, unit: 'bytes', what: 'Code of one file.' },
  filesPerWorkspace: { value: 100_000, unit: 'count', what: 'Files of one workspace.' },
  folderDepth: { value: 32, unit: 'levels', what: 'Depth of the folder tree.' },
  taskTimeoutSeconds: { value: 4 * 3_600, unit: 'seconds', what: 'Time limit of a task that sets none.' },
  taskLogBytes: { value: 4 * 1024 * 1024, unit: 'bytes', what: 'Log kept of one run; the middle of a longer one is cut.' },
  taskSlots: { value: 8, unit: 'count', what: 'Tasks that one process runs at once.' },
  taskLeaseMs: { value: 15_000, unit: 'ms', what: 'A running task whose worker is silent for this long counts as lost.' },
  sqlResultRows: { value: 1_000, unit: 'count', what: 'Rows of a query result written to the log of a run.' },
  duckdbMemoryMegabytes: { value: 1_024, unit: 'count', what: 'Memory (in megabytes) that one SQL run may use.' },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof limits;
