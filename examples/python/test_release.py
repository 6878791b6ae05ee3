import json
import os
import unittest
import urllib.request

from release import call


def emu(method, path="", **order):
    """Give the emulator an order, or ask it."""
    request = urllib.request.Request(f"{os.environ['EMU_URL']}/_emu/sandboxes{path}", method=method)
    if order:
        request.data = json.dumps(order).encode()
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request) as response:
        return json.loads(response.read() or "null")


class Release(unittest.TestCase):
    def setUp(self):
        """Make a platform for one test, with a clock that the test moves, and submit a version there."""
        self.box = "/" + self._testMethodName.replace("_", "-")
        who = emu("POST", name=self.box[1:], clock={"mode": "virtual"})
        self.addCleanup(emu, "DELETE", self.box)
        self.token = who["authorizer"]["access_token"]
        call(self.token, "upload", template_id="754", user_version="1.0.0", user_desc="first", ext_json="{}")
        emu("POST", self.box + "/clock/advance", by="3s")
        self.package = call(self.token, "get")[0]["package_id"]
        call(self.token, "submitaudit", package_id=self.package, content="first", remark="")

    def pushed(self):
        return emu("GET", self.box + "/inbox")["messages"][0]["message"]

    def test_passed_audit_is_released(self):
        emu("POST", self.box + "/clock/advance", by="5s")
        self.assertEqual(self.pushed()["event"], "PACKAGE_AUDIT_PASS")
        call(self.token, "release", package_id=self.package)
        self.assertEqual(call(self.token, "getdetail")["version"], "1.0.0")

    def test_failed_audit_tells_why(self):
        emu("POST", self.box + "/decisions", kind="audit", package_id=self.package, result="fail", reason="名称过长")
        self.assertEqual(self.pushed()["reason"], "名称过长")
        with self.assertRaisesRegex(RuntimeError, "40001"):
            call(self.token, "release", package_id=self.package)


if __name__ == "__main__":
    unittest.main()
