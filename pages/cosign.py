"""Co-sign: the reports of others that ask for a second signature."""

import streamlit as st

from dashboard import cosigning, messages, people, people_words, site
from dashboard.components import cosigning as drawn
from dashboard.components.waiting import error_state
from dashboard.language import t
from mmcore.errors import MMCoreError, PeopleError

if cosigning.has_opened():
    st.switch_page(site.page("report"))
st.subheader(t("Co-sign"))
try:
    if people.is_open():
        st.write(t(drawn.NOBODY))
    else:
        drawn.listing()
except PeopleError as error:
    st.error(t(people_words.of_people_error(error)))
except MMCoreError as error:
    error_state(messages.of_error(error))
