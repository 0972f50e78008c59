from __future__ import annotations

from models_admin.management import models
from workers.jobs.command import JobCommand
from workers.management.actions import ActionsCommand


class Command(ActionsCommand, JobCommand):
    help = "Get a model to begin with. See docs/models.md."
    actions = models
