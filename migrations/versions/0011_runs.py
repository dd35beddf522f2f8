"""Runs have an identity apart from their thread, and every attempt at a step is a row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("runs", "fix", new_column_name="settled")
    op.add_column("runs", sa.Column("thread", sa.Text))
    op.add_column("runs", sa.Column("parent_run", sa.Text))
    op.add_column("runs", sa.Column("forked_at", sa.Text))
    # Until here the id of a run was that of its thread.
    op.execute("update runs set thread = id")
    op.alter_column("runs", "thread", nullable=False)
    op.create_index("runs_thread_idx", "runs", ["thread"])

    op.add_column("steps", sa.Column("number", sa.Integer))
    op.add_column("steps", sa.Column("outcome", sa.Text))
    op.execute(
        "update steps set number = counted.number,"
        " outcome = case when error is null then 'done' else 'failed' end"
        " from (select seq, row_number() over (partition by run_id order by seq) - 1 as number"
        " from steps) as counted where counted.seq = steps.seq"
    )
    op.alter_column("steps", "number", nullable=False)
    op.alter_column("steps", "outcome", nullable=False)
    # LangGraph's count of retries, of which only the last was kept.
    op.execute("update steps set attempt = 1")
    op.drop_constraint("steps_pkey", "steps")
    op.create_primary_key("steps_pkey", "steps", ["seq"])
    op.create_unique_constraint("steps_task_id_attempt_key", "steps", ["task_id", "attempt"])
    op.drop_index("steps_run_id_seq_idx", "steps")
    op.create_index("steps_run_id_number_idx", "steps", ["run_id", "number"])

    op.create_table(
        "kept_answers",
        sa.Column("task_id", sa.Text, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column(
            "kept_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("task_id", "request", "number"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
    )
    op.create_index("kept_answers_run_id_idx", "kept_answers", ["run_id"])


def downgrade() -> None:
    op.drop_table("kept_answers")
    # One row a task is all that the version before reads.
    op.execute(
        "delete from steps using steps as later"
        " where later.task_id = steps.task_id and later.attempt > steps.attempt"
    )
    op.drop_index("steps_run_id_number_idx", "steps")
    op.create_index("steps_run_id_seq_idx", "steps", ["run_id", "seq"])
    op.drop_constraint("steps_task_id_attempt_key", "steps")
    op.drop_constraint("steps_pkey", "steps")
    op.create_primary_key("steps_pkey", "steps", ["task_id"])
    op.drop_column("steps", "outcome")
    op.drop_column("steps", "number")
    op.drop_index("runs_thread_idx", "runs")
    for column in ("forked_at", "parent_run", "thread"):
        op.drop_column("runs", column)
    op.alter_column("runs", "settled", new_column_name="fix")
