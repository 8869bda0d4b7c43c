-- Tasks, workflow instances and task instances.

-- Numbers of tasks. They begin high, so that a task, a file and an instance are rarely mistaken for each other.
create sequence task_id start with 700000001;

create table task (
  task_id bigint not null,
  environment text not null check (environment in ('DEV', 'PROD')),
  tenant_id bigint not null,
  workspace_id bigint not null,
  file_id bigint not null,
  name text not null,
  file_type integer not null,
  command text not null,
  owner_id bigint not null,
  -- Grows with every publication; names the row of task_version in service.
  version integer not null,
  file_version integer not null,
  description text not null,
  recurrence text not null check (recurrence in ('Normal', 'Pause', 'Skip')),
  trigger_type text not null check (trigger_type in ('Scheduler', 'Manual')),
  cron text,
  priority integer not null,
  rerun_mode text not null check (rerun_mode in ('Allowed', 'Denied', 'FailureAllowed')),
  rerun_times integer not null,
  rerun_interval_ms integer not null,
  timeout_seconds integer not null,
  -- [{ "name", "type", "value" }]; a null name is a parameter text without a key.
  parameters jsonb not null,
  created_at timestamptz not null,
  created_by bigint not null,
  modified_at timestamptz not null,
  modified_by bigint not null,
  primary key (task_id, environment)
);
create index task_workspace on task (workspace_id, environment, task_id);

create table task_version (
  task_id bigint not null,
  environment text not null,
  workspace_id bigint not null,
  version integer not null,
  file_version integer not null,
  content text not null,
  spec jsonb not null,
  published_at timestamptz not null,
  published_by bigint not null,
  primary key (task_id, environment, version)
);
create index task_version_workspace on task_version (workspace_id);

create table dag_run (
  id bigint generated always as identity (start with 200000001) primary key,
  tenant_id bigint not null,
  workspace_id bigint not null,
  environment text not null check (environment in ('DEV', 'PROD')),
  name text not null,
  type text not null check (type in ('Normal', 'Manual', 'SmokeTest', 'SupplementData', 'ManualWorkflow', 'TriggerWorkflow')),
  flow_id bigint not null default 1,
  bizdate timestamptz not null,
  status text not null default 'NotRun' check (status in ('NotRun', 'Running', 'Failure', 'Success')),
  created_by bigint not null,
  created_at timestamptz not null,
  modified_at timestamptz not null,
  finished_at timestamptz
);
create index dag_run_workspace on dag_run (workspace_id, environment, id);

create table task_instance (
  id bigint generated always as identity (start with 300000001) primary key,
  tenant_id bigint not null,
  workspace_id bigint not null,
  environment text not null check (environment in ('DEV', 'PROD')),
  dag_id bigint not null references dag_run,
  -- Null for the ad-hoc run of a file that was never published.
  task_id bigint,
  -- The version of the task that it runs; null for an ad-hoc run, whose code stands in ad_hoc_code.
  task_version integer,
  file_id bigint not null,
  name text not null,
  file_type integer not null,
  command text not null,
  owner_id bigint not null,
  status text not null default 'NotRun' check (status in ('NotRun', 'WaitTime', 'WaitResource', 'Running', 'Checking', 'CheckingCondition', 'WaitTrigger', 'Failure', 'Success')),
  task_type text not null default 'NORMAL',
  bizdate timestamptz not null,
  -- The moment it is due, which is the cycle time of its parameters.
  trigger_time timestamptz not null,
  -- Evaluated: [{ "name", "value" }].
  parameters jsonb not null,
  priority integer not null,
  rerun_mode text not null,
  rerun_times integer not null,
  rerun_interval_ms integer not null,
  timeout_seconds integer not null,
  -- Runs begun so far, and those of them that ended with their worker and not by themselves.
  attempts integer not null default 0,
  -- Attempts before the last time a person started it; automatic reruns are counted from there.
  attempts_before integer not null default 0,
  interruptions integer not null default 0,
  error_text text not null default '',
  created_by bigint not null,
  created_at timestamptz not null,
  modified_at timestamptz not null,
  modified_by bigint not null,
  begin_wait_time_at timestamptz,
  begin_wait_resource_at timestamptz,
  begin_running_at timestamptz,
  finished_at timestamptz
);
create index task_instance_workspace on task_instance (workspace_id, environment, id);
create index task_instance_bizdate on task_instance (workspace_id, environment, bizdate, id);
create index task_instance_dag on task_instance (dag_id);
create index task_instance_task on task_instance (task_id, environment, id) where task_id is not null;

create table ad_hoc_code (
  instance_id bigint primary key references task_instance on delete cascade,
  content text not null
);
