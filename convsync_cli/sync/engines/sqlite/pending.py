"""The lanes of pending jobs: every pair of workspace and priority in use, each found by one seek.

``jobs_due`` orders pending jobs by workspace, priority and time. Who asks lane by lane finds what
is due, or what is not, without passing the other rows (a loose index scan). These are parts of
``WITH RECURSIVE`` clauses; a partial index is used only where its condition stands literally.
"""

GIVEN = "place (workspace) AS (SELECT value FROM json_each(:workspaces))"

EVERYWHERE = """place (workspace) AS (
    SELECT min(workspace) FROM jobs INDEXED BY jobs_due WHERE state = 'pending'
    UNION ALL
    SELECT (SELECT min(workspace) FROM jobs INDEXED BY jobs_due
            WHERE state = 'pending' AND workspace > place.workspace)
    FROM place WHERE workspace IS NOT NULL
)"""

LANES = """lane (workspace, priority) AS (
    SELECT workspace, (SELECT min(priority) FROM jobs INDEXED BY jobs_due
                       WHERE state = 'pending' AND workspace = place.workspace) FROM place
    UNION ALL
    SELECT workspace, (SELECT min(priority) FROM jobs INDEXED BY jobs_due
                       WHERE state = 'pending' AND workspace = lane.workspace
                         AND priority > lane.priority)
    FROM lane WHERE priority IS NOT NULL
)"""
