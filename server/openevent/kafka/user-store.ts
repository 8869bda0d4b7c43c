import type { Executor } from '../../kernel/database.ts';

export interface KafkaUserRow {
  readonly id: number;
  readonly tenant_id: number;
  readonly name: string;
  readonly login: string;
  readonly workspaces: number[] | null;
  readonly tenant_events: boolean;
  readonly types: string[];
  readonly password: string;
  readonly verifiers: string;
  readonly created_by: number;
  readonly created_at: Date;
  readonly modified_at: Date;
}

/** As the driver gives it: elements of a bigint array are text. */
type StoredRow = Omit<KafkaUserRow, 'workspaces'> & { readonly workspaces: readonly string[] | null };

function toRow(row: StoredRow): KafkaUserRow;
function toRow(row: StoredRow | undefined): KafkaUserRow | undefined;
function toRow(row: StoredRow | undefined): KafkaUserRow | undefined {
  return row === undefined ? undefined : { ...row, workspaces: row.workspaces?.map(Number) ?? null };
}

const columns = 'id, tenant_id, name, login, workspaces, tenant_events, types, password, verifiers, created_by, created_at, modified_at';

/** What the password of a user is sealed for. */
export function passwordPurpose(userId: number): string {
  return `kafka-user:${userId}`;
}

/** What a user's SCRAM verifiers are sealed for. */
export function verifierPurpose(userId: number): string {
  return `kafka-user:${userId}:scram`;
}

/** Prefix of the payload on `millrace_cache` that tells of a changed or deleted user. */
export const USER_PREFIX = 'kafka-user:';

export async function findUserByLogin(db: Executor, login: string): Promise<KafkaUserRow | undefined> {
  return toRow(await db.row<StoredRow>(`select ${columns} from kafka_user where login = $1`, [login]));
}

export async function findUser(db: Executor, tenantId: number, id: number): Promise<KafkaUserRow | undefined> {
  return toRow(await db.row<StoredRow>(`select ${columns} from kafka_user where tenant_id = $1 and id = $2`, [tenantId, id]));
}

/** The users of all tenants. */
export async function listAllUsers(db: Executor): Promise<KafkaUserRow[]> {
  return (await db.rows<StoredRow>(`select ${columns} from kafka_user order by id`)).map((row) => toRow(row));
}

export async function lockUser(tx: Executor, tenantId: number, id: number): Promise<KafkaUserRow | undefined> {
  return toRow(await tx.row<StoredRow>(`select ${columns} from kafka_user where tenant_id = $1 and id = $2 for update`, [tenantId, id]));
}

/** Lets only one change at a time add a user to the tenant, so that the limit holds. Answers how many there are. */
export async function lockUsers(tx: Executor, tenantId: number): Promise<number> {
  await tx.run(`select pg_advisory_xact_lock(hashtextextended('kafka users', $1))`, [tenantId]);
  return (await tx.row<{ count: number }>('select count(*) from kafka_user where tenant_id = $1', [tenantId]))?.count ?? 0;
}

/** Draws the id beforehand, since the password is sealed for it. */
export async function nextUserId(tx: Executor): Promise<number> {
  const row = await tx.row<{ id: number }>(`select nextval(pg_get_serial_sequence('kafka_user', 'id')) as id`);
  if (row === undefined) throw new Error('the sequence of Kafka users gave no id');
  return row.id;
}

/** Adds a user. Violates `kafka_user_name` when the name is taken. */
export async function insertUser(tx: Executor, row: Omit<KafkaUserRow, 'created_at' | 'modified_at'>, now: Date): Promise<void> {
  await tx.run(
    `insert into kafka_user (id, tenant_id, name, login, workspaces, tenant_events, types, password, verifiers, created_by, created_at, modified_at)
     overriding system value values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)`,
    [row.id, row.tenant_id, row.name, row.login, row.workspaces, row.tenant_events, row.types, row.password, row.verifiers, row.created_by, now],
  );
}

export async function updatePassword(tx: Executor, id: number, password: string, verifiers: string, now: Date): Promise<void> {
  await tx.run('update kafka_user set password = $2, verifiers = $3, modified_at = $4 where id = $1', [id, password, verifiers, now]);
}

export async function deleteUser(tx: Executor, tenantId: number, id: number): Promise<boolean> {
  return (await tx.run('delete from kafka_user where tenant_id = $1 and id = $2', [tenantId, id])) === 1;
}

const filterText = `tenant_id = $1 and ($2::text is null or strpos(lower(name), lower($2)) > 0)`;

export async function listUsers(db: Executor, tenantId: number, keyword: string | undefined, offset: number, count: number): Promise<KafkaUserRow[]> {
  return (await db.rows<StoredRow>(`select ${columns} from kafka_user where ${filterText} order by id offset $3 limit $4`, [tenantId, keyword ?? null, offset, count])).map((row) => toRow(row));
}

export async function countUsers(db: Executor, tenantId: number, keyword: string | undefined): Promise<number> {
  return (await db.row<{ count: number }>(`select count(*) from kafka_user where ${filterText}`, [tenantId, keyword ?? null]))?.count ?? 0;
}
