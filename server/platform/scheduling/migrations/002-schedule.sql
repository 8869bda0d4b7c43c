-- Cycles, dependencies and workflows: what makes instances come into being and start by themselves.

alter table task
  add column instance_mode text not null default 'T+1' check (instance_mode in ('T+1', 'Immediately')),
  -- The workflow whose cycles the task has; null for a task with a schedule of its own.
  add column workflow_id bigint,
  -- IANA name; null means the server's.
  add column time_zone text,
  -- The schedule makes instances for moments between these two.
  add column effective_from timestamptz,
  add column effective_to timestamptz,
  -- Id of the resource group; null means the tenant's default.
  add column resource_group text,
  add column datasource text,
  add column ignore_branch_skip boolean not null default false,
  -- Names under which code reads what upstreams put out: [{ "name", "output", "variable" }].
  add column context_inputs jsonb not null default '[]',
  -- Other values than the spec has, set in the Operation Center; they last until the next publication.
  add column overrides jsonb not null default '{}';
create index task_workflow on task (workflow_id, environment) where workflow_id is not null;
create index task_file on task (file_id, environment);
create index task_tenant on task (tenant_id, environment) where trigger_type = 'Scheduler';

create table workflow (
  workflow_id bigint not null,
  environment text not null check (environment in ('DEV', 'PROD')),
  tenant_id bigint not null,
  workspace_id bigint not null,
  file_id bigint not null,
  name text not null,
  kind text not null check (kind in ('CycleWorkflow', 'ManualWorkflow', 'TriggerWorkflow')),
  owner_id bigint not null,
  version integer not null,
  file_version integer not null,
  description text not null,
  recurrence text not null check (recurrence in ('Normal', 'Pause', 'Skip')),
  instance_mode text not null check (instance_mode in ('T+1', 'Immediately')),
  cron text,
  time_zone text,
  effective_from timestamptz,
  effective_to timestamptz,
  priority integer not null,
  -- [{ "name", "type", "value" }]
  parameters jsonb not null,
  spec jsonb not null,
  created_at timestamptz not null,
  created_by bigint not null,
  modified_at timestamptz not null,
  modified_by bigint not null,
  primary key (workflow_id, environment)
);
create index workflow_workspace on workflow (workspace_id, environment, workflow_id);

-- What a task or workflow waits for. Either an output's name, or the number of a task, workflow or studio node.
create table task_dependency (
  task_id bigint not null,
  environment text not null,
  tenant_id bigint not null,
  kind text not null check (kind in ('Normal', 'CrossCycleDependsOnSelf', 'CrossCycleDependsOnChildren', 'CrossCycleDependsOnOtherNode')),
  output text,
  node_id bigint,
  place integer not null,
  workspace_id bigint not null,
  primary key (task_id, environment, place)
);
create index task_dependency_output on task_dependency (tenant_id, environment, output) where output is not null;
create index task_dependency_node on task_dependency (tenant_id, environment, node_id) where node_id is not null;

-- Who gives which output. The studio sees to it that a name belongs to one node of a workspace; others of the tenant may wait for it too.
create table task_output (
  task_id bigint not null,
  environment text not null,
  tenant_id bigint not null,
  workspace_id bigint not null,
  output text not null,
  primary key (task_id, environment, output)
);
create index task_output_name on task_output (tenant_id, environment, output);

-- Days whose instances have been made, for each tenant. A day is the one on which they run.
create table schedule_day (
  tenant_id bigint not null,
  day date not null,
  state text not null check (state in ('Making', 'Made')),
  started_at timestamptz not null,
  finished_at timestamptz,
  instances integer not null default 0,
  primary key (tenant_id, day)
);

alter table dag_run
  add column task_id bigint,
  -- False while its instances and their edges are still being written; none of them starts before.
  add column released boolean not null default true,
  -- Its instances wait until this workflow instance has succeeded.
  add column after_dag_id bigint,
  -- The loop whose body this is, and the number of the round.
  add column parent_instance_id bigint,
  add column round integer,
  -- The request that made it, for asynchronous creation.
  add column operation_id bigint,
  add column trigger_time timestamptz,
  add column started_at timestamptz,
  add column modified_by bigint not null default 0,
  -- One of the runs of a day: the moment of its cycle.
  add column cycle_key text;
