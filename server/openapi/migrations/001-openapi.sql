-- The gateway's tables: nonces of writes, the call log, and the calls counted for quotas.

-- Written with synchronous_commit off: the write that follows commits later in the WAL, so a nonce is never less durable than its write.
create table nonce (
  access_key_id text not null,
  nonce text not null,
  expires_at timestamptz not null,
  primary key (access_key_id, nonce)
);
create index nonce_expiry on nonce (expires_at);

create table call_log (
  at timestamptz not null,
  tenant_id bigint not null,
  region text not null,
  user_id bigint not null,
  user_name text not null,
  access_key_id text not null,
  product text not null,
  version text not null,
  action text not null,
  access text not null,
  status smallint not null,
  code text not null,
  message text not null,
  duration_us integer not null,
  request_id text not null,
  source_address text not null,
  parameters text not null,
  counted boolean not null
) partition by range (at);
create index call_log_tenant on call_log (tenant_id, at desc);
create index call_log_request on call_log (request_id);

-- Sums of call_log for quotas, moved in the transaction that writes the rows. `counted` follows the plan's rule for failed calls.
create table call_count (
  tenant_id bigint not null,
  region text not null,
  day date not null,
  calls bigint not null,
  counted bigint not null,
  primary key (tenant_id, region, day)
);
