-- Resource groups, the workspaces that use them, and the networks and routes that are kept as records.

create table resource_group (
  id text primary key,
  -- What the older dialect has as id.
  number bigint generated always as identity unique,
  tenant_id bigint not null,
  is_default boolean not null,
  name text not null,
  remark text not null,
  payment_type text not null check (payment_type in ('PrePaid', 'PostPaid')),
  -- Slots; null means as many as a process has.
  spec integer,
  vpc_id text not null,
  vswitch_id text not null,
  resource_manager_group_id text not null,
  tags jsonb not null,
  -- There is nothing to wait for: a group takes tasks as soon as it is there.
  status text not null default 'Normal' check (status in ('Normal')),
  created_by bigint not null,
  created_at timestamptz not null,
  modified_at timestamptz not null
);
create unique index resource_group_name on resource_group (tenant_id, name);
create unique index resource_group_default on resource_group (tenant_id) where is_default;

create table resource_group_workspace (
  group_id text not null references resource_group (id) on delete cascade,
  workspace_id bigint not null,
  created_at timestamptz not null,
  primary key (group_id, workspace_id)
);
create index resource_group_workspace_workspace on resource_group_workspace (workspace_id);

create table resource_network (
  id bigint generated always as identity primary key,
  group_id text not null references resource_group (id) on delete cascade,
  vpc_id text not null,
  vswitch_id text not null,
  created_by bigint not null,
  created_at timestamptz not null
);
create unique index resource_network_switch on resource_network (group_id, vpc_id, vswitch_id);

create table resource_route (
  id bigint generated always as identity primary key,
  network_id bigint not null references resource_network (id) on delete cascade,
  destination_cidr text not null,
  created_at timestamptz not null
);
create unique index resource_route_destination on resource_route (network_id, destination_cidr);
