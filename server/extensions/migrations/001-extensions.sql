-- The third door: who decides (extension), where (extension_attachment), and what waits for a decision (hold, hold_check).

create table extension (
  id bigint generated always as identity primary key,
  tenant_id bigint not null,
  code text not null,
  name text not null,
  description text not null,
  owner_id bigint not null,
  -- 0 Testing, 1 Published, 3 Disabled, 4 Processing, 5 Approved, 6 Approve Failed; the wire's numbers.
  status smallint not null check (status in (0, 1, 3, 4, 5, 6)),
  events text[] not null,
  project_testing bigint,
  detail_url text not null,
  help_doc_url text not null,
  parameter_setting text not null,
  option_setting text not null,
  deadline_seconds integer not null,
  deadline_outcome text not null check (deadline_outcome in ('OK', 'WARN', 'FAIL')),
  created_by bigint not null,
  created_at timestamptz not null,
  modified_by bigint not null,
  modified_at timestamptz not null,
  -- A deleted extension stays readable in the checks that it had.
  deleted_at timestamptz
);
create unique index extension_code on extension (tenant_id, code) where deleted_at is null;

create table extension_attachment (
  extension_id bigint not null references extension,
  -- Null: the tenant-level points.
  workspace_id bigint,
  option_value jsonb,
  enabled_by bigint not null,
  enabled_at timestamptz not null
);
create unique index extension_attachment_place on extension_attachment (extension_id, workspace_id) nulls not distinct;
create index extension_attachment_workspace on extension_attachment (workspace_id);

-- The id is drawn before the row is written, since the event that comes with the hold names it.
create sequence hold_id as bigint;

create table hold (
  id bigint primary key,
  process_id text not null generated always as ('job_' || id::text) stored,
  tenant_id bigint not null,
  workspace_id bigint,
  point text not null,
  title text not null,
  operator_id bigint not null,
  message_id text not null unique,
  object_key text not null,
  payload jsonb not null,
  snapshot jsonb not null,
  snapshot_hash text not null,
  args jsonb not null,
  status text not null check (status in ('CHECKING', 'PASSED', 'BLOCKED', 'CANCELED')),
  verdict text check (verdict in ('OK', 'WARN', 'FAIL')),
  tip text not null default '',
  created_at timestamptz not null,
  deadline_at timestamptz not null,
  closed_at timestamptz,
  -- When the operation was carried out or given up after the checks. DONE: as the verdict said. FAILED: it passed, but could not be carried out.
  resumed_at timestamptz,
  resume_status text check (resume_status in ('DONE', 'FAILED')),
  resume_message text not null default '',
  check ((status = 'CHECKING') = (closed_at is null)),
  check ((resumed_at is null) = (resume_status is null))
);
alter sequence hold_id owned by hold.id;
create index hold_list on hold (tenant_id, point, id);
create index hold_workspace on hold (workspace_id, id) where workspace_id is not null;

create table hold_check (
  hold_id bigint not null references hold,
  extension_id bigint not null references extension,
  state text not null check (state in ('WAITING', 'ANSWERED', 'EXPIRED', 'OVERRIDDEN', 'RELEASED')),
  -- Null while waiting, and for a check that was released because the hold was decided without it.
  result text check (result in ('OK', 'WARN', 'FAIL')),
  tip text not null default '',
  reason text not null default '',
  decided_by bigint,
  answered_at timestamptz,
  deadline_at timestamptz not null,
  deadline_outcome text not null check (deadline_outcome in ('OK', 'WARN', 'FAIL')),
  primary key (hold_id, extension_id),
  check (state <> 'WAITING' or result is null)
);
create index hold_check_waiting on hold_check (extension_id) where state = 'WAITING';
