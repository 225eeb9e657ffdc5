"""Runs the expressions of the stand-in authentik: one JSON request per line on stdin, one JSON answer on stdout.

An expression is the body of a function, as in authentik: it may `return` at its top level and import what it likes.
The names it sees are those that authentik gives to scope mappings and to expression policies. authentik's models are
backed by the rows that come with the request.

Nothing here is a sandbox: who may write expressions may run code, in authentik as here.
"""

import json
import os
import sys
import textwrap
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace

import jwt  # noqa: F401 - for the expressions: where it is missing, say so at the start, not in the first exchange
from expression_http import HttpRequest
from expression_models import MODELS, AccessToken, Application, Group, OAuth2Provider, OAuthSource, User, load_rows
from expression_names import PolicyException, PolicyResult, shared_names

HANDLER = "handler"


def wrapped(expression, names):
    """The expression as a function of `names`, followed by its call."""
    signature = ",".join(names)
    return f"def {HANDLER}({signature}):\n{textwrap.indent(expression, '    ')}\nresult = {HANDLER}({signature})"


def run(expression, names, filename):
    """The value that the expression returns, called with `names`; whatever it raises passes through."""
    variables = dict(names)
    code = compile(wrapped(expression, names), filename, "exec")
    exec(code, shared_names(filename, call_policy(names)), variables)  # noqa: S102 - it is what this file is for
    return variables["result"]


def call_policy(names):
    """`ak_call_policy` for an expression that sees `names`."""

    def ak_call_policy(name, **context):
        policy = MODELS["policies"].objects.filter(name=name).first()
        if policy is None:
            raise ValueError(f"Policy '{name}' not found.")
        request = names["request"]
        request.context.update(context)
        return run_policy(policy.expression, request, name)

    return ak_call_policy


def run_policy(expression, request, name):
    """A policy's result: it passes where the expression returns something true."""
    messages = []
    names = {
        "ak_message": messages.append,
        "ak_is_sso_flow": False,
        "ak_client_ip": request.http_request.client_ip,
        "http_request": request.http_request,
        "request": request,
        "context": request.context,
    }
    try:
        result = run(expression, names, name)
    except Exception as error:
        raise PolicyException(f"{type(error).__name__}: {error}") from error
    return PolicyResult(bool(result), tuple(str(message) for message in messages))


def answer_check(message):
    """Whether the expression compiles."""
    try:
        compile(wrapped(message["expression"], []), "expression", "exec")
    except (SyntaxError, ValueError) as error:
        return {"error": str(error)}
    return {}


def answer_policy(message):
    """Runs a policy for an application."""
    load_rows(message["rows"])
    context = dict(message["context"])
    context["oauth_scopes"] = set(context["oauth_scopes"])
    request = SimpleNamespace(
        user=user_of(message),
        http_request=HttpRequest(message["request"]),
        obj=Application.objects.get(pk=message["application"]),
        context=context,
        debug=False,
    )
    result = run_policy(message["expression"], request, message["name"])
    return {"passing": result.passing, "messages": result.messages}


def answer_mapping(message):
    """Runs a scope mapping for a user and a provider."""
    load_rows(message["rows"])
    user = user_of(message)
    http_request = HttpRequest(message["request"])
    provider = OAuth2Provider.objects.get(pk=message["provider"])
    expires = datetime.fromtimestamp(message["expires"], UTC)
    token = SimpleNamespace(user=user, provider=provider, scope=message["scope"], expires=expires)
    context = {"provider": provider, "token": token}
    request = SimpleNamespace(
        user=user,
        http_request=http_request,
        obj=SimpleNamespace(name=message["name"], expression=message["expression"]),
        context=context,
        debug=False,
    )
    names = {"user": user, "request": request, "http_request": http_request, **context}
    claims = run(message["expression"], names, message["name"])
    if not isinstance(claims, dict):
        raise TypeError(f"the mapping must return a dict, it returned {type(claims).__name__}")
    return {"claims": claims, "saved": User.saved}


def user_of(message):
    """The user of the request; without one authentik's anonymous user."""
    pk = message["user"]
    return User.anonymous() if pk is None else User.objects.get(pk=pk)


ANSWERS = {"check": answer_check, "policy": answer_policy, "mapping": answer_mapping}


def answer(message):
    """Answers one request; what an expression raises is part of the answer."""
    try:
        return {**ANSWERS[message["do"]](message), "id": message["id"]}
    except BaseException as error:  # noqa: BLE001 - an expression may call exit()
        return {"id": message["id"], "error": f"{type(error).__name__}: {error}"}


def provide_modules():
    """Makes `from authentik.core.models import Group` and the like work inside expressions."""
    provided = {
        "authentik": {},
        "authentik.core": {},
        "authentik.core.models": {"Group": Group, "User": User, "Application": Application},
        "authentik.sources": {},
        "authentik.sources.oauth": {},
        "authentik.sources.oauth.models": {"OAuthSource": OAuthSource},
        "authentik.providers": {},
        "authentik.providers.oauth2": {},
        "authentik.providers.oauth2.models": {"AccessToken": AccessToken, "OAuth2Provider": OAuth2Provider},
    }
    for name, contents in provided.items():
        module = ModuleType(name, "stand-in authentik")
        module.__dict__.update(contents)
        sys.modules[name] = module


def main():
    # An expression that prints or reads must not meet the protocol: it gets stderr and an empty stdin instead.
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    provide_modules()
    for line in requests:
        reply = answer(json.loads(line))
        try:
            text = json.dumps(reply, allow_nan=False)
        except (TypeError, ValueError) as error:
            text = json.dumps({"id": reply["id"], "error": f"not JSON: {error}"})
        answers.write(text + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
