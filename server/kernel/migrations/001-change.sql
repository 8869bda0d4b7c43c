-- The kernel's own tables: what every change leaves beside its business rows.

create table audit (
  id bigint generated always as identity,
  tenant_id bigint not null,
  user_id bigint not null,
  action text not null,
  request_id text,
  source_address text,
  targets text[] not null,
  at timestamptz not null
) partition by range (at);
create index audit_tenant on audit (tenant_id, at);
create index audit_request on audit (request_id) where request_id is not null;

create table idempotency (
  tenant_id bigint not null,
  user_id bigint not null,
  action text not null,
  token text not null,
  request_hash text not null,
  answer jsonb not null,
  created_at timestamptz not null,
  primary key (tenant_id, user_id, action, token)
);
create index idempotency_age on idempotency (created_at);

create table job (
  id bigint generated always as identity primary key,
  kind text not null,
  key text,
  payload jsonb not null,
  run_at timestamptz not null,
  created_at timestamptz not null,
  attempts integer not null default 0,
  lease_until timestamptz,
  lease_token bigint not null default 0,
  last_error text,
  failed_at timestamptz
);
create unique index job_key on job (kind, key) where key is not null;
create index job_due on job (run_at) where failed_at is null;
