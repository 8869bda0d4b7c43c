-- Certificate files of workspaces, and credentials that stand for a user at an engine. Contents and passwords are encrypted.
create table certificate (
  id bigint generated always as identity (start 3001) primary key,
  tenant_id bigint not null,
  workspace_id bigint not null,
  name text not null,
  description text not null,
  -- Base64 of the file, encrypted.
  sealed text not null,
  bytes integer not null,
  -- Read from an X.509 certificate; null for other files, such as key stores.
  subject text,
  fingerprint text,
  valid_from timestamptz,
  expires_at timestamptz,
  created_by bigint not null,
  created_at timestamptz not null
);
create unique index certificate_name on certificate (workspace_id, name);

create table identify_credential (
  id bigint generated always as identity (start 4001) primary key,
  tenant_id bigint not null,
  workspace_id bigint not null,
  user_id text not null,
  user_type text not null check (user_type in ('PrimaryAccount', 'SubAccount', 'Role')),
  engine_type text not null check (engine_type in ('hive', 'lindorm_for_engine', 'starrocks')),
  instance_id text not null,
  instance_name text not null,
  role text not null check (role in ('Admin', 'RegularUser')),
  user_name text not null,
  sealed text not null,
  created_by bigint not null,
  created_at timestamptz not null
);
create unique index identify_credential_user on identify_credential (workspace_id, engine_type, instance_id, user_type, user_id);
