-- Versions and review of extensions, the safety of attachments, direct invocation, and approvals.

alter table extension
  add column version integer not null default 1,
  -- EVENT: the program follows the events and calls back. HTTP, FUNCTION: the answer to a POST is the verdict. RULE: an expression evaluated here.
  add column invocation text not null default 'EVENT' check (invocation in ('EVENT', 'HTTP', 'FUNCTION', 'RULE')),
  -- The address of HTTP and FUNCTION, the expression of RULE.
  add column target text not null default '',
  add column require_token boolean not null default false,
  add column submitted_by bigint;

-- A version that is being made while an earlier one is in force.
create table extension_draft (
  extension_id bigint primary key references extension,
  number integer not null,
  status smallint not null check (status in (0, 4, 5, 6)),
  registration jsonb not null,
  submitted_by bigint,
  modified_by bigint not null,
  modified_at timestamptz not null
);

-- What has been in force, to go back to.
create table extension_version (
  extension_id bigint not null references extension,
  number integer not null,
  registration jsonb not null,
  published_by bigint not null,
  published_at timestamptz not null,
  primary key (extension_id, number)
);

-- One row where a tenant has decided; without one no review is needed.
create table extension_review (
  tenant_id bigint primary key,
  required boolean not null,
  changed_by bigint not null,
  changed_at timestamptz not null
);

alter table extension_attachment
  add column mode text not null default 'ENFORCE' check (mode in ('SHADOW', 'WARN', 'ENFORCE')),
  -- Null: as the extension was registered.
  add column deadline_seconds integer,
  add column deadline_outcome text check (deadline_outcome in ('OK', 'WARN', 'FAIL', 'ASK')),
  -- Null: as at the deadline.
  add column failure_outcome text check (failure_outcome in ('OK', 'WARN', 'FAIL', 'ASK')),
  add column release_outcome text not null default 'OK' check (release_outcome in ('OK', 'WARN', 'FAIL', 'ASK')),
  add column pattern jsonb,
  -- 0: no breaker.
  add column breaker_failures integer not null default 5,
  add column breaker_seconds integer not null default 60;

-- Apart from the attachment, so that counting a failure never waits for whoever changes or removes the attachment.
create table extension_breaker (
  extension_id bigint not null references extension,
  workspace_id bigint,
  state text not null check (state in ('CLOSED', 'OPEN', 'HALF_OPEN')),
  failures integer not null,
  opened_at timestamptz,
  -- From then on one operation is sent to try the extension again.
  retry_at timestamptz,
  check ((state = 'CLOSED') = (retry_at is null))
);
create unique index extension_breaker_place on extension_breaker (extension_id, workspace_id) nulls not distinct;

alter table hold
  -- Only shadow extensions matched: the operation went on at once, and the answers are recorded.
  add column shadow boolean not null default false,
  drop constraint hold_status_check,
  add constraint hold_status_check check (status in ('CHECKING', 'APPROVING', 'PASSED', 'BLOCKED', 'CANCELED')),
  drop constraint hold_check,
  add constraint hold_closed_check check ((status in ('CHECKING', 'APPROVING')) = (closed_at is null));

alter table hold_check
  add column mode text not null default 'ENFORCE' check (mode in ('SHADOW', 'WARN', 'ENFORCE')),
  add column version integer not null default 1,
  add column failure_outcome text not null default 'FAIL' check (failure_outcome in ('OK', 'WARN', 'FAIL', 'ASK')),
  add column release_outcome text not null default 'OK' check (release_outcome in ('OK', 'WARN', 'FAIL', 'ASK')),
  add column findings jsonb not null default '[]',
  add column invocation text not null default 'EVENT' check (invocation in ('EVENT', 'HTTP', 'FUNCTION', 'RULE')),
  add column target text not null default '',
  -- When the server asks next; null: it does not, the extension answers by itself.
  add column ask_at timestamptz,
  add column attempts integer not null default 0,
  add column last_error text not null default '',
  add column contacted_at timestamptz,
  -- SHA-256 of the token that the answer has to bring; null: none is wanted.
  add column token_hash text,
  drop constraint hold_check_state_check,
  add constraint hold_check_state_check check (state in ('WAITING', 'ANSWERED', 'EXPIRED', 'FAILED', 'SKIPPED', 'OVERRIDDEN', 'RELEASED')),
  drop constraint hold_check_result_check,
  add constraint hold_check_result_check check (result in ('OK', 'WARN', 'FAIL', 'ASK')),
  drop constraint hold_check_deadline_outcome_check,
  add constraint hold_check_deadline_outcome_check check (deadline_outcome in ('OK', 'WARN', 'FAIL', 'ASK'));
create index hold_check_ask on hold_check (ask_at) where state = 'WAITING' and ask_at is not null;
create index hold_check_extension on hold_check (extension_id, hold_id);

-- A person decides: a policy asks for it on WARN, or an attachment where its extension gave no answer.
create table hold_approval (
  hold_id bigint primary key references hold,
  -- WARN or ASK.
  cause text not null check (cause in ('WARN', 'ASK')),
  policy text not null,
  -- [{ type: ROLE | MEMBER | ACCOUNT, values: [...] }], one after the other.
  steps jsonb not null,
  step integer not null,
  state text not null check (state in ('PENDING', 'APPROVED', 'REJECTED', 'EXPIRED', 'CANCELED')),
  created_at timestamptz not null,
  deadline_at timestamptz not null,
  decided_at timestamptz
);

create table hold_approval_decision (
  hold_id bigint not null references hold_approval,
  step integer not null,
  user_id bigint not null,
  approved boolean not null,
  comment text not null,
  at timestamptz not null,
  primary key (hold_id, step)
);

create table extension_approval_policy (
  id bigint generated always as identity primary key,
  tenant_id bigint not null,
  name text not null,
  -- Null: all workspaces, and the tenant level.
  workspaces bigint[],
  -- Codes; null: all extensions.
  extensions text[],
  steps jsonb not null,
  deadline_seconds integer not null,
  created_by bigint not null,
  created_at timestamptz not null
);
create unique index extension_approval_policy_name on extension_approval_policy (tenant_id, name);

-- Callbacks that were refused, in the tenant whose operation they were about, or else in the caller's.
create table refused_callback (
  id bigint generated always as identity primary key,
  tenant_id bigint not null,
  message_id text not null,
  extension_code text not null,
  action text not null,
  result text not null,
  reason text not null,
  caller_tenant_id bigint not null,
  user_id bigint not null,
  source_address text not null,
  at timestamptz not null
);
create index refused_callback_list on refused_callback (tenant_id, id);
