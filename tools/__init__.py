"""The tools that nodes call. They know no graph state, and import from `db`, never from `agent`."""
