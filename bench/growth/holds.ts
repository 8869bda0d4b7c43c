import { setTimeout as pause } from 'node:timers/promises';
import { inParts, LEGACY, OWN, type Ground, type Subject } from './ground.ts';

/** Holds that have been decided: what they cost the next one. */
export async function holdsSubject(ground: Ground): Promise<Subject> {
  const { database, relaxed, tenantId, userId, call } = ground;
  // A workspace of its own, so that the extension stops nothing else.
  const ProjectId = ground.projectIds[1] ?? 0;
  await call(LEGACY, 'CreateBusiness', { ProjectId, BusinessName: 'growth' });
  const FileId = Number(
    (await call(LEGACY, 'CreateFile', { ProjectId, FileName: 'held', FileType: 6, Content: 'echo 0', FileFolderPath: '业务流程/growth', InputList: 'growth_1_root' }))['Data'],
  );
  await call(OWN, 'CreateExtension', { ExtensionCode: 'growth', ExtensionName: 'Growth', BindEventList: JSON.stringify(['commit-file']) });
  await call(OWN, 'PublishExtension', { ExtensionCode: 'growth' });
  await call(OWN, 'EnableExtension', { ExtensionCode: 'growth', ProjectId });
  const extension = await database.row<{ id: number }>(`select id from extension where code = 'growth'`);

  async function hold(number: number): Promise<void> {
    await call(LEGACY, 'UpdateFile', { ProjectId, FileId, Content: `echo ${number} ${Date.now()}` });
    await call(LEGACY, 'SubmitFile', { ProjectId, FileId, Comment: 'bench' });
    const held = await database.row<{ id: number; message_id: string }>('select id, message_id from hold order by id desc limit 1');
    if (held === undefined) throw new Error('nothing is held');
    await call(LEGACY, 'UpdateIDEEventResult', { MessageId: held.message_id, ExtensionCode: 'growth', CheckResult: 'OK' });
    while ((await database.row('select 1 from hold where id = $1 and resumed_at is not null', [held.id])) === undefined) await pause(1);
  }

  return {
    name: 'holds',
    tables: ['hold', 'hold_check'],
    // A hold for each of a million operations that somebody checked is more than a house of people makes.
    most: 1_000_000,
    async clear() {
      await database.run('truncate hold, hold_check, hold_approval, hold_approval_decision');
    },
    async fill(count) {
      await inParts(
        relaxed,
        count,
        `with filled as (
           insert into hold (id, tenant_id, workspace_id, point, title, operator_id, message_id, object_key, payload, snapshot, snapshot_hash, args, status, verdict, created_at, deadline_at, closed_at, resumed_at, resume_status)
           select nextval('hold_id'), $3, $4, 'commit-file', 'stored.sql', $5, gen_random_uuid()::text, 'file:' || n % 1000, '{"fileId": 1}', '{"Content": "select 1"}', 'x', '{}', case when n % 5000 = 7 then 'BLOCKED' else 'PASSED' end,
             case when n % 5000 = 7 then 'FAIL' else 'OK' end, at, at + interval '1 hour', at, at, 'DONE'
           from generate_series($1::bigint, $2::bigint - 1) n, lateral (select now() - make_interval(secs => 180 * 86400.0 * ($6::bigint - n) / $6::bigint) as at) t returning id, created_at)
         insert into hold_check (hold_id, extension_id, state, result, answered_at, deadline_at, deadline_outcome) select id, $7, 'ANSWERED', 'OK', created_at, created_at, 'FAIL' from filled`,
        [tenantId, ProjectId, userId, count, extension?.id],
      );
    },
    costs: [
      { name: 'a commit held, answered and carried out', once: hold },
      { name: 'ListHolds', once: () => call(OWN, 'ListHolds', {}), counts: 'tells how many there are' },
      { name: 'ListHolds of a workspace, blocked ones', once: () => call(OWN, 'ListHolds', { ProjectId, Status: 'BLOCKED' }), counts: 'searches the workspace' },
      { name: 'ListHolds that are open', once: () => call(OWN, 'ListHolds', { Status: 'CHECKING' }) },
    ],
  };
}
