-- Push subscriptions, and how far each of them is.

create table subscription (
  id bigint generated always as identity (start with 1001) primary key,
  tenant_id bigint not null,
  workspace_id bigint,
  name text not null,
  url text not null,
  -- CloudEvents types; empty means all.
  types text[] not null,
  -- Sealed for the purpose `subscription:<id>`.
  secret text not null,
  enabled boolean not null,
  -- Grows with every change, so that whoever delivers notices.
  version bigint not null default 1,
  created_by bigint not null,
  created_at timestamptz not null,
  modified_at timestamptz not null
);
create unique index subscription_name on subscription (tenant_id, name);

-- Apart from the subscription, since it changes all the time. Everything up to the cursor is delivered or parked.
create table delivery_cursor (
  subscription_id bigint primary key references subscription on delete cascade,
  position bigint not null,
  row_id bigint not null,
  owner text,
  lease_until timestamptz,
  -- Grows with every owner; an owner of an earlier epoch can no longer write.
  epoch bigint not null default 0,
  delivered_at timestamptz
);

-- Events that did not arrive at the first try, and those of the same object that wait behind them.
create table delivery_parked (
  subscription_id bigint not null references subscription on delete cascade,
  event_id uuid not null,
  position bigint not null,
  row_id bigint not null,
  object_key text not null,
  type text not null,
  occurred_at timestamptz not null,
  state text not null check (state in ('blocked', 'behind', 'replay', 'exhausted', 'skipped')),
  attempts integer not null,
  next_at timestamptz,
  parked_at timestamptz not null,
  last_error text,
  primary key (subscription_id, event_id)
);
create index delivery_parked_order on delivery_parked (subscription_id, position, row_id);

-- One row a try.
create table delivery_attempt (
  id bigint generated always as identity,
  subscription_id bigint not null,
  event_id uuid not null,
  type text not null,
  object_key text not null,
  number integer not null,
  outcome text not null check (outcome in ('succeeded', 'failed', 'skipped')),
  stage text,
  http_status integer,
  message text,
  excerpt text,
  started_at timestamptz not null,
  duration_ms integer not null,
  next_at timestamptz
) partition by range (started_at);
create index delivery_attempt_subscription on delivery_attempt (subscription_id, started_at);
create index delivery_attempt_event on delivery_attempt (event_id);
