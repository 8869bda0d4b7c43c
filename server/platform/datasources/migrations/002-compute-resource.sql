-- Compute resources: engines on which the code of a workspace runs. They are described as data sources are.
create table compute_resource (
  id bigint generated always as identity (start 2001) primary key,
  tenant_id bigint not null,
  workspace_id bigint not null,
  environment text not null check (environment in ('DEV', 'PROD')),
  name text not null,
  type text not null,
  mode text not null,
  -- As they were sent, but for the secrets, which are masked; the other column has them, encrypted.
  properties json not null,
  sealed text not null,
  description text not null,
  created_by bigint not null,
  modified_by bigint not null,
  created_at timestamptz not null,
  modified_at timestamptz not null
);
create unique index compute_resource_name on compute_resource (workspace_id, environment, name);
