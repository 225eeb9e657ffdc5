"""The names that authentik gives to every expression, mapping or policy."""

import re
import sys
import unicodedata
from collections import namedtuple
from ipaddress import ip_address, ip_network

from expression_models import FieldError, User

PolicyResult = namedtuple("PolicyResult", ("passing", "messages"))


class PolicyException(Exception):
    """A policy raised."""


class Logger:
    """`ak_logger`: lines on stderr, which the server puts into its own log."""

    def __init__(self, name):
        self.name = name

    def _line(self, event, **values):
        print(f"{self.name}: {event} {values or ''}".rstrip(), file=sys.stderr, flush=True)

    debug = info = warning = error = exception = _line

    def bind(self, **_values):
        return self


class NoRequests:
    """`requests`: the stand-in's expressions make no HTTP calls, and say so rather than answer something else."""

    def __getattr__(self, name):
        raise RuntimeError(f"requests.{name}: expressions of the stand-in authentik make no HTTP calls")


def ak_is_group_member(user, **conditions):
    return user.all_groups().filter(**conditions).exists()


def ak_user_by(**conditions):
    try:
        return User.objects.filter(**conditions).first()
    except FieldError:
        return None


def regex_match(value, regex):
    return re.search(regex, value) is not None


def regex_replace(value, regex, repl):
    return re.sub(regex, repl, value)


def list_flatten(value):
    if isinstance(value, list):
        return value[0] if value else None
    return value


def slugify(value):
    ascii_only = unicodedata.normalize("NFKD", str(value)).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", ascii_only.lower())).strip("-_")


def shared_names(filename, ak_call_policy):
    """Globals for one run; fresh each time, so that no expression sees what another left behind."""
    logger = Logger(filename)

    def ak_create_event(action, **values):
        logger.info(f"event {action}", **values)

    return {
        "ak_call_policy": ak_call_policy,
        "ak_create_event": ak_create_event,
        "ak_is_group_member": ak_is_group_member,
        "ak_logger": logger,
        "ak_user_by": ak_user_by,
        "ip_address": ip_address,
        "ip_network": ip_network,
        "list_flatten": list_flatten,
        "regex_match": regex_match,
        "regex_replace": regex_replace,
        "requests": NoRequests(),
        "slugify": slugify,
    }
