-- Replays: events of a time range once more for one subscription.

create table event_replay (
  id bigint generated always as identity (start with 1001) primary key,
  tenant_id bigint not null,
  subscription_id bigint not null references subscription on delete cascade,
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  pattern text,
  -- Events a second.
  rate integer not null,
  state text not null check (state in ('running', 'delivering', 'succeeded', 'canceled')),
  -- Counted when it was created.
  total bigint not null,
  queued bigint not null default 0,
  -- Up to where the log was looked through; it ends at what was there when the replay was created.
  position bigint not null default 0,
  row_id bigint not null default 0,
  end_position bigint not null,
  end_row_id bigint not null,
  created_by bigint not null,
  created_at timestamptz not null,
  finished_at timestamptz
);
create index event_replay_tenant on event_replay (tenant_id, id);
create index event_replay_subscription on event_replay (subscription_id);
create index delivery_parked_replay on delivery_parked (replay_id) where replay_id is not null;

alter table event_bus
  -- Events before this are beyond what the bus keeps by its size.
  add column size_horizon timestamptz;
