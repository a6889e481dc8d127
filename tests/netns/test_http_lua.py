# SPDX-License-Identifier: Apache-2.0
"""Lua scripts as their writers meet them: headers, answers, calls, bodies, pieces, metadata in logs, errors, limits."""

import json
import time

import pytest

import http_front
from harness.lab import OUTSIDE
from http_front import http_filter, http_typed, to
from proxy_config import cluster

AUTH = (OUTSIDE[4], 7081)


def lua(script: str, **fields) -> dict:
    return http_filter("lua", "lua.v3.Lua", default_source_code={"inline_string": script}, **fields)


def of_route(**fields) -> dict:
    return {"typed_per_filter_config": {"envoy.filters.http.lua": http_typed("lua.v3.LuaPerRoute", **fields)}}


def read_body(stream, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return stream.read(int(headers.get("content-length", "0")))
    body = b""
    while size := int(stream.readline(), 16):
        body += stream.read(size)
        stream.readline()
    while stream.readline().strip():
        pass
    return body


def application(connection) -> None:
    """Answers each request with what it has seen, its body among it; x-refuse makes it a 403 without body, /slow takes a while."""
    stream = connection.makefile("rb")
    for method, path, headers in http_front.requests(stream):
        body = read_body(stream, headers).decode()
        if path == "/slow":
            time.sleep(0.6)
        answer = json.dumps({"method": method, "path": path, "headers": headers, "body": body}).encode()
        status = "200 OK"
        if "x-refuse" in headers:
            status, answer = "403 Forbidden", b""
        more = f"x-user: user-of-{headers.get('x-token', 'nobody')}\r\nx-multi: a\r\nx-multi: b\r\n"
        head = f"HTTP/1.1 {status}\r\n{more}content-length: {len(answer)}\r\n\r\n"
        connection.sendall(head.encode() + answer)


@pytest.fixture
def front(plain_lab, run_proxy, serve):
    """front(script, ...) → a Front with the script, an application and the cluster "auth"."""
    serve(plain_lab.peer, *http_front.APPLICATION, application)
    serve(plain_lab.peer, *AUTH, application)

    def start(script: str, routes: list[dict] | None = None, **fields):
        return http_front.start(
            plain_lab, run_proxy, [lua(script, **fields)], routes or [to("/")], cluster("auth", AUTH)
        )

    return start


def test_headers_of_both_directions(front):
    made = front(
        """
        function envoy_on_request(handle)
          local headers = handle:headers()
          headers:add("x-tenant", "blue-" .. headers:get("x-id"))
          headers:replace("x-replaced", "new")
          headers:remove("x-secret")
        end
        function envoy_on_response(handle)
          handle:headers():add("x-status", handle:headers():get(":status") .. handle:headers():get("x-multi"))
        end
        """
    )
    answer = made.ask("/", {"x-id": "7", "x-replaced": "old", "x-secret": "s"})
    assert answer.status == 200
    assert answer.header("x-status") == "200a,b"
    seen = answer.seen["headers"]
    assert seen["x-tenant"] == "blue-7" and seen["x-replaced"] == "new" and "x-secret" not in seen
    assert made.stat("http.ingress.lua.executions") == 2
    assert made.stat("http.ingress.lua.errors") == 0


def test_an_answer_of_the_scripts_own(front):
    made = front(
        """
        function envoy_on_request(handle)
          if handle:headers():get("x-token") == nil then
            handle:respond({[":status"] = "403", ["x-why"] = "no token"}, "nope")
          end
        end
        """
    )
    refused = made.ask("/")
    assert (refused.status, refused.body, refused.header("x-why")) == (403, b"nope", "no token")
    assert refused.header("content-length") == "4"
    assert made.ask("/", {"x-token": "t"}).status == 200
    assert http_front.logged(made.log(2)) == [(403, "-", "lua_response"), (200, "-", "via_upstream")]


CALL = """
    function envoy_on_request(handle)
      local token = handle:headers():get("x-token") or "nobody"
      local ask = {[":method"] = "GET", [":path"] = "/check", [":authority"] = "auth", ["x-token"] = token}
      if token == "bad" then ask["x-refuse"] = "1" end
      local headers, body = handle:httpCall("auth", ask, nil, 5000)
      if headers[":status"] ~= "200" then
        handle:respond({[":status"] = "401"}, "refused: " .. headers[":status"])
      end
      handle:headers():add("x-user", headers["x-user"])
    end
"""


def test_a_call_decides_and_its_answer_goes_on(front):
    made = front(CALL)
    assert made.ask("/", {"x-token": "joe"}).seen["headers"]["x-user"] == "user-of-joe"
    refused = made.ask("/", {"x-token": "bad"})
    assert (refused.status, refused.body) == (401, b"refused: 403")
    # A body that arrives while the call is under way is kept.
    posted = made.ask("/", {"x-token": "joe"}, "POST", b"x" * 5000)
    assert posted.seen["body"] == "x" * 5000 and posted.seen["headers"]["x-user"] == "user-of-joe"
    assert made.stat("http.ingress.lua.errors") == 0


def test_a_call_that_fails_says_why(front):
    made = front("""
        function envoy_on_request(handle)
          local ask = {[":method"] = "GET", [":path"] = "/slow", [":authority"] = "auth"}
          local headers, body = handle:httpCall("auth", ask, nil, 200)
          handle:respond({[":status"] = "403"}, headers[":status"] .. " " .. body)
        end
    """)
    assert made.ask("/").body == b"504 upstream request timeout"


def test_bodies_go_through_a_call(front):
    script = """
        local function pass(handle)
          local body = handle:body()
          local text = body:getBytes(0, body:length())
          local ask = {[":method"] = "POST", [":path"] = "/rewrite", [":authority"] = "auth"}
          local _, answer = handle:httpCall("auth", ask, "<" .. text .. ">", 5000)
          handle:body():setBytes(answer)
        end
        envoy_on_request = pass
        envoy_on_response = pass
        """
    made = front(script)
    answer = made.ask("/", {}, "POST", b"hello")
    rewritten = json.loads(answer.body)  # the response's body, as the other cluster has seen it
    assert rewritten["path"] == "/rewrite"
    seen = json.loads(rewritten["body"][1:-1])  # the request, as the application has seen it
    assert json.loads(seen["body"])["body"] == "<hello>"
    assert made.stat("http.ingress.lua.errors") == 0


def test_a_body_that_came_during_a_call_is_still_there(front, monkeypatch):
    monkeypatch.delenv("WEIR_HTTP_PROXY", raising=False)  # the peer says that it was streamed
    made = front(
        """
        function envoy_on_request(handle)
          local ask = {[":method"] = "GET", [":path"] = "/", [":authority"] = "auth"}
          handle:httpCall("auth", ask, nil, 5000)
          local body = handle:body()
          body:setBytes(body:length() .. body:getBytes(0, 2))
        end
        """
    )
    assert made.ask("/", {}, "POST", b"x" * 5000).seen["body"] == "5000xx"
    assert made.stat("http.ingress.lua.errors") == 0


def test_a_call_to_nowhere_is_a_503(front, plain_lab, run_proxy):
    made = http_front.start(plain_lab, run_proxy, [lua(CALL)], [to("/")], cluster("auth", (OUTSIDE[4], 9)))
    refused = made.ask("/", {"x-token": "joe"})
    assert (refused.status, refused.body) == (401, b"refused: 503")


def test_bodies_are_read_and_replaced(front):
    made = front(
        """
        function envoy_on_request(handle)
          local body = handle:body()
          if body then body:setBytes(body:getBytes(0, body:length()):upper() .. "!") end
        end
        function envoy_on_response(handle)
          local body = handle:body(true)
          handle:headers():add("x-length", tostring(body:length()))
          body:setBytes("<b>" .. body:getBytes(0, body:length()) .. "</b>")
        end
        """
    )
    answer = made.ask("/", {}, "POST", b"hello")
    assert answer.body.startswith(b"<b>{") and answer.body.endswith(b"}</b>")
    seen = json.loads(answer.body[3:-4])
    assert (seen["body"], seen["headers"]["content-length"]) == ("HELLO!", "6")
    assert int(answer.header("x-length")) == len(answer.body) - 7
    assert made.ask("/").status == 200
    assert made.stat("http.ingress.lua.errors") == 0


def test_pieces_are_counted(front):
    made = front(
        """
        function envoy_on_request(handle)
          local bytes = 0
          for piece in handle:bodyChunks() do bytes = bytes + piece:length() end
          handle:streamInfo():dynamicMetadata():set("count", "bytes", bytes)
        end
        function envoy_on_response(handle)
          handle:headers():add("x-bytes", handle:streamInfo():dynamicMetadata():get("count").bytes)
        end
        """
    )
    answer = made.ask("/", {}, "POST", b"x" * 30000)
    assert answer.header("x-bytes") == "30000"
    assert answer.seen["body"] == "x" * 30000


def test_metadata_reaches_the_access_log(front, monkeypatch):
    monkeypatch.setitem(http_front._LOG, "text", "%DYNAMIC_METADATA(mine:text)%")
    made = front(
        """
        function envoy_on_request(handle)
          handle:streamInfo():dynamicMetadata():set("mine", "text", "of " .. handle:headers():get(":path"))
        end
        """
    )
    assert made.ask("/one").status == 200
    assert made.log(1)[0]["text"] == "of /one"


def test_routes_choose_scripts(front):
    script = "function envoy_on_request(handle) handle:headers():add('x-ran', '{}') end"
    made = front(
        script.format("default"),
        [
            to("/disabled", **of_route(disabled=True)),
            to("/named", **of_route(name="other.lua")),
            to("/own", **of_route(source_code={"inline_string": script.format("own")})),
            to("/"),
        ],
        source_codes={"other.lua": {"inline_string": script.format("other")}},
        stat_prefix="mine",
    )
    ran = {path: made.ask(path).seen["headers"].get("x-ran") for path in ("/", "/disabled", "/named", "/own")}
    assert ran == {"/": "default", "/disabled": None, "/named": "other", "/own": "own"}
    assert made.stat("http.ingress.lua.mine.executions") == 3


def test_a_changed_path_finds_another_route(front):
    script = "function envoy_on_request(handle) handle:headers():replace(':path', '/other') end"
    routes = [to("/other", {"direct_response": {"status": 204}}), to("/")]
    assert front(script, routes).ask("/").status == 204


def test_a_changed_path_keeps_its_route_when_told_so(front):
    script = "function envoy_on_request(handle) handle:headers():replace(':path', '/other') end"
    routes = [to("/other", {"direct_response": {"status": 204}}), to("/")]
    answer = front(script, routes, clear_route_cache=False).ask("/")
    assert (answer.status, answer.seen["path"]) == (200, "/other")


def test_errors_let_the_request_pass(front):
    made = front(
        """
        local saved
        function envoy_on_request(handle)
          local headers = handle:headers()
          if saved then saved:headers() end
          saved = handle
          headers:add("x-ran", "1")
        end
        """
    )
    assert made.ask("/").seen["headers"]["x-ran"] == "1"
    assert "x-ran" not in made.ask("/").seen["headers"]
    assert made.stat("http.ingress.lua.errors") == 1
    assert "object used outside of proper scope" in made.proxy.log()


def test_a_script_without_end_is_stopped(front, monkeypatch):
    monkeypatch.delenv("WEIR_HTTP_PROXY", raising=False)  # the peer has no limits
    made = front(
        """
        function envoy_on_request(handle)
          local what = handle:headers():get("x-do")
          if what == "loop" then while true do pcall(function() while true do end end) end end
          if what == "fill" then local t = {} while true do t[#t + 1] = ("x"):rep(1000) .. #t end end
          if what == "match" then return ((("a"):rep(2000)):find((".-"):rep(12) .. "b")) end
        end
        """
    )
    for what in ("loop", "fill", "match"):
        begun = time.monotonic()
        assert made.ask("/", {"x-do": what}).status == 200
        assert time.monotonic() - begun < 10
    assert made.stat("http.ingress.lua.errors") == 3
    assert made.ask("/").status == 200
