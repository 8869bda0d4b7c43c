-- How a subscription wants to be delivered, how its target is doing, and what is kept of an event that was given up.

alter table subscription
  -- The wire format: dataworks, structured, binary or batch.
  add column format text not null default 'dataworks' check (format in ('dataworks', 'structured', 'binary', 'batch')),
  add column timeout_ms integer not null default 15000,
  add column concurrency integer not null default 16,
  -- Events a second; null for no limit.
  add column rate double precision,
  add column retry text not null default 'standard' check (retry in ('standard', 'backoff', 'decay')),
  -- A list of {name, value} or {name, sealed}, the latter sealed for `subscription:<id>:header`.
  add column headers jsonb not null default '[]',
  -- The secret before the last rotation, and until when it still signs.
  add column previous_secret text,
  add column previous_until timestamptz,
  -- An event pattern beside `types`, if the subscription has one.
  add column pattern jsonb,
  -- Failing without a success for this long pauses the target.
  add column pause_after_ms bigint not null default 86400000,
  add column paused_at timestamptz,
  add column pause_reason text check (pause_reason in ('failing', 'manual')),
  -- When it was warned that the target will be paused.
  add column warned_at timestamptz,
  add column warned_share integer;

alter table delivery_cursor
  -- Since when tries fail and none succeeds, how many, and what the last one said.
  add column failing_since timestamptz,
  add column failures integer not null default 0,
  add column last_error text;

-- Finding the subscriptions of processes that have ended.
create index delivery_cursor_owner on delivery_cursor (owner) where owner is not null;

-- A dead letter keeps its event, so that it can be sent again after the event has left the log.
alter table delivery_parked
  add column exhausted_at timestamptz,
  add column body jsonb;
create index delivery_parked_dead on delivery_parked (subscription_id, exhausted_at) where state = 'exhausted';

-- The trace that an event belongs to, as its call named it.
alter table event add column traceparent text;
