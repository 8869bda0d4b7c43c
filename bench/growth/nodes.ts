import { limits } from '../../server/kernel/limits.ts';
import { CURRENT, inParts, LEGACY, type Ground, type Subject } from './ground.ts';

/** Nodes of one workspace. */
export async function nodesSubject(ground: Ground): Promise<Subject> {
  const { database, relaxed, userId, call } = ground;
  const ProjectId = ground.projectIds[2] ?? 0;
  await call(LEGACY, 'CreateBusiness', { ProjectId, BusinessName: 'growth' });
  const FileFolderPath = '业务流程/growth';
  const file = { ProjectId, FileType: 6, Content: 'echo 0', FileFolderPath, InputList: 'growth_2_root' };
  const FileId = Number((await call(LEGACY, 'CreateFile', { ...file, FileName: 'first' }))['Data']);
  const one = await database.row<{ folder_id: number; business_id: number }>('select folder_id, business_id from node where id = $1', [FileId]);
  let made = 0;
  return {
    name: 'nodes',
    tables: ['node', 'node_version'],
    most: limits.filesPerWorkspace.value,
    async clear() {
      await database.run(`delete from node_version where node_id in (select id from node where name like 'stored\\_%')`);
      await database.run(`delete from node where name like 'stored\\_%'`);
    },
    async fill(count) {
      await inParts(
        relaxed,
        // With room for those that are made while it is measured.
        Math.min(count, limits.filesPerWorkspace.value - 1_000),
        `with filled as (
           insert into node (tenant_id, workspace_id, kind, name, command, file_type, folder_id, business_id, use_type, spec, content, owner_id, state, revision, committed_revision, current_version, committed_version, deployed_version,
             created_at, created_by, edited_at, edited_by)
           select n.tenant_id, n.workspace_id, n.kind, 'stored_' || g, n.command, n.file_type, $4, $5, n.use_type, n.spec, repeat('select 1;', 40), $6, 'NORMAL', 1, 1, 1, 1, 1, now(), $6, now() - make_interval(secs => g * 10), $6
           from node n, generate_series($1::bigint, $2::bigint - 1) g where n.id = $3 returning *)
         insert into node_version (node_id, version, workspace_id, status, change_type, revision, name, spec, content, owner_id, folder_id, business_id, use_type, comment, committed_by, committed_at)
         select id, 1, workspace_id, 'DEPLOYED', 'CREATE', 1, name, spec, content, owner_id, folder_id, business_id, use_type, '', created_by, created_at from filled`,
        [FileId, one?.folder_id, one?.business_id, userId],
      );
    },
    costs: [
      { name: 'CreateFile', once: () => call(LEGACY, 'CreateFile', { ...file, FileName: `new_${(made += 1)}` }) },
      { name: 'UpdateFile', once: (number) => call(LEGACY, 'UpdateFile', { ProjectId, FileId, Content: `echo ${number}` }) },
      { name: 'GetFile', once: () => call(LEGACY, 'GetFile', { ProjectId, FileId }) },
      { name: 'ListFiles', once: () => call(LEGACY, 'ListFiles', { ProjectId }), counts: 'tells how many there are' },
      { name: 'ListFiles with a word in the name', once: () => call(LEGACY, 'ListFiles', { ProjectId, Keyword: 'stored_77' }), counts: 'searches the names' },
      { name: 'ListNodes', once: () => call(CURRENT, 'ListNodes', { ProjectId }), counts: 'tells how many there are' },
    ],
  };
}