create unique index dag_run_cycle on dag_run (workspace_id, environment, flow_id, cycle_key) where type = 'Normal';
create index dag_run_after on dag_run (after_dag_id) where after_dag_id is not null;
create index dag_run_parent on dag_run (parent_instance_id) where parent_instance_id is not null;
create index dag_run_day on dag_run (workspace_id, environment, bizdate, id);
create index dag_run_operation on dag_run (operation_id) where operation_id is not null;

-- The row of a DAG is touched by every end of an instance; a foreign key would lock it for every new one too.
alter table task_instance drop constraint task_instance_dag_id_fkey;
alter table ad_hoc_code drop constraint ad_hoc_code_instance_id_fkey;

alter table task_instance
  add column dag_type text not null default 'Manual',
  add column flow_id bigint not null default 1,
  -- The how-many-eth of its task on its day, from 1.
  add column period_number integer not null default 1,
  -- Suspended by somebody: it does not start until it is resumed.
  add column frozen boolean not null default false,
  -- Why it cannot start at all, such as an upstream that is not deployed; empty when nothing stands against it.
  add column blocked_by text not null default '',
  add column resource_group text,
  add column datasource text,
  add column ignore_branch_skip boolean not null default false,
  add column context_inputs jsonb not null default '[]',
  -- What its code put out for others to read, and for a branch the outputs it chose: { "variables": {}, "chosen": [] }.
  add column result jsonb;
update task_instance i set dag_type = d.type, flow_id = d.flow_id from dag_run d where d.id = i.dag_id;

drop index task_instance_workspace;
drop index task_instance_bizdate;
drop index task_instance_dag;
drop index task_instance_task;
-- Lists of a day in the order of ids, and counts and lists by status without reading the rows.
create index task_instance_day on task_instance (workspace_id, environment, bizdate, id);
create index task_instance_status on task_instance (workspace_id, environment, bizdate, status, dag_type, task_type, id);
create index task_instance_moment on task_instance (workspace_id, environment, bizdate, trigger_time, id);
create index task_instance_workspace on task_instance (workspace_id, environment, id);
create index task_instance_dag on task_instance (dag_id, status);
create index task_instance_task on task_instance (task_id, environment, trigger_time, id) where task_id is not null;
-- A task has one instance for a moment of its schedule, however often a day is made.
create unique index task_instance_cycle on task_instance (task_id, trigger_time) where dag_type = 'Normal' and environment = 'PROD';
create index task_instance_due on task_instance (trigger_time, id) where status = 'WaitTime';

-- An instance waits for others. `output` is the name by which it waits, which matters behind a branch.
create table instance_edge (
  downstream_id bigint not null,
  upstream_id bigint not null,
  kind text not null default 'Normal',
  output text,
  primary key (downstream_id, upstream_id)
);
create index instance_edge_upstream on instance_edge (upstream_id, downstream_id);

-- Instances that the scheduler has to look at: one that has ended, whose downstreams may start, or one that may start itself. Written in the
-- change that gives the reason, so that no reason is lost and none is seen before it is true.
create table schedule_check (
  id bigint generated always as identity primary key,
  tenant_id bigint not null,
  instance_id bigint not null
);
-- Emptied as fast as it is filled: dead rows must not gather.
alter table schedule_check set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

-- What people did to tasks and instances.
create table schedule_operation (
  id bigint generated always as identity primary key,
  tenant_id bigint not null,
  workspace_id bigint not null,
  target_kind text not null check (target_kind in ('Task', 'Instance', 'Workflow', 'WorkflowInstance')),
  target_id bigint not null,
  environment text not null,
  name text not null,
  content text not null,
  user_id bigint not null,
  at timestamptz not null
);
create index schedule_operation_target on schedule_operation (target_kind, target_id, id);

-- Asynchronous making of workflow instances (CreateWorkflowInstances) and their rerun.
create table dag_operation (
  id bigint generated always as identity (start with 500000001) primary key,
  tenant_id bigint not null,
  workspace_id bigint not null,
  kind text not null check (kind in ('Create', 'Rerun')),
  state text not null check (state in ('Held', 'Making', 'Made', 'Failed')),
  error_text text not null default '',
  request jsonb not null,
  created_by bigint not null,
  created_at timestamptz not null,
  finished_at timestamptz
);
create index dag_operation_workspace on dag_operation (workspace_id);
