"""authentik's models as expressions query them, backed by the rows that come with each request.

Querying is Django's: `objects.filter(name=..., attributes__team="a", oidc_jwks__keys__contains=[{"kid": kid}])`.
"""

OPERATORS = ("exact", "iexact", "contains", "icontains", "in", "startswith", "endswith", "isnull")


class FieldError(Exception):
    """A query names a field that the model does not have."""


class Row:
    """A stored object; its columns are its attributes."""

    def __init__(self, columns):
        self.__dict__.update(columns)

    @property
    def id(self):
        return self.pk

    def __eq__(self, other):
        return type(self) is type(other) and self.pk == other.pk

    def __hash__(self):
        return hash((type(self).__name__, self.pk))


class QuerySet(list):
    """The rows that a query found."""

    def __init__(self, rows, model):
        super().__init__(rows)
        self.model = model

    def all(self):
        return self

    def filter(self, **conditions):
        return QuerySet([row for row in self if matches(row, conditions)], self.model)

    def exclude(self, **conditions):
        return QuerySet([row for row in self if not matches(row, conditions)], self.model)

    def first(self):
        return self[0] if self else None

    def exists(self):
        return bool(self)

    def count(self):
        return len(self)

    def get(self, **conditions):
        found = self.filter(**conditions)
        if not found:
            raise self.model.DoesNotExist(f"{self.model.__name__} matching query does not exist.")
        if len(found) > 1:
            raise self.model.MultipleObjectsReturned(f"get() returned more than one {self.model.__name__}")
        return found[0]

    def values_list(self, name, flat=True):
        return [getattr(row, name) for row in self]


class Manager:
    """`Model.objects`."""

    def __init__(self, model):
        self.model = model
        self.rows = []

    def all(self):
        return QuerySet(self.rows, self.model)

    def filter(self, **conditions):
        return self.all().filter(**conditions)

    def exclude(self, **conditions):
        return self.all().exclude(**conditions)

    def get(self, **conditions):
        return self.all().get(**conditions)

    def first(self):
        return self.all().first()

    def exists(self):
        return bool(self.rows)

    def count(self):
        return len(self.rows)


def model(cls):
    """Gives a class what every Django model has."""
    cls.objects = Manager(cls)
    cls.DoesNotExist = type("DoesNotExist", (Exception,), {})
    cls.MultipleObjectsReturned = type("MultipleObjectsReturned", (Exception,), {})
    return cls


@model
class Group(Row):
    @property
    def users(self):
        return User.objects.filter(group_pks__contains=[self.pk])


@model
class User(Row):
    is_authenticated = True
    is_anonymous = False
    saved = []  # what an expression has saved, for the server to keep

    def save(self, **_options):
        """Keeps changed attributes; no expression changes a user's other columns."""
        User.saved.append({"pk": self.pk, "attributes": self.attributes})

    @classmethod
    def anonymous(cls):
        """The user as whom policies run before a CI user exists."""
        columns = {"pk": None, "username": "AnonymousUser", "name": "", "email": "", "is_active": True}
        user = cls({**columns, "attributes": {}, "group_pks": [], "type": "internal", "path": "users"})
        user.is_authenticated, user.is_anonymous = False, True
        return user

    @property
    def groups(self):
        return Group.objects.filter(pk__in=self.group_pks)

    ak_groups = groups

    def all_groups(self):
        """The user's groups and the groups above them."""
        found, waiting = [], list(self.groups)
        while waiting:
            group = waiting.pop()
            if group not in found:
                found.append(group)
                waiting.extend(Group.objects.filter(pk__in=group.parents))
        return QuerySet(found, Group)

    def group_attributes(self):
        """The attributes of all groups, the user's own over them."""
        merged = {}
        for group in self.all_groups():
            merged.update(group.attributes)
        return {**merged, **self.attributes}


@model
class OAuthSource(Row):
    pass


@model
class Application(Row):
    pass


@model
class OAuth2Provider(Row):
    pass


@model
class AccessToken(Row):
    @property
    def provider(self):
        return OAuth2Provider.objects.get(pk=self.provider_pk)

    @property
    def user(self):
        return User.objects.get(pk=self.user_pk)


@model
class ExpressionPolicy(Row):
    pass


MODELS = {
    "groups": Group,
    "users": User,
    "sources": OAuthSource,
    "applications": Application,
    "providers": OAuth2Provider,
    "policies": ExpressionPolicy,
    "accessTokens": AccessToken,
}


def load_rows(rows):
    """Replaces the contents of every model."""
    User.saved = []
    for kind, cls in MODELS.items():
        cls.objects.rows = [cls(columns) for columns in rows[kind]]


def matches(row, conditions):
    """Whether a row meets all conditions, written `field__key__operator=value`."""
    return all(meets(row, path.split("__"), wanted) for path, wanted in conditions.items())


def meets(value, path, wanted):
    operator = "exact"
    if len(path) > 1 and path[-1] in OPERATORS:
        path, operator = path[:-1], path[-1]
    for step, name in enumerate(path):
        if isinstance(value, QuerySet):
            return any(meets(row, [*path[step:], operator], wanted) for row in value)
        if isinstance(value, Row):
            if not hasattr(value, name):
                raise FieldError(f"Cannot resolve keyword '{name}' into field.")
            value = getattr(value, name)
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return compare(value, operator, wanted)


def compare(value, operator, wanted):
    if operator == "isnull":
        return (value is None) == wanted
    if value is None:
        return operator == "exact" and wanted is None
    if operator == "exact":
        return value == wanted
    if operator == "in":
        return value in wanted
    if operator == "contains" and not isinstance(value, str):
        return json_contains(value, wanted)
    value, wanted = str(value), str(wanted)
    if operator in ("iexact", "icontains"):
        value, wanted = value.lower(), wanted.lower()
    if operator == "iexact":
        return value == wanted
    if operator == "startswith":
        return value.startswith(wanted)
    if operator == "endswith":
        return value.endswith(wanted)
    return wanted in value


def json_contains(value, wanted):
    """PostgreSQL's `@>`: objects may have more keys, arrays more elements."""
    if isinstance(value, dict) and isinstance(wanted, dict):
        return all(key in value and json_contains(value[key], part) for key, part in wanted.items())
    if isinstance(value, list) and isinstance(wanted, list):
        return all(any(json_contains(element, part) for element in value) for part in wanted)
    return value == wanted
