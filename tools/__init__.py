"""What nodes call; knows nothing of graph state. Imports from `db`, never from `agent`."""
