"""The words for who may not come in, may not do something, or has to sign in once more."""

from dashboard.language import Text, say
from mmcore import errors
from mmcore.people import Role

ROLES: dict[Role, Text] = {
    Role.READER: say("Reader"),
    Role.REVIEWER: say("Reviewer"),
    Role.ADMIN: say("Administrator"),
}
ROLES_MORE: dict[Role, Text] = {
    Role.READER: say("opens cases, reads them, signs their own reports"),
    Role.REVIEWER: say("also sees what others recorded, co-signs, assigns, exports and removes"),
    Role.ADMIN: say("keeps accounts and the audit; sees no patient unless also a reader"),
}
NOBODY_SIGNS_IN = say("Nobody signs in here: all is recorded as the local reader's.")

_REFUSED = {
    "wrong": say("Name or password is wrong."),
    "disabled": say("This account is disabled. Ask an admin of this site."),
    "no role": say("This account has no role here yet. Ask an admin of this site."),
    "over": say("Your session is over. Sign in again; what you entered is kept."),
}
_PASSWORD = {
    "short": say("The new password needs at least 12 characters. A few words do well."),
    "long": say("The new password is longer than 256 characters."),
    "common": say("The new password is easily guessed. Take a few words that others would not."),
    "same": say("The new password is the old one."),
    "different": say("The two new passwords differ."),
}
_ACCOUNT = {
    "name": say("A name for signing in has letters, digits and . _ + - @ only, and no spaces."),
    "long": say("A name has at most 100 characters."),
    "taken": say("Somebody has this name for signing in already."),
    "unknown": say("There is no such account, or no longer."),
    "provider": say("The groups of the identity provider say the roles of this person."),
    "last admin": say("One admin must be left who can sign in."),
}


def of_people_error(error: errors.PeopleError) -> Text:
    """Return why somebody may not come in, or may not do something."""
    match error:
        case errors.SignInRefusedError(reason="wait", seconds=seconds):
            return say("Too many attempts failed. Try again in {n} seconds.", n=seconds)
        case errors.SignInRefusedError(reason=reason):
            return _REFUSED.get(reason, _REFUSED["wrong"])
        case errors.PasswordRefusedError(reason=reason):
            return _PASSWORD[reason]
        case errors.AccountError(reason=reason):
            return _ACCOUNT[reason]
        case _:
            return say(
                "You may not do that here, or your session is over. Nothing was changed; ask an "
                "admin if you need it."
            )


def of_groups() -> Text:
    """Return what is said of roles that nobody sets here."""
    return _ACCOUNT["provider"]


def of_code_refused() -> Text:
    """Return what is said of a setup code that is another one."""
    return say("The code is wrong. It stands on the console of the server, and changes at start.")
