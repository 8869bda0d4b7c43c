-- The event log. See docs/decisions/0003-position-of-an-event.md for `position`.

create table event (
  position bigint not null,
  id bigint generated always as identity,
  event_id uuid not null,
  tenant_id bigint not null,
  workspace_id bigint,
  code text not null,
  type text not null,
  object_key text not null,
  data jsonb not null,
  occurred_at timestamptz not null,
  actor_id bigint not null,
  request_id text
) partition by range (occurred_at);
-- The order in which everybody reads.
create index event_order on event (position, id);
create index event_event_id on event (event_id);
