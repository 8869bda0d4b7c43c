-- Deadlines: what is expected, by when, and what waits for it.

create table event_deadline (
  id bigint generated always as identity (start with 1001) primary key,
  tenant_id bigint not null,
  workspace_id bigint,
  name text not null,
  kind text not null check (kind in ('daily', 'after')),
  pattern text not null,
  trigger_pattern text,
  due_time text,
  window_start text,
  time_zone text not null,
  within_minutes integer,
  correlation text,
  enabled boolean not null,
  -- Events up to this place do not count.
  since_position bigint not null,
  since_row_id bigint not null,
  -- Of a daily one: the window that is open, and whether what is expected has happened in it.
  window_from timestamptz,
  due_at timestamptz,
  satisfied boolean not null default false,
  last_missed_at timestamptz,
  created_by bigint not null,
  created_at timestamptz not null,
  modified_at timestamptz not null
);
create unique index event_deadline_name on event_deadline (tenant_id, name);

-- After each trigger: until when something is expected.
create table event_deadline_wait (
  deadline_id bigint not null references event_deadline on delete cascade,
  trigger_event_id uuid not null,
  correlation text,
  triggered_at timestamptz not null,
  due_at timestamptz not null,
  primary key (deadline_id, trigger_event_id)
);
create index event_deadline_wait_due on event_deadline_wait (due_at);

-- How far the log was read for the deadlines of a tenant.
create table event_deadline_reader (
  tenant_id bigint primary key,
  position bigint not null,
  row_id bigint not null
);
