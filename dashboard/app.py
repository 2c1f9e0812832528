"""Entrypoint: what happens on every page, then the page, then the warm-up of the model.

Nothing heavy is imported on this path; the model loads in the background once the first page has
been drawn, because a warm-up started earlier delays it.

``streamlit run`` imports this file once for the server, where ``app`` is looked for, and then runs
it as a script for every page.
"""

import streamlit as st


def main() -> None:
    """Draw the frame and the page in it."""
    # Imported for a page, not for the server: Streamlit's caches want to be made while it runs.
    from dashboard import (
        background,
        desks,
        keeping,
        messages,
        people,
        resuming,
        services,
        site,
        state,
        theme,
        worklist,
    )
    from dashboard.components import account, frame, stored
    from dashboard.components.waiting import error_state
    from mmcore.errors import ConfigError, StoreError
    from mmcore.people import SessionState

    st.set_page_config(page_title="Consilium", page_icon=str(theme.ICON), layout="wide")
    theme.apply()
    try:
        site.reading_mode()
        site.language()
        keeping.store()
        kind, somebody = people.arrive()
    except (ConfigError, StoreError) as error:
        error_state(messages.of_error(error))
        return
    if kind is SessionState.OVER:
        account.over()
        return
    page = st.navigation(site.pages(people.may), position="hidden")
    if kind is SessionState.LOCKED and somebody is not None:
        account.locked(somebody)
        return
    current = state.session()
    desks.save_changes(current)  # what the page's widgets have just entered
    resuming.follow_address()
    if page.title == site.page("worklist").title and worklist.has_nothing_yet():
        st.switch_page(site.page("intake"))
    frame.header(site.header_pages(people.may))
    frame.banner()
    account.keep_watch()
    stored.warnings()
    resuming.show_address()
    pack = services.pack()  # asked now: after a page has stopped, nothing of Streamlit answers
    try:
        if not stored.is_on_its_way():
            page.run()
    finally:  # a page may stop early, and then this is done all the same
        desks.save_changes(current)
        services.warm_up(pack)
        background.start()


if __name__ == "__main__":
    main()
else:
    from starlette.middleware import Middleware

    from dashboard import background, front_page, people_doors, people_forms, people_start
    from dashboard.serving import Guard

    people_start.announce()
    layers = [Middleware(Guard), Middleware(people_doors.Doors)]
    routes = [*people_forms.routes(), *front_page.routes()]
    app = st.App(__file__, lifespan=background.running, routes=routes, middleware=layers)
