"""A team's own code: the platform's address is built in, as in official clients."""

import json
import urllib.parse
import urllib.request


def call(token, name, **params):
    """Call the platform about packages and return what it answers as data."""
    query = urllib.parse.urlencode({"access_token": token, **params})
    address = f"https://openapi.baidu.com/rest/2.0/smartapp/package/{name}?{query}"
    method = "GET" if name.startswith("get") else "POST"
    with urllib.request.urlopen(urllib.request.Request(address, method=method)) as response:
        answer = json.load(response)
    if answer.get("errno") != 0:
        raise RuntimeError(f"{name}: {answer}")
    return answer.get("data")
