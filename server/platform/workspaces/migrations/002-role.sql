-- Roles that a workspace has beside the built-in ones.
create table workspace_role (
  id bigint generated always as identity (start with 1001) primary key,
  workspace_id bigint not null references workspace (id),
  code text not null generated always as ('role_custom_' || id) stored,
  name text not null,
  -- [{ "module": <number>, "permission": "Write" | "Read" | "NotSet" }]
  permissions jsonb not null,
  created_at timestamptz not null,
  modified_at timestamptz not null
);
create unique index workspace_role_code on workspace_role (workspace_id, code);
create unique index workspace_role_name on workspace_role (workspace_id, lower(name));
