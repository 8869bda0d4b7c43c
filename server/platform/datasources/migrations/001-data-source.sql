-- Data sources and with whom they are shared. Ids stay below 2^31, since one answer of the contract has them as int32.

create sequence data_source_id start 1001 maxvalue 2147483647;

create table data_source (
  id bigint primary key default nextval('data_source_id'),
  tenant_id bigint not null,
  workspace_id bigint not null,
  environment text not null check (environment in ('DEV', 'PROD')),
  name text not null,
  type text not null,
  sub_type text not null,
  mode text not null,
  -- As they were sent, but for the secrets, which are masked; json and not jsonb, which would put the fields into another order.
  properties json not null,
  -- As they were sent, encrypted.
  sealed text not null,
  description text not null,
  enabled boolean not null,
  created_by bigint not null,
  modified_by bigint not null,
  created_at timestamptz not null,
  modified_at timestamptz not null
);
create unique index data_source_name on data_source (workspace_id, environment, name);
create index data_source_tenant on data_source (tenant_id);

create table data_source_rule (
  id bigint generated always as identity (start 1001) primary key,
  data_source_id bigint not null references data_source (id) on delete cascade,
  target_workspace_id bigint not null,
  -- The environment of the target in which it is used.
  environment text not null check (environment in ('DEV', 'PROD')),
  -- Empty: every user of the target.
  shared_user text not null,
  permission text not null check (permission in ('READ', 'WRITE')),
  -- What it is called there.
  shared_name text not null,
  created_by bigint not null,
  created_at timestamptz not null
);
create unique index data_source_rule_target on data_source_rule (data_source_id, target_workspace_id, environment, shared_user);
create index data_source_rule_name on data_source_rule (target_workspace_id, environment, shared_name);
