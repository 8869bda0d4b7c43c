-- Deployments: what is on its way to an environment, for both dialects. A commit is one to development, a deletion one that takes something out.

create table deployment (
  id bigint generated always as identity (start with 3000001) primary key,
  tenant_id bigint not null,
  workspace_id bigint not null,
  kind text not null check (kind in ('commit', 'deploy', 'delete')),
  name text not null,
  status text not null check (status in ('Ready', 'Checking', 'Success', 'Failed', 'Rejected')),
  error_text text not null default '',
  comment text not null default '',
  created_by bigint not null,
  created_at timestamptz not null,
  executed_by bigint,
  executed_at timestamptz
);
create index deployment_list on deployment (workspace_id, created_at desc, id desc);

create table deployment_item (
  deployment_id bigint not null references deployment (id),
  file_id bigint not null,
  file_version bigint not null,
  primary key (deployment_id, file_id)
);
