-- Workspaces and who belongs to them. Ids stay below 2^31, since one answer of the contract has them as int32.

create sequence workspace_id start 10001 maxvalue 2147483647;

create table workspace (
  id bigint primary key default nextval('workspace_id'),
  tenant_id bigint not null,
  region text not null,
  name text not null,
  display_name text not null,
  description text not null,
  standard_mode boolean not null,
  dev_role_disabled boolean not null,
  pai_task_enabled boolean not null,
  download_allowed boolean not null,
  resource_group_id text not null,
  tags jsonb not null,
  status text not null check (status in ('Available', 'Forbidden', 'Deleting', 'Deleted')),
  -- While a deletion is checked: the status to return to, and the hold.
  status_before text,
  hold_id bigint,
  owner_id bigint not null,
  created_at timestamptz not null,
  modified_at timestamptz not null,
  deleted_at timestamptz
);
create unique index workspace_name on workspace (tenant_id, region, lower(name)) where status <> 'Deleted';
create index workspace_tenant on workspace (tenant_id, id);

create table workspace_member (
  workspace_id bigint not null references workspace (id),
  user_id bigint not null,
  roles text[] not null,
  created_at timestamptz not null,
  primary key (workspace_id, user_id)
);
create index workspace_member_user on workspace_member (user_id);
