import type { Executor } from '../../kernel/database.ts';
import type { Lease } from './store.ts';

/** All SQL of logs. */

export interface LogPiece {
  readonly position: number;
  /** Whether it belongs to the end of the log, which moves on, or to the beginning, which stays. */
  readonly ending: boolean;
  readonly content: Buffer;
}

/** What a worker writes at once: new pieces, pieces that leave, and the bytes left out of the log's middle so far. */
export interface LogWrite {
  readonly pieces: readonly LogPiece[];
  readonly dropped: readonly number[];
  readonly omittedBytes: number;
}

/** Writes to the log of a run that the caller holds. False, and nothing written, when the lease is lost. */
export async function writeLog(db: Executor, lease: Lease, write: LogWrite): Promise<boolean> {
  const row = await db.row<{ held: boolean }>(
    `with held as (
       update task_run set log_omitted_bytes = $6 where id = $1 and lease_token = $2 and state = 'Running' returning id
     ), gone as (
       delete from task_log where run_id in (select id from held) and position = any($7)
     ), added as (
       insert into task_log (run_id, position, ending, content)
       select held.id, p.position, p.ending, p.content from held, unnest($3::integer[], $4::boolean[], $5::bytea[]) as p(position, ending, content)
     )
     select exists (select from held) as held`,
    [lease.id, lease.token, write.pieces.map((piece) => piece.position), write.pieces.map((piece) => piece.ending), write.pieces.map((piece) => piece.content), write.omittedBytes, write.dropped],
  );
  return row?.held === true;
}

/** Adds a line at the end, whoever holds the run. */
export async function appendLine(tx: Executor, runId: number, line: string): Promise<void> {
  await tx.run(
    `insert into task_log (run_id, position, ending, content)
     select $1, coalesce(max(position), -1) + 1, max(position) is not null, $2 from task_log where run_id = $1`,
    [runId, Buffer.from(`${line}\n`)],
  );
}

/** The log of an attempt of an instance, of its latest when `attempt` is undefined. */
export async function readLogPieces(db: Executor, instanceId: number, attempt: number | undefined): Promise<{ omittedBytes: number; pieces: LogPiece[] } | undefined> {
  const rows = await db.rows<{ omitted: number; position: number | null; ending: boolean | null; content: Buffer | null }>(
    `select r.log_omitted_bytes as omitted, l.position, l.ending, l.content
     from (select id, log_omitted_bytes from task_run where instance_id = $1 and ($2::integer is null or attempt = $2) order by attempt desc limit 1) r
     left join task_log l on l.run_id = r.id order by l.position`,
    [instanceId, attempt ?? null],
  );
  const first = rows[0];
  if (first === undefined) return undefined;
  const pieces = rows.flatMap(({ position, ending, content }) => (position === null || ending === null || content === null ? [] : [{ position, ending, content }]));
  return { omittedBytes: first.omitted, pieces };
}
