-- What an AccessKey may do through MCP, beside what its user may do at all. Programs that follow a model's words begin with reading.
alter table access_key add column mcp_access text not null default 'Read' check (mcp_access in ('Off', 'Read', 'Write'));
