"""The request that expressions see as `request.http_request`: the parts of Django's HttpRequest that they read."""

from ipaddress import ip_address


class QueryDict(dict):
    """A form or a query: `d[name]` and `d.get(name)` are the last value, `d.getlist(name)` is all of them."""

    def __init__(self, pairs):
        super().__init__()
        for name, value in pairs:
            self.setdefault(name, []).append(value)

    def __getitem__(self, name):
        return super().__getitem__(name)[-1]

    def get(self, name, default=None):
        values = super().get(name)
        return values[-1] if values else default

    def getlist(self, name):
        return list(super().get(name, []))

    def values(self):
        return [self[name] for name in self]

    def items(self):
        return [(name, self[name]) for name in self]

    def dict(self):
        return {name: self[name] for name in self}

    def setdefault(self, name, values):
        if name not in self:
            super().__setitem__(name, values)
        return super().__getitem__(name)


class Headers(dict):
    """Headers by name, in any case."""

    def __init__(self, headers):
        super().__init__({name.lower(): value for name, value in headers.items()})

    def __getitem__(self, name):
        return super().__getitem__(name.lower())

    def __contains__(self, name):
        return super().__contains__(name.lower())

    def get(self, name, default=None):
        return super().get(name.lower(), default)


class HttpRequest:
    """Made from what the server sends of a request."""

    def __init__(self, sent):
        self.method = sent["method"]
        self.path = self.path_info = sent["path"]
        self.scheme = sent["scheme"]
        self.headers = Headers(sent["headers"])
        self.GET = QueryDict(sent["query"])
        self.POST = QueryDict(sent["form"])
        self.META = {
            "REQUEST_METHOD": self.method,
            "PATH_INFO": self.path,
            "REMOTE_ADDR": sent["remoteAddress"],
            "CONTENT_TYPE": self.headers.get("content-type", ""),
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()},
        }
        self.session = {}
        forwarded = self.headers.get("x-forwarded-for", "").split(",")[0].strip()
        self.client_ip = ip_address(forwarded or sent["remoteAddress"])

    def get_host(self):
        return self.headers.get("host", "")

    def is_secure(self):
        return self.scheme == "https"

    def build_absolute_uri(self, location=None):
        return f"{self.scheme}://{self.get_host()}{self.path if location is None else location}"
