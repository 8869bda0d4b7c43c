-- Who gives an output and who takes it is asked across the workspaces of a tenant.
create index node_output_name on node_output (output);
create index node_input_name on node_input (input);
