"""Entrypoint: what happens on every page, then the page, then the warm-up of the model.

Nothing heavy is imported on this path; the model loads in the background once the first page has
been drawn, because a warm-up started earlier delays it.
"""

import streamlit as st

from dashboard import messages, services, site, theme
from dashboard.components import frame
from dashboard.components.waiting import error_state
from mmcore.errors import ConfigError


def main() -> None:
    """Draw the frame and the page in it."""
    st.set_page_config(page_title="Consilium", page_icon="◐", layout="wide")
    theme.apply()
    try:
        site.reading_mode()
        site.language()
    except ConfigError as error:
        error_state(messages.of_error(error))
        return
    pages = site.pages()
    page = st.navigation(pages, position="hidden")
    frame.header(pages)
    frame.banner()
    pack = services.pack()  # asked now: after a page has stopped, nothing of Streamlit answers
    try:
        page.run()
    finally:  # a page may stop early, and then the model is warmed up all the same
        services.warm_up(pack)


if __name__ == "__main__":
    main()
