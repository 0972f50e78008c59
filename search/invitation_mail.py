"""The message that invites somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.mail import EmailMessage, get_connection
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

if TYPE_CHECKING:
    from retrieval_site.config import Config
    from search.models import Invitation

SECONDS = 10
"""How long the mail server is waited for, by whoever invites."""


def invitation_send(invitation: Invitation, key: str, config: Config) -> None:
    """Send the message with the link, in the language that was chosen; raises OSError or ValueError where it fails."""
    with translation.override(invitation.language):
        words = {
            "invitation": invitation,
            "roles": invitation.roles.select_related("collection").order_by("collection__name"),
            "site": config.site_url,
            "link": f"{config.site_url}{reverse('search:invitation-link')}?key={key}",
        }
        EmailMessage(
            subject=gettext("You are invited to {site}").format(site=config.site_name),
            body=render_to_string("search/mail/invitation.txt", words),
            to=[invitation.email],
            headers={"Auto-Submitted": "auto-generated"},
            connection=get_connection(timeout=SECONDS),
        ).send()
