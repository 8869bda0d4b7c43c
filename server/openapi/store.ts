import type { Executor } from '../kernel/database.ts';

/** Which calls of a tenant are asked for. Everything but the tenant may be left out. */
export interface CallFilter {
  readonly tenantId: number;
  readonly region: string;
  readonly from: Date;
  readonly to: Date;
  readonly product?: string | undefined;
  readonly version?: string | undefined;
  readonly action?: string | undefined;
  readonly accessKeyId?: string | undefined;
  readonly userId?: number | undefined;
  readonly access?: string | undefined;
  readonly status?: number | undefined;
  readonly code?: string | undefined;
  readonly failed?: boolean | undefined;
  readonly requestId?: string | undefined;
}

export interface StoredCall {
  readonly at: Date;
  readonly region: string;
  readonly user_id: number;
  readonly user_name: string;
  readonly access_key_id: string;
  readonly product: string;
  readonly version: string;
  readonly action: string;
  readonly access: string;
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly duration_us: number;
  readonly request_id: string;
  readonly source_address: string;
  readonly parameters: string;
}

/** Absent filters are null and fall out of the plan. */
const WHERE = `tenant_id = $1 and region = $2 and at >= $3 and at < $4
  and ($5::text is null or product = $5) and ($6::text is null or version = $6) and ($7::text is null or action = $7)
  and ($8::text is null or access_key_id = $8) and ($9::bigint is null or user_id = $9) and ($10::text is null or access = $10)
  and ($11::int is null or status = $11) and ($12::text is null or code = $12) and ($13::boolean is null or (status >= 400) = $13)
  and ($14::text is null or request_id = $14)`;

function values(filter: CallFilter): unknown[] {
  return [
    filter.tenantId,
    filter.region,
    filter.from,
    filter.to,
    filter.product ?? null,
    filter.version ?? null,
    filter.action ?? null,
    filter.accessKeyId ?? null,
    filter.userId ?? null,
    filter.access ?? null,
    filter.status ?? null,
    filter.code ?? null,
    filter.failed ?? null,
    filter.requestId ?? null,
  ];
}

export async function countCalls(db: Executor, filter: CallFilter): Promise<number> {
  return (await db.row<{ count: number }>(`select count(*) as count from call_log where ${WHERE}`, values(filter)))?.count ?? 0;
}

export function listCalls(db: Executor, filter: CallFilter, page: { readonly limit: number; readonly offset: number }): Promise<StoredCall[]> {
  return db.rows<StoredCall>(`select * from call_log where ${WHERE} order by at desc, request_id limit $15 offset $16`, [...values(filter), page.limit, page.offset]);
}

export function findCall(db: Executor, tenantId: number, requestId: string): Promise<StoredCall | undefined> {
  return db.row<StoredCall>('select * from call_log where tenant_id = $1 and request_id = $2', [tenantId, requestId]);
}

export interface CallGroup {
  readonly key: string;
  readonly count: number;
  readonly failed: number;
  readonly reads: number;
  readonly writes: number;
  readonly average_us: number;
  readonly maximum_us: number;
}

const GROUP_KEYS = {
  Day: `to_char(at at time zone 'UTC', 'YYYY-MM-DD')`,
  Operation: `product || '/' || version || '/' || action`,
  AccessKey: `case when access_key_id = '' then 'session' else access_key_id end`,
  Status: `status::text`,
} as const;

export function groupCalls(db: Executor, filter: CallFilter, by: keyof typeof GROUP_KEYS): Promise<CallGroup[]> {
  return db.rows<CallGroup>(
    `select ${GROUP_KEYS[by]} as key, count(*) as count, count(*) filter (where status >= 400) as failed, count(*) filter (where access = 'read') as reads,
       count(*) filter (where access = 'write') as writes, avg(duration_us)::float8 as average_us, max(duration_us) as maximum_us
     from call_log where ${WHERE} group by 1 order by ${by === 'Day' ? '1' : '2 desc, 1'}`,
    values(filter),
  );
}
