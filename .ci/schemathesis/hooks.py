"""What Schemathesis has to be told about the platform to do its best.

The platform answers nearly every error with HTTP 200 and an envelope, so checks
that go by the status of HTTP would find nothing, or something everywhere. Here
the contract is said in HTTP's words while it is loaded: successes under 200,
the errors that x-errors allows under 400, 401, 403, 404, 405, 429 and 500; and
each answer gets the status that its envelope means, before any check sees it.
A status that does not belong to its envelope becomes 418, which nothing
declares.

Its time is the processor's: on a machine that others use too, a budget of the
wall's would say how busy they are.

EMU_LIVE is a JSON object of values that work, by operationId.parameter or
parameter; they become the examples that requests are made from. EMU_FAILURES is
a file that gets a line of JSON for each failure of a check.
"""

import copy
import json
import os
import time

import requests
import schemathesis

time.monotonic = time.process_time

LIVE = json.loads(os.environ["EMU_LIVE"])

# Errors that have a status of their own; the others are 400.
STATUS = {
    "110": 401, "111": 401, "44004": 401, "50001": 401, "50003": 401,
    "6": 403, "40007": 403, "6001": 403, "44001": 403, "45001": 403,
    "69005": 404, "45000": 404, "50002": 404, "50032": 404,
    "3": 405, "501": 405,
    "4": 429, "50029": 429,
    "1": 500, "2": 500, "1000": 500,
}
CODES = ("error_code", "error", "errno")
ERRORS = {"BusinessError": "errno", "GatewayError": "error_code", "OAuthError": "error"}


def follow(document, value):
    """The value itself, where it is a reference."""
    while isinstance(value, dict) and "$ref" in value:
        target = document
        for part in value["$ref"][2:].split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        value = target
    return value


def answers(document, operation):
    """The responses of an operation in HTTP's words."""
    codes = {"errno": [], "error_code": [], "error": []}
    for name in operation.get("x-errors", []):
        body = document["x-errors"][name]["body"]
        code = next(c for c in CODES if c in body)
        codes[code].append(body[code])
    # What no operation lists, because it is not about one.
    codes["error_code"].append(3)
    codes["errno"].append(501)
    good, bad, out = [], [], {}
    for status, response in operation["responses"].items():
        response = follow(document, response)
        schema = response["content"]["application/json"]["schema"]
        one_of = follow(document, schema).get("oneOf", [schema])
        for one in one_of:
            name = one.get("$ref", "").rsplit("/", 1)[-1]
            if name not in ERRORS:
                good.append(one)
                continue
            code = ERRORS[name]
            limited = {"allOf": [one, {"properties": {code: {"enum": codes[code]}}}]}
            if status == "200":
                bad.append(limited)
            else:
                out[status] = {**response, "content": {"application/json": {"schema": limited}}}

    def said(some):
        return {"description": "-", "content": {"application/json": {"schema": some[0] if len(some) == 1 else {"oneOf": some}}}}

    out["200"] = said(good)
    if bad:
        # Of the errors in HTTP 200 none means 400 where OAuth's are 400.
        for status in ("400", "401", "403", "404", "405", "429", "500"):
            out.setdefault(status, said(bad))
    return out


def examples(document, operation):
    """Makes the values that work the examples of an operation's parameters."""

    def live(name):
        return LIVE.get(operation["operationId"] + "." + name, LIVE.get(name))

    parameters = []
    for parameter in operation.get("parameters", []):
        parameter = copy.deepcopy(follow(document, parameter))
        if live(parameter["name"]) is not None:
            parameter.pop("examples", None)
            parameter["example"] = live(parameter["name"])
            # The schema's example would be taken as well.
            parameter["schema"] = copy.deepcopy(follow(document, parameter["schema"]))
            parameter["schema"].pop("example", None)
        parameters.append(parameter)
    operation["parameters"] = parameters
    if "requestBody" not in operation:
        return
    body = operation["requestBody"] = copy.deepcopy(follow(document, operation["requestBody"]))
    # x-parameters-in lets the query carry the body's parameters; Schemathesis
    # sends them in the body.
    body["required"] = True
    for media in body["content"].values():
        schema = media["schema"] = copy.deepcopy(follow(document, media["schema"]))
        for name, value in schema.get("properties", {}).items():
            value = copy.deepcopy(follow(document, value))
            if live(name) is not None:
                value["example"] = live(name)
            schema["properties"][name] = value
        for key in ("example", "examples"):
            media.pop(key, None)
            schema.pop(key, None)


def links():
    """From the list of packages to what can be done with one of them."""
    out = {}
    for row in (0, 1):
        package = f"$response.body#/data/{row}/package_id"
        out[f"detail of {row}"] = {"operationId": "getPackageDetail", "parameters": {"package_id": package}}
        for operation in ("submitPackageAudit", "releasePackage", "rollbackPackage", "withdrawPackageAudit"):
            out[f"{operation} of {row}"] = {"operationId": operation, "requestBody": {"package_id": package}}
    return out


@schemathesis.hook
def before_load_schema(context, raw_schema):
    for item in raw_schema["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict) and "operationId" in operation:
                examples(raw_schema, operation)
                operation["responses"] = answers(raw_schema, operation)
                if operation["operationId"] == "listPackages":
                    operation["responses"]["200"]["links"] = links()


def translated(send):
    def translate(self, request, **kwargs):
        response = send(self, request, **kwargs)
        try:
            body = json.loads(response.content)
        except ValueError:
            return response
        for name in CODES:
            if isinstance(body, dict) and name in body:
                code = str(body[name])
                if code != "0":
                    expected = 400 if name == "error" else 200
                    response.status_code = STATUS.get(code, 400) if response.status_code == expected else 418
                break
        return response

    return translate


# Not the hook after_call, which does not see the requests that checks make.
requests.adapters.HTTPAdapter.send = translated(requests.adapters.HTTPAdapter.send)


def kind(failure, response):
    """What failures of the same kind have in common, without values."""
    schema_path = getattr(failure, "schema_path", None)
    if schema_path is not None:
        instance = ["*" if isinstance(part, int) else str(part) for part in failure.instance_path]
        return "/".join(instance) + " " + "/".join(str(part) for part in schema_path)
    name = type(failure).__name__
    if name == "AcceptedNegativeData":
        return failure.message.partition("Invalid component: ")[2].partition("\n")[0][:80]
    if name == "RejectedPositiveData":
        return response.text[:24]
    if name == "UndefinedStatusCode":
        return str(response.status_code)
    return str(getattr(failure, "scenario", "") or getattr(failure, "failure_reason", ""))


@schemathesis.hook
def filter_failure(context, failure, case, response):
    line = json.dumps({
        "failure": type(failure).__name__, "operation": case.operation.label, "title": failure.title,
        "kind": kind(failure, response), "message": failure.message[:300],
        "request": f"{response.request.method} {response.request.url} {response.request.body!r}"[:600],
        "answer": response.text[:300],
    })
    with open(os.environ["EMU_FAILURES"], "a") as out:
        out.write(line + "\n")
    return True
