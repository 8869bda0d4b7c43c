-- Pipeline runs: deployments that go stage by stage. A deployment of the legacy dialect is seen as a run too, and a run as a deployment.

alter table deployment drop constraint deployment_kind_check;
alter table deployment add constraint deployment_kind_check check (kind in ('commit', 'deploy', 'delete', 'online', 'offline'));
alter table deployment drop constraint deployment_status_check;
alter table deployment add constraint deployment_status_check check (status in ('Ready', 'Running', 'Checking', 'Success', 'Failed', 'Rejected', 'Cancelled'));
alter table deployment
  add column run_id uuid not null unique default gen_random_uuid(),
  -- Code of the stage up to which it goes by itself; null when each stage is asked for.
  add column auto_until text,
  add column modified_at timestamptz;
update deployment set modified_at = coalesce(executed_at, created_at);
alter table deployment alter column modified_at set not null;

alter table deployment_item
  add column place integer not null default 0,
  add column kind text not null default 'node',
  add column name text not null default '',
  -- It leaves its environment.
  add column removal boolean not null default false;
create index deployment_item_file on deployment_item (file_id);

create table deployment_stage (
  deployment_id bigint not null references deployment (id),
  step integer not null,
  code text not null,
  type text not null check (type in ('Deploy', 'Check', 'Offline', 'Build', 'Delete')),
  status text not null check (status in ('Init', 'Running', 'Success', 'Fail', 'Termination', 'Cancel')),
  message text not null,
  primary key (deployment_id, step)
);

-- What a check stage waits for, and what it heard.
create table deployment_check (
  deployment_id bigint not null,
  step integer not null,
  file_id bigint not null,
  hold_id bigint not null,
  verdict text check (verdict in ('OK', 'WARN', 'FAIL')),
  tip text not null,
  primary key (deployment_id, step, file_id),
  foreign key (deployment_id, step) references deployment_stage (deployment_id, step)
);
