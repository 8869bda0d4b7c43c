-- Event buses, the channels that fill them, and rules whose targets are push subscriptions.

create table event_bus (
  id bigint generated always as identity (start with 1001) primary key,
  tenant_id bigint not null,
  name text not null,
  description text not null,
  enabled boolean not null,
  -- How long and how much its events stay; null for as long as the log keeps them.
  retention_days integer,
  retention_bytes bigint,
  created_by bigint not null,
  created_at timestamptz not null,
  modified_at timestamptz not null
);
create unique index event_bus_name on event_bus (tenant_id, name);

create table event_channel (
  id bigint generated always as identity (start with 1001) primary key,
  tenant_id bigint not null,
  bus_id bigint not null references event_bus,
  workspace_id bigint not null,
  enabled boolean not null,
  created_by bigint not null,
  created_at timestamptz not null,
  modified_at timestamptz not null
);
create unique index event_channel_place on event_channel (bus_id, workspace_id);
create index event_channel_tenant on event_channel (tenant_id, workspace_id);

-- The switch of the module: a row stands where the tenant has turned distribution off.
create table event_distribution_off (
  tenant_id bigint primary key,
  changed_by bigint not null,
  changed_at timestamptz not null
);

create table event_rule (
  id bigint generated always as identity (start with 1001) primary key,
  tenant_id bigint not null,
  bus_id bigint not null references event_bus,
  name text not null,
  description text not null,
  -- As it was written.
  pattern text not null,
  enabled boolean not null,
  created_by bigint not null,
  created_at timestamptz not null,
  modified_at timestamptz not null
);
create unique index event_rule_name on event_rule (bus_id, name);
create index event_rule_tenant on event_rule (tenant_id, id);

-- Each target owns one push subscription, which has its cursor, its tries and its blocked keys.
create table event_target (
  id bigint generated always as identity (start with 1001) primary key,
  tenant_id bigint not null,
  rule_id bigint not null references event_rule on delete cascade,
  subscription_id bigint not null references subscription on delete cascade,
  name text not null,
  enabled boolean not null,
  created_by bigint not null,
  created_at timestamptz not null,
  modified_at timestamptz not null
);
create unique index event_target_name on event_target (rule_id, name);
create unique index event_target_subscription on event_target (subscription_id);

alter table subscription
  -- Workspaces whose events it gets, 0 for events of the tenant as a whole; null for no such narrowing. A rule's target has the channels of its bus here.
  add column scope bigint[],
  -- The bus that its envelopes name.
  add column bus_name text not null default 'default';

-- The replay that a parked event belongs to.
alter table delivery_parked add column replay_id bigint;
