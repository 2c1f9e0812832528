"""Who may do what here: accounts, roles, sessions and passwords.

What is stored of them lies in ``mmcore/store``; this package holds the rules.
"""

from mmcore.people.policy import LoginMode, Policy, policy_of
from mmcore.people.records import (
    LOCAL_READER,
    Account,
    Person,
    Session,
    SessionState,
    Source,
    Visit,
)
from mmcore.people.roles import MATRIX, Action, Role, roles_of
from mmcore.people.service import People, Welcome

__all__ = [
    "LOCAL_READER",
    "MATRIX",
    "Account",
    "Action",
    "LoginMode",
    "People",
    "Person",
    "Policy",
    "Role",
    "Session",
    "SessionState",
    "Source",
    "Visit",
    "Welcome",
    "policy_of",
    "roles_of",
]
