"""Entrypoint: what happens on every page, then the page, then the warm-up of the model.

Nothing heavy is imported on this path; the model loads in the background once the first page has
been drawn, because a warm-up started earlier delays it.
"""

import streamlit as st

from dashboard import services, site, theme
from dashboard.components import frame


def main() -> None:
    """Draw the frame and the page in it."""
    st.set_page_config(page_title="Consilium", page_icon="◐", layout="wide")
    theme.apply()
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
