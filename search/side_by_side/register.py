"""What the registry's pages and its gate learn from here."""

from __future__ import annotations

from models_admin.hooks import panel_register, verdict_register, viewer_panel_register
from search.evaluation.gate import evaluation_verdict
from search.evaluation.tables import cost_panel, good_at_panel
from search.side_by_side.credit import credit_panel, credit_verdict
from search.side_by_side.preferences import preferences_verdict
from search.side_by_side.shadow import shadow_panel, shadow_start_due, shadow_verdict
from workers.jobs.daily import job_scheduled


def evidence_register() -> None:
    """Show on a version's page what it is good at and costs, and let what people say and do count at the gate."""
    viewer_panel_register(good_at_panel)
    for panel in (cost_panel, shadow_panel, credit_panel):
        panel_register(panel)
    for verdict in (evaluation_verdict, preferences_verdict, credit_verdict, shadow_verdict):
        verdict_register(verdict)
    job_scheduled(shadow_start_due)
