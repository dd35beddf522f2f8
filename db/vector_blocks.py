"""All vectors of an encoder, from every server, block by block."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Engine

from geofix.db.partition import partition_of
from geofix.db.servers import server_errors, servers_of
from geofix.db.vector_stream import Block, stream_vectors


def every_block(engine: Engine, encoder: str) -> Iterator[Block]:
    """Give all vectors there are.

    Args:
        engine: To the server with the photos.
        encoder: Whose vectors.

    Raises:
        ShardError: A shard does not answer.
    """
    with engine.connect() as connection:
        servers = servers_of(engine, connection)
    for server in servers:
        with server_errors(server), server.engine.connect() as there:
            partition = partition_of(there, encoder)
            if partition is not None:
                yield from stream_vectors(there, partition)
