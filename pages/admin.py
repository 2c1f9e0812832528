"""Admin: people and their roles, figures of use, the audit, and what the site has set."""

import streamlit as st

from dashboard import messages, people, people_words
from dashboard.components import admin, settling
from dashboard.components.waiting import error_state
from dashboard.language import say, t
from dashboard.people import Action
from mmcore.errors import MMCoreError, PeopleError

PANELS = {
    say("People"): (Action.MANAGE_PEOPLE, admin.accounts_panel),
    say("Use"): (Action.SEE_FIGURES, admin.use_panel),
    say("Audit"): (Action.SEE_AUDIT, admin.audit_panel),
    say("Site"): (Action.MANAGE_SITE, settling.panel),
}

st.subheader(t("Admin"))
shown = {title: draw for title, (action, draw) in PANELS.items() if people.may(action)}
for tab, draw in zip(st.tabs([t(title) for title in shown]), shown.values(), strict=True):
    with tab:
        try:
            draw()
        except PeopleError as error:
            st.error(t(people_words.of_people_error(error)))
        except MMCoreError as error:
            error_state(messages.of_error(error))
