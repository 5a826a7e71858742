"""A link is understood by its text alone, and equal items have equal keys."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from url_normalize import url_normalize

from casework.links import _PLAIN, LinkRefused, defang, read_link, refang

VIDEO = "dQw4w9WgXcQ"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://www.instagram.com/p/AbC/", "https://www.instagram.com/p/abc/"),
        (f"https://youtu.be/{VIDEO}", f"https://youtu.be/{VIDEO[:-1]}q"),
        (f"https://www.youtube.com/watch?v={VIDEO}", f"https://www.youtube.com/watch?v={VIDEO}&lc=Ugx"),
        ("https://t.me/channel/12", "https://t.me/channel/13"),
        ("https://www.facebook.com/photo/?fbid=1", "https://www.facebook.com/photo/?fbid=2"),
        ("https://www.facebook.com/groups/a/posts/1", "https://www.facebook.com/groups/b/posts/1"),
        ("https://vk.com/wall-1_2", "https://vk.com/wall1_2"),
        ("https://fb.watch/AbC/", "https://fb.watch/aBC/"),
        ("https://github.com/a/b/blob/main/x", "https://github.com/a/b/blob/dev/x"),
        ("https://www.example.org/page?id=1", "https://www.example.org/page?id=2"),
        ("https://www.example.org/#/profile/1", "https://www.example.org/#/profile/2"),
        ("https://www.example.org:8443/", "https://www.example.org/"),
    ],
)
def test_two_items_never_share_a_key(one: str, other: str) -> None:
    assert read_link(one).key != read_link(other).key


@pytest.mark.parametrize(
    ("url", "key"),
    [
        (
            "https://l.facebook.com/l.php?u=https%3A%2F%2Fwww.instagram.com%2Fp%2FAbC%2F%3Figsh%3D1&h=AT0",
            "instagram:media:AbC",
        ),
        ("https://lm.facebook.com/l.php?u=https%3A%2F%2Ft.me%2Fchannel%2F5", "telegram:msg:channel:5"),
        ("https://l.instagram.com/?u=https%3A%2F%2Fwww.example.org%2Fx&e=AT", "web:example.org:/x"),
        ("https://vk.com/away.php?to=https%3A%2F%2Ftwitter.com%2Fu%2Fstatus%2F7&cc_key=", "x:post:7"),
        ("https://www.youtube.com/redirect?event=x&q=https%3A%2F%2Fvk.com%2Fwall-1_2", "vk:wall:-1_2"),
        (f"https://www.youtube.com/attribution_link?u=%2Fwatch%3Fv%3D{VIDEO}", f"youtube:video:{VIDEO}"),
        ("https://out.reddit.com/t3_x?url=https%3A%2F%2Fwww.example.org%2F", "web:example.org:/"),
        ("https://www.google.com/url?sa=t&url=https%3A%2F%2Ft.me%2Fchannel%2F5", "telegram:msg:channel:5"),
    ],
)
def test_a_redirector_is_unwrapped_without_any_request(url: str, key: str) -> None:
    assert read_link(url).key == key


def test_the_link_stays_exactly_as_received_beside_its_canonical_form() -> None:
    received = "HTTPS://WWW.Instagram.com:443/someone/p/AbC/?igsh=x&img_index=3#a"
    link = read_link(received)
    assert link.original == received
    assert link.canonical == "https://www.instagram.com/someone/p/AbC/"
    assert (link.platform, link.kind, link.account, link.locator) == (
        "instagram",
        "post",
        "someone",
        "img_index=3",
    )


def test_the_owner_of_a_facebook_story_stays_with_the_link() -> None:
    link = read_link("https://m.facebook.com/story.php?story_fbid=1&id=77&mibextid=x")
    assert link.account == "77"
    assert link.canonical.endswith("?story_fbid=1&id=77")


def test_a_short_link_is_opaque_and_waits_for_a_person() -> None:
    assert read_link("https://vm.tiktok.com/ZMx/").opaque
    assert not read_link("https://www.tiktok.com/@a/video/1").opaque


def test_an_unknown_host_keeps_its_parameters_and_loses_only_known_noise() -> None:
    link = read_link("http://www.example.org/a/?utm_source=tg&id=3&fbclid=x#part")
    assert link.key == "web:example.org:/a?id=3"
    assert link.canonical == "http://www.example.org/a/?id=3"


def test_an_international_host_is_written_in_ascii() -> None:
    assert read_link("https://Пример.рф/путь").canonical.startswith("https://xn--e1afmkfd.xn--p1ai/")


@pytest.mark.parametrize(
    "text",
    ["github.com/foo/bar", "//github.com/foo/bar", "https[:]//github[.]com/foo/bar", "hxxps://github.com/foo/bar",
     "https: //github.com/foo/bar", "https://git\u200bhub.com/fo\u00ado/bar", " https://github.com/foo/bar\u00a0"],
)  # fmt: skip
def test_links_are_read_the_way_people_write_them(text: str) -> None:
    assert read_link(text).key == "github:repository:foo/bar"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("javascript:alert(1)", "link.scheme"),
        ("data:text/html,secretpath", "link.scheme"),
        ("file:///etc/secretpath", "link.scheme"),
        ("ftp://www.example.org/secretpath", "link.scheme"),
        ("mailto:someone@example.org", "link.scheme"),
        ("https://user:secretpath@www.example.org/", "link.credentials"),
        ("https://github.com@www.example.org/secretpath", "link.credentials"),
        ("https://www.example.org/" + "a" * 2048, "link.too_long"),
        ("https://www.example.org/secret\npath", "link.control_characters"),
        ("https://www.example.org/secret\x00path", "link.control_characters"),
        ("https://", "link.no_host"),
        ("", "link.no_host"),
        ("secretpath", "link.malformed"),
        ("https://www.example.org/secret path", "link.malformed"),
        ("https://www.example.org:99999/secretpath", "link.malformed"),
        ("https://www.example.org\\secretpath", "link.malformed"),
        ("https://127.1/secretpath", "link.malformed"),
        ("https://0x7f000001/secretpath", "link.malformed"),
        ("http://localhost/secretpath", "link.private_address"),
        ("http://printer.local/secretpath", "link.private_address"),
        ("http://127.0.0.1:8080/secretpath", "link.private_address"),
        ("http://10.1.2.3/secretpath", "link.private_address"),
        ("http://[::1]/secretpath", "link.private_address"),
        ("https://l.facebook.com/l.php?u=javascript%3Aalert(1)", "link.scheme"),
        ("https://vk.com/away.php?to=http%3A%2F%2F192.168.0.1%2F", "link.private_address"),
    ],
)
def test_a_link_that_cannot_be_used_is_refused_and_never_repeated(text: str, rule: str) -> None:
    with pytest.raises(LinkRefused) as refused:
        read_link(text)
    assert refused.value.rule == rule
    assert "secret" not in str(refused.value)
    assert "example.org" not in str(refused.value)


def test_wrapping_a_link_again_and_again_comes_to_an_end() -> None:
    with pytest.raises(LinkRefused) as refused:
        read_link("https://vk.com/away.php?to=" * 6 + "https://t.me/channel/1")
    assert refused.value.rule == "link.redirect_depth"


@pytest.mark.parametrize("host", ["example.org", "www.example.com", "a.test", "b.example", "93.184.216.34"])
def test_reserved_names_and_public_addresses_are_accepted(host: str) -> None:
    assert read_link(f"https://{host}/x").exact


URL_CHARACTERS = st.text(alphabet="azAZ09._~@+:,;=!$'()*&-/?[]%#", max_size=30)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(["http", "https"]),
    st.text(alphabet="azAZ09-.", min_size=1, max_size=30),
    URL_CHARACTERS,
    URL_CHARACTERS,
)
def test_the_fast_way_gives_what_the_library_gives(start: str, name: str, way: str, parameters: str) -> None:
    """A link taken the fast way must come out exactly as url-normalize would have written it."""
    url = f"{start}://{name}.org" + (f"/{way}" if way else "") + (f"?{parameters}" if parameters else "")
    plain = _PLAIN.fullmatch(url)
    if plain is None:
        return
    scheme, host, path, query = plain.groups("")
    assert url_normalize(url) == f"{scheme}://{host.lower()}{path or '/'}" + (f"?{query}" if query else "")


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.text(alphabet="htps:/.w@a[]%?#&=\u200b。 ", max_size=40))
def test_any_text_is_either_read_or_refused(text: str) -> None:
    try:
        link = read_link(text)
    except LinkRefused:
        return
    assert link.canonical.startswith(("http://", "https://"))
    assert read_link(link.canonical).key == link.key


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://www.instagram.com/p/AbC.d/", "hxxps://www[.]instagram[.]com/p/AbC.d/"),
        ("http://a.example", "hxxp://a[.]example"),
        ("www.example.org/a.b", "www[.]example[.]org/a.b"),
        (
            "https://l.facebook.com/l.php?u=https://b.example/x",
            "hxxps://l[.]facebook[.]com/l.php?u=hxxps://b[.]example/x",
        ),
        ("javascript:alert(1)", "javascript[:]alert(1)"),
        ("see https://a.example/b and www.b.example", "see hxxps://a[.]example/b and www[.]b[.]example"),
        ("no link at all", "no link at all"),
    ],
)
def test_a_defanged_link_can_be_read_and_not_clicked(url: str, shown: str) -> None:
    assert defang(url) == shown
    assert defang(shown) == shown


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="htpsx:/.wab[]@?=& \n", max_size=60))
def test_no_text_keeps_a_working_scheme_after_defanging(text: str) -> None:
    assert "http://" not in defang(text)
    assert "https://" not in defang(text)


@pytest.mark.parametrize(
    "defanged",
    ["hxxps://www[.]a.example/x", "https[:]//www[.]a[.]example/x", "hXXps://www(.)a(.)example/x",
     "https[://]www{.}a.example/x", "https://www[dot]a[dot]example/x", "https://www [.] a.example/x",
     "https : // www.a.example/x", "https：／／www.a.example/x"],
)  # fmt: skip
def test_refanging_undoes_the_habits_of_people_who_make_links_harmless(defanged: str) -> None:
    assert refang(defanged) == "https://www.a.example/x"


def test_refanging_leaves_prose_alone() -> None:
    prose = "He wrote (see p. 3) [sic]: point_(dot) and 1 (one)."
    assert refang(prose) == prose
