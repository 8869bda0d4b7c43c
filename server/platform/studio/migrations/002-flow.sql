-- The studio of 2024-05-18: workflows and what lies in them, resources, functions and components beside nodes; snapshots, asynchronous jobs and parameters.

alter table node drop constraint node_kind_check;
alter table node add constraint node_kind_check check (kind in ('node', 'resource', 'function', 'workflow', 'component'));
alter table node add column workflow_kind text check (workflow_kind in ('CycleWorkflow', 'ManualWorkflow', 'TriggerWorkflow'));
create index node_container on node (container_id) where container_id is not null;

-- The path of what lies in a container: that of the container with its name, and so on outwards.
create function container_path(of_container bigint) returns text language sql stable as $$
  with recursive outward (id, container_id, path) as (
    select id, container_id, name from node where id = of_container
    union all
    select n.id, n.container_id, n.name || '/' || o.path from node n join outward o on n.id = o.container_id
  )
  select coalesce(nullif(f.path, '') || '/', '') || o.path
  from outward o join node n on n.id = o.id left join folder f on f.id = n.folder_id where o.container_id is null
$$;

-- States of an object that somebody may want to see again: each saved draft, and what went to production or left it.
create table snapshot (
  id text primary key default replace(gen_random_uuid()::text, '-', ''),
  tenant_id bigint not null,
  workspace_id bigint not null,
  node_id bigint not null references node (id) on delete cascade,
  type text not null check (type in ('Saved', 'Deployed', 'UnDeployed')),
  -- The revision of a saved draft, else the version.
  version bigint not null,
  name text not null,
  owner_id bigint not null,
  spec jsonb not null,
  content text not null,
  comment text not null,
  created_at timestamptz not null,
  created_by bigint not null
);
create index snapshot_list on snapshot (node_id, type, version desc, id);

-- Work that a caller follows with GetJobStatus.
create table async_job (
  id text primary key default replace(gen_random_uuid()::text, '-', ''),
  tenant_id bigint not null,
  workspace_id bigint not null,
  type text not null check (type in ('Create', 'Update', 'Cancel')),
  status text not null check (status in ('Running', 'Success', 'Fail', 'Cancel')),
  response text not null,
  error text not null,
  created_at timestamptz not null,
  created_by bigint not null,
  ended_at timestamptz
);
create index async_job_age on async_job (ended_at);

-- Parameters of a workspace; the values of a SecretConstant are sealed.
create table parameter (
  id bigint generated always as identity (start with 5000001) primary key,
  tenant_id bigint not null,
  workspace_id bigint not null,
  name text not null,
  type text not null check (type in ('PlainConstant', 'SecretConstant', 'Variable')),
  current_version bigint not null,
  created_at timestamptz not null,
  created_by bigint not null
);
create unique index parameter_name on parameter (workspace_id, name);

create table parameter_version (
  parameter_id bigint not null references parameter (id) on delete cascade,
  version bigint not null,
  description text not null,
  owner_id bigint not null,
  -- By environment; null where a secret is sealed in the other column.
  properties jsonb not null,
  sealed text,
  created_at timestamptz not null,
  created_by bigint not null,
  primary key (parameter_id, version)
);
