# What the bearer of a registry token may do: the claim `access` of the registry's token specification
# (https://distribution.github.io/distribution/spec/auth/jwt/).
#
# The answer to each scope that the client asks for is what it wants and its groups grant, and never more.
# Whatever is not understood is left out; nothing that a client sends makes this raise.
#
# authentik runs this text as the body of a function, with `request` and `ak_is_group_member` defined.
import re

# Set by the stack.
PUSH_GROUP = "acl_docker_push"
PULL_GROUP = "acl_docker_pull"

# Longer requests get no access. A client asks for a handful of scopes at once, a build with mounts for dozens.
MAX_SCOPE_TEXT = 65536  # characters
MAX_REPOSITORIES = 100  # keeps the token well below what proxies take as a header
MAX_NAME = 255  # characters, the registry's own limit

# A class as in `repository(plugin)` says what is in the repository, and changes nothing about who may use it.
RESOURCE_TYPE = re.compile(r"repository(\([a-z0-9]{1,64}\))?")
# https://distribution.github.io/distribution/spec/api/ and, before it, an optional host with a port.
HOST = r"[a-zA-Z0-9]+([.-][a-zA-Z0-9]+)*(:[0-9]{1,5})?/"
COMPONENT = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
NAME = re.compile(rf"({HOST})?{COMPONENT}(/{COMPONENT})*")


def requested(text):
    """The wanted actions of each repository, both in the order in which they were asked for."""
    wanted = {}
    if not isinstance(text, str) or len(text) > MAX_SCOPE_TEXT:
        return wanted
    for scope in text.split(" "):
        # The name may hold colons itself (a port), so it is what stands between the first and the last one.
        resource_type, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        if not RESOURCE_TYPE.fullmatch(resource_type) or len(name) > MAX_NAME or not NAME.fullmatch(name):
            continue
        if name not in wanted and len(wanted) >= MAX_REPOSITORIES:
            continue
        wanted.setdefault(name, {}).update(dict.fromkeys(actions.split(",")))
    return wanted


def granted(user):
    """The actions that a user may do in every repository. A deactivated user may do nothing, whatever its groups."""
    if not user.is_active:
        return frozenset()
    if ak_is_group_member(user, name=PUSH_GROUP):
        return frozenset({"pull", "push"})
    if ak_is_group_member(user, name=PULL_GROUP):
        return frozenset({"pull"})
    return frozenset()


allowed = granted(request.user)
access = []
for name, actions in requested(request.http_request.POST.get("scope")).items():
    both = [action for action in actions if action in allowed]
    if both:
        access.append({"type": "repository", "name": name, "actions": both})
return {"access": access}
