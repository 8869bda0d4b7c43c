-- Runs: one row for each attempt of an instance to run its code.

create table task_run (
  id bigint generated always as identity primary key,
  tenant_id bigint not null,
  workspace_id bigint not null,
  environment text not null check (environment in ('DEV', 'PROD')),
  instance_id bigint not null,
  attempt integer not null,
  command text not null,
  -- Empty once the run has finished: the code of a finished run is kept by whoever submitted it.
  content text not null,
  parameters jsonb not null,
  timeout_seconds integer not null,
  priority integer not null,
  -- Runs with one key never run at the same time, such as those on one DuckDB file.
  resource_key text,
  state text not null default 'Queued' check (state in ('Queued', 'Running', 'Finished')),
  run_at timestamptz not null,
  queued_at timestamptz not null,
  started_at timestamptz,
  finished_at timestamptz,
  stop_requested_at timestamptz,
  worker text,
  machine text,
  lease_until timestamptz,
  -- Moves with every claim: a worker that holds an older token cannot write any more.
  lease_token bigint not null default 0,
  process_id integer,
  process_started text,
  outcome text check (outcome in ('Success', 'Failure', 'TimedOut', 'Stopped', 'Lost', 'PutBack')),
  exit_code integer,
  log_omitted_bytes bigint not null default 0,
  unique (instance_id, attempt)
);
-- What makes two runs of one instance, or two runs on one resource, impossible whatever the claims do.
create unique index task_run_active on task_run (instance_id) where state in ('Queued', 'Running');
create unique index task_run_resource on task_run (resource_key) where state = 'Running' and resource_key is not null;
create index task_run_queue on task_run (priority desc, id) where state = 'Queued';
create index task_run_lease on task_run (lease_until) where state = 'Running';
create index task_run_workspace on task_run (workspace_id);

-- The log of a run in pieces. The pieces of the end are replaced when the log outgrows its limit, those of the beginning stay.
create table task_log (
  run_id bigint not null references task_run on delete cascade,
  position integer not null,
  ending boolean not null,
  content bytea not null,
  primary key (run_id, position)
);

-- Workspaces that are gone, whose files a worker has still to remove.
create table workspace_removal (
  workspace_id bigint primary key,
  requested_at timestamptz not null
);
