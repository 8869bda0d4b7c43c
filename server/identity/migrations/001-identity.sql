-- Tenants, their users, and what proves who a user is.

create table tenant (
  id bigint generated always as identity (start with 524257424564) primary key,
  name text not null,
  -- The main account. Null only inside the change that makes the tenant.
  owner_id bigint,
  plan text not null default 'Unlimited',
  created_at timestamptz not null
);

-- A deleted user stays as a row, so that what the user did keeps a name.
create table account (
  id bigint generated always as identity (start with 200000000000001) primary key,
  tenant_id bigint not null references tenant,
  name text not null,
  display_name text not null,
  password_hash text,
  tenant_roles text[] not null,
  disabled boolean not null default false,
  created_at timestamptz not null,
  last_login_at timestamptz,
  deleted_at timestamptz
);
create unique index account_name on account (lower(name)) where deleted_at is null;
create index account_tenant on account (tenant_id, id) where deleted_at is null;
alter table tenant add foreign key (owner_id) references account;

-- AccessKeys; a row with `expires_at` and `token_hash` is a temporary credential.
create table access_key (
  id text primary key,
  user_id bigint not null references account,
  secret text not null,
  status text not null default 'Active' check (status in ('Active', 'Inactive')),
  created_at timestamptz not null,
  last_used_at timestamptz,
  token_hash bytea,
  expires_at timestamptz,
  check ((token_hash is null) = (expires_at is null))
);
create index access_key_user on access_key (user_id, created_at);
create index access_key_expiry on access_key (expires_at) where expires_at is not null;

create table session (
  id bigint generated always as identity primary key,
  token_hash bytea not null unique,
  user_id bigint not null references account,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index session_of_user on session (user_id, id);
create index session_expiry on session (expires_at);

-- Wrong passwords in a row by sign-in name. Unknown names are counted like known ones, so that a lock-out tells nothing.
create table sign_in_failure (
  name text primary key,
  failures integer not null,
  last_at timestamptz not null
);
create index sign_in_failure_age on sign_in_failure (last_at);
