-- Baselines, how they stand for each business date and cycle, and what goes wrong on their way.

create table baseline (
  id bigint generated always as identity (start with 630000001) primary key,
  tenant_id bigint not null,
  workspace_id bigint not null,
  name text not null,
  type text not null check (type in ('DAILY', 'HOURLY')),
  owner_id bigint not null,
  priority integer not null,
  enabled boolean not null,
  alert_enabled boolean not null,
  margin_minutes integer not null,
  -- [{ "cycle", "time" }]: when each cycle has to be done.
  overtime jsonb not null,
  node_ids bigint[] not null,
  -- As UpdateBaseline takes them.
  alert_settings jsonb not null,
  created_by bigint not null,
  created_at timestamptz not null,
  modified_by bigint not null,
  modified_at timestamptz not null
);
create unique index baseline_name on baseline (workspace_id, name);
create index baseline_tenant on baseline (tenant_id, id);

create table baseline_status (
  baseline_id bigint not null references baseline on delete cascade,
  bizdate timestamptz not null,
  cycle integer not null,
  tenant_id bigint not null,
  workspace_id bigint not null,
  status text not null check (status in ('ERROR', 'SAFE', 'DANGEROUS', 'OVER')),
  finish_status text not null check (finish_status in ('UNFINISH', 'FINISH')),
  -- When the last of its nodes is expected to end.
  end_cast timestamptz,
  finish_time timestamptz,
  exp_time timestamptz not null,
  sla_time timestamptz not null,
  buffer_seconds bigint not null,
  last_instance_id bigint,
  block_instance_id bigint,
  -- The critical path, the last instance first: [{ "id", "begin", "end" }], epoch milliseconds.
  path jsonb not null,
  computed_at timestamptz not null,
  primary key (baseline_id, bizdate, cycle)
);
create index baseline_status_day on baseline_status (tenant_id, bizdate);
create index baseline_status_at on baseline_status (computed_at);

create table topic (
  id bigint generated always as identity (start with 640000001) primary key,
  tenant_id bigint not null,
  workspace_id bigint not null,
  instance_id bigint not null,
  task_id bigint not null,
  node_name text not null,
  owner_id bigint not null,
  type text not null check (type in ('SLOW', 'ERROR')),
  status text not null check (status in ('IGNORE', 'NEW', 'FIXING', 'RECOVER')),
  -- When it failed, or when it began to run.
  happened_at timestamptz not null,
  added_at timestamptz not null,
  alerted_at timestamptz,
  dealt_at timestamptz,
  dealt_by bigint,
  fixed_at timestamptz,
  unique (instance_id, type, happened_at)
);
create index topic_tenant on topic (tenant_id, happened_at desc, id desc);
create index topic_open on topic (tenant_id) where status in ('NEW', 'FIXING');

create table topic_influence (
  topic_id bigint not null references topic on delete cascade,
  baseline_id bigint not null references baseline on delete cascade,
  bizdate timestamptz not null,
  cycle integer not null,
  primary key (topic_id, baseline_id, bizdate, cycle)
);
create index topic_influence_baseline on topic_influence (baseline_id, bizdate, cycle);
