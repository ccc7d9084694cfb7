# A check beside those of schemathesis: an error has a code that the document names for that operation and status, and is none that nobody
# has foreseen.
import re

import schemathesis


@schemathesis.check
def named_error_code(ctx, response, case):
    # Requests of other methods may be another operation's, as the id of a model can hold slashes.
    if response.status_code < 400 or case.method.upper() != case.operation.method.upper():
        return
    documented = case.operation.definition.raw.get("responses", {}).get(str(response.status_code))
    if documented is None:
        return  # status_code_conformance says so.
    code = response.json()["error"]["code"]
    named = re.findall(r"`(\w+)`", documented["description"])
    assert response.status_code != 500, f"500 {code}: {response.text}"
    assert code in named, f"{response.status_code} {code} is none of {', '.join(named)}"
