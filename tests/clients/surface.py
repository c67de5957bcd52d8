"""openapi.yaml, and whether an exchange is as it says."""

import collections
import json
import pathlib
import urllib.parse

import jsonschema
import yaml
from jsonschema.validators import Draft202012Validator

FILE = pathlib.Path(__file__).parents[2] / "openapi.yaml"
METHODS = ["get", "put", "post", "delete", "patch"]
FORM = "application/x-www-form-urlencoded"


class Surface:
    def __init__(self):
        self.document = yaml.safe_load(FILE.read_text())
        self.paths = self.document["paths"]
        # Operation id to the statuses that were seen.
        self.seen = collections.defaultdict(set)

    def operations(self):
        """(path, METHOD, operation) of each."""
        return [(path, method.upper(), item[method]) for path, item in self.paths.items() for method in METHODS if method in item]

    def resolve(self, value):
        """What a $ref of the file means."""
        while "$ref" in value:
            target = self.document
            for step in value["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            value = target
        return value

    def errors(self, schema, value):
        # The schema of one place, with all that it may refer to.
        whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": self.document["components"], **schema}
        validator = Draft202012Validator(whole, format_checker=jsonschema.FormatChecker())
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]

    def path_of(self, path):
        """The path of the file that `path` is; the one with the fewest variables."""
        found = [template for template in self.paths if fits(template, path)]
        return min(found, key=lambda template: template.count("{"), default=None)

    def allowed(self, template):
        """The methods of a path of the file, as `Allow` lists them."""
        methods = {method.upper() for method in METHODS if method in self.paths[template]}
        return methods | ({"HEAD"} if "GET" in methods else set())

    def check(self, exchange):
        """Asserts that the file has this exchange."""
        template = self.path_of(exchange.path)
        if template is None:
            assert exchange.status == 404, f"not in openapi.yaml: {exchange}"
            return
        self.check_head(exchange)
        method = "GET" if exchange.method == "HEAD" else exchange.method
        if method not in self.allowed(template):
            self.check_method_refused(template, exchange)
            return
        operation = self.paths[template][method.lower()]
        self.seen[operation["operationId"]].add(str(exchange.status))
        response = operation["responses"].get(str(exchange.status))
        assert response, f"{operation['operationId']} has no status {exchange.status} in openapi.yaml: {exchange}"
        self.check_response(self.resolve(response), exchange)
        if exchange.status < 300:
            self.check_request(template, operation, exchange)

    def check_head(self, exchange):
        """jwt-api.md section 1.4: a body has its type, in lower case; no body has none."""
        media_type = exchange.header("content-type")
        if exchange.method != "HEAD":
            assert media_type == ("application/json" if exchange.body else None), (media_type, str(exchange))
        assert exchange.status != 400 or exchange.body or exchange.method == "HEAD", str(exchange)
        kept = exchange.path.startswith("/.well-known/") and exchange.status == 200
        assert exchange.header("cache-control") == ("public, max-age=300" if kept else "no-store"), str(exchange)

    def check_method_refused(self, template, exchange):
        assert exchange.status == 405, str(exchange)
        assert {name.strip() for name in exchange.header("allow").split(",")} == self.allowed(template), str(exchange)
        if exchange.method != "HEAD":
            assert self.errors({"$ref": "#/components/schemas/Errors"}, exchange.json()) == [], str(exchange)

    def check_response(self, response, exchange):
        for name, header in response.get("headers", {}).items():
            header = self.resolve(header)
            assert not header.get("required") or exchange.header_values(name), (name, str(exchange))
        if exchange.method == "HEAD":
            return
        content = response.get("content")
        if not exchange.body:
            assert content is None or response.get("x-may-be-empty"), f"a body is documented: {exchange}"
            return
        assert content is not None, f"no body is documented: {exchange}"
        errors = self.errors(content["application/json"]["schema"], exchange.json())
        assert errors == [], (errors, str(exchange))

    def check_request(self, template, operation, exchange):
        """What succeeds is documented: parameters and body."""
        parameters = operation.get("parameters", []) + self.paths[template].get("parameters", [])
        known = {parameter["name"] for parameter in parameters if parameter["in"] == "query"}
        assert set(exchange.query) <= known, (known, str(exchange))
        needed = {parameter["name"] for parameter in parameters if parameter["in"] == "query" and parameter.get("required")}
        assert needed <= set(exchange.query), (needed, str(exchange))
        body = operation.get("requestBody", {})
        if not exchange.request_body:
            assert not body.get("required"), f"a body is required: {exchange}"
            return
        media_type = exchange.request_headers.get("content-type", "").partition(";")[0]
        assert media_type in body.get("content", {}), (media_type, str(exchange))
        if media_type == FORM:
            value = dict(urllib.parse.parse_qsl(exchange.request_body.decode(), keep_blank_values=True))
        else:
            value = without_nulls(json.loads(exchange.request_body), exchange.method)
        errors = self.errors(body["content"][media_type]["schema"], value)
        assert errors == [], (errors, str(exchange), exchange.request_body)


def fits(template, path):
    wanted, found = template.split("/"), path.split("/")
    return len(wanted) == len(found) and all(w == f or (w.startswith("{") and f) for w, f in zip(wanted, found))


def without_nulls(value, method):
    """A member that is null is absent, but in a merge patch."""
    if isinstance(value, dict) and method != "PATCH":
        return {name: without_nulls(member, method) for name, member in value.items() if member is not None}
    return value
