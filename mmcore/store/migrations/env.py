"""Run by Alembic for each upgrade, on the connection and transaction that the store holds."""

from alembic import context

from mmcore.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
