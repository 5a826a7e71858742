"""The table of platforms: every way to write an item leads to one key, and what is no item is told apart."""

from __future__ import annotations

import time

import pytest

from casework.links import read_link
from casework.platform_links import platform_of_host

VIDEO = "dQw4w9WgXcQ"

# Row by row the table of docs: the links of one row point at one item, and the key is that item's.
SAME_ITEM = {
    "facebook:post:pfbid0AbC": [
        "https://www.facebook.com/some.page/posts/pfbid0AbC?__cft__[0]=AZX&__tn__=%2CO",
        "https://m.facebook.com/some.page/posts/pfbid0AbC?mibextid=wwXIfr",
        "https://facebook.example/some.page/posts/pfbid0AbC",
    ],
    "facebook:post:1122": [
        "https://www.facebook.com/story.php?story_fbid=1122&id=77&_rdr",
        "https://mbasic.facebook.com/permalink.php?id=77&story_fbid=1122",
        "https://touch.facebook.com/page/posts/1122/",
        "http://fb.com/page/posts/slug-of-it/1122",
    ],
    "facebook:grouppost:parents:789": [
        "https://www.facebook.com/groups/parents/posts/789/",
        "https://ru-ru.facebook.com/groups/parents/permalink/789/?sfnsn=mo",
        "https://web.facebook.com/groups/Parents/?multi_permalinks=789&hoisted_section_header_type=recently_seen",
        "https://www.facebook.example/groups/parents/posts/789",
    ],
    "facebook:grouppost:parents:789:c:22": [
        "https://www.facebook.com/groups/parents/posts/789/?comment_id=22",
        "https://www.facebook.com/groups/parents/permalink/789/?comment_id=11&reply_comment_id=22&__tn__=R",
    ],
    "facebook:reel:555": ["https://www.facebook.com/reel/555?fs=e", "https://m.facebook.com/reel/555/"],
    "facebook:video:777": [
        "https://www.facebook.com/watch/?v=777",
        "https://www.facebook.com/page/videos/777/",
        "https://www.facebook.com/page/videos/a-slug/777?t=5",
        "https://www.facebook.com/video.php?v=777",
    ],
    "facebook:photo:88": [
        "https://www.facebook.com/photo/?fbid=88&set=a.1",
        "https://www.facebook.com/photo.php?fbid=88&type=3",
        "https://www.facebook.com/page/photos/a.1/88/",
    ],
    "facebook:story:99": [
        "https://www.facebook.com/stories/1/99/",
        "https://m.facebook.com/stories/1/99?bucket=2",
    ],
    "facebook:user:42": [
        "https://www.facebook.com/profile.php?id=42",
        "https://m.facebook.com/profile.php?id=42&sk=about",
    ],
    "facebook:vanity:some.person": [
        "https://www.facebook.com/Some.Person",
        "https://m.facebook.com/some.person/?locale=kk",
    ],
    "facebook:group:parents": [
        "https://www.facebook.com/groups/parents",
        "https://m.facebook.com/groups/Parents/",
    ],
    "facebook:event:31": ["https://www.facebook.com/events/31/", "https://m.facebook.com/events/31?ref=x"],
    "facebook:share:AbC": [
        "https://www.facebook.com/share/AbC/",
        "https://www.facebook.com/share/p/AbC/?mibextid=q",
    ],
    "facebook:share:xYz": ["https://fb.watch/xYz/", "https://www.facebook.com/share/v/xYz"],
    "instagram:media:AbC-1_": [
        "https://www.instagram.com/p/AbC-1_/?igsh=MzRlODBiNWFlZA==",
        "https://instagram.com/reel/AbC-1_",
        "https://www.instagram.com/reels/AbC-1_/",
        "https://www.instagram.com/someone/p/AbC-1_/?img_index=2",
        "https://instagr.am/p/AbC-1_",
        "https://instagram.example/tv/AbC-1_?hl=kk",
    ],
    "instagram:story:314": [
        "https://www.instagram.com/stories/Someone/314/",
        "https://instagram.com/stories/someone/314?s=1",
    ],
    "instagram:highlight:15": ["https://www.instagram.com/stories/highlights/15/"],
    "instagram:user:some.one": [
        "https://www.instagram.com/Some.One/",
        "https://instagram.com/some.one?igshid=1",
    ],
    "instagram:share:Q1": ["https://www.instagram.com/share/Q1", "https://www.instagram.com/share/reel/Q1/"],
    f"youtube:video:{VIDEO}": [
        f"https://www.youtube.com/watch?v={VIDEO}&t=42s&si=noise&pp=x",
        f"https://www.youtube.com/watch?app=desktop&v={VIDEO}",
        f"https://youtu.be/{VIDEO}?si=noise",
        f"https://m.youtube.com/shorts/{VIDEO}",
        f"https://www.youtube.com/live/{VIDEO}?feature=share",
        f"https://www.youtube-nocookie.com/embed/{VIDEO}?start=5",
        f"https://music.youtube.com/watch?v={VIDEO}",
        f"https://youtu.example/{VIDEO}",
    ],
    f"youtube:video:{VIDEO}:c:Ugx": [
        f"https://www.youtube.com/watch?v={VIDEO}&lc=Ugx",
        f"https://youtu.be/{VIDEO}?lc=Ugx",
    ],
    "youtube:handle:someone": ["https://www.youtube.com/@SomeOne", "https://m.youtube.com/@someone/videos"],
    "youtube:channel:UCaB": [
        "https://www.youtube.com/channel/UCaB",
        "https://youtube.com/channel/UCaB/about",
    ],
    "youtube:playlist:PLx": ["https://www.youtube.com/playlist?list=PLx&si=z"],
    "youtube:post:Ugk1": [
        "https://www.youtube.com/post/Ugk1",
        "https://www.youtube.com/channel/UCaB/community?lb=Ugk1",
    ],
    "tiktok:video:73": [
        "https://www.tiktok.com/@one/video/73?is_from_webapp=1&sender_device=pc",
        "https://m.tiktok.com/v/73.html?_t=8&_r=1",
        "https://www.tiktok.com/embed/v2/73",
        "https://tiktok.example/@another/video/73",
    ],
    "tiktok:photo:74": ["https://www.tiktok.com/@one/photo/74?lang=kk"],
    "tiktok:live:one": ["https://www.tiktok.com/@One/live"],
    "tiktok:user:one": ["https://www.tiktok.com/@One?_t=1", "https://m.tiktok.com/@one"],
    "tiktok:share:ZMx": [
        "https://vm.tiktok.com/ZMx/",
        "https://vt.tiktok.com/ZMx",
        "https://www.tiktok.com/t/ZMx/",
    ],
    "telegram:msg:channel:12": [
        "https://t.me/Channel/12",
        "https://t.me/s/channel/12",
        "https://telegram.me/channel/12?single",
        "https://t.me/channel/5/12",
        "https://channel.t.me/12",
        "https://t-me.example/channel/12",
        "https://telegram.dog/channel/12",
    ],
    "telegram:msg:channel:12:c:9": ["https://t.me/channel/12?comment=9"],
    "telegram:private:100:12": ["https://t.me/c/100/12", "https://t.me/c/100/3/12"],
    "telegram:invite:AbC_d": ["https://t.me/+AbC_d", "https://t.me/joinchat/AbC_d"],
    "telegram:channel:channel": ["https://t.me/Channel", "https://t.me/s/channel", "https://channel.t.me/"],
    "vk:wall:-1_2": [
        "https://vk.com/wall-1_2",
        "https://m.vk.com/feed?w=wall-1_2",
        "https://vk.ru/public1?w=wall-1_2",
    ],
    "vk:wall:-1_2:c:5": ["https://vk.com/wall-1_2?reply=5", "https://vk.com/club1?w=wall-1_2&reply=5"],
    "vk:video:-1_2": [
        "https://vk.com/video-1_2",
        "https://vk.com/video?z=video-1_2%2Fpl_cat",
        "https://vk.com/clip-1_2",
    ],
    "vk:photo:1_2": ["https://vk.com/photo1_2", "https://vk.com/id1?z=photo1_2%2Falbum1_0"],
    "vk:user:1": ["https://vk.com/id1", "https://m.vk.com/id1"],
    "vk:group:1": ["https://vk.com/club1", "https://vk.com/public1"],
    "vk:vanity:someone": ["https://vk.com/SomeOne", "https://vk.example/someone"],
    "x:post:1": [
        "https://x.com/User/status/1?s=20&t=abc",
        "https://twitter.com/user/status/1",
        "https://mobile.twitter.com/other/status/1?ref_src=twsrc",
        "https://x.com/i/web/status/1",
        "https://x.com/i/status/1",
        "https://fxtwitter.com/user/status/1",
        "https://nitter.net/user/status/1#m",
        "https://x.example/user/status/1/photo/2",
    ],
    "x:user:someone": [
        "https://x.com/SomeOne",
        "https://twitter.com/someone?lang=kk",
        "https://x.com/someone/media",
    ],
    "x:share:AbC": ["https://t.co/AbC"],
    "github:repository:foo/bar": [
        "https://github.com/Foo/Bar",
        "https://github.com/foo/bar.git",
        "https://github.example/foo/bar/",
    ],
    "github:file:foo/bar:main/a/B.md": [
        "https://github.com/foo/bar/blob/main/a/B.md?plain=1#L3",
        "https://raw.githubusercontent.com/foo/bar/main/a/B.md",
        "https://github.com/Foo/bar/raw/main/a/B.md",
    ],
    "github:issue:foo/bar:145": [
        "https://github.com/foo/bar/issues/145",
        "https://github.com/foo/bar/pull/145/files",
    ],
    "github:issue:foo/bar:145:c:5": ["https://github.com/foo/bar/issues/145#issuecomment-5"],
    "github:gist:b6345333147279321f1d": [
        "https://gist.github.com/someone/b6345333147279321f1d",
        "https://gist.githubusercontent.com/someone/b6345333147279321f1d/raw/0/a.txt",
        "https://gist.github.example/b6345333147279321f1d",
    ],
    "github:user:someone": [
        "https://github.com/SomeOne?tab=repositories",
        "https://gist.github.com/someone?direction=asc",
    ],
    "github:site:someone:page": [
        "https://someone.github.io/page/",
        "http://SomeOne.github.io/page",
        "https://someone.github-io.example/page",
    ],
}


@pytest.mark.parametrize(("key", "url"), [(key, url) for key, urls in SAME_ITEM.items() for url in urls])
def test_every_way_to_write_an_item_has_the_key_of_that_item(key: str, url: str) -> None:
    assert read_link(url).key == key


@pytest.mark.parametrize(
    "url",
    [
        "https://www.facebook.com/help/123",
        "https://about.fb.com/news",
        "https://help.instagram.com/1",
        "https://docs.github.com/en/site-policy",
        "https://help.github.com/articles/terms",
        "https://support.tiktok.com/en",
        "https://transparency.meta.com/policies",
        "https://www.youtube.com/results?search_query=x",
        "https://www.instagram.com/explore/tags/x/",
        "https://x.com/search?q=x",
        "https://vk.com/feed",
        "https://github.com/",
        "https://t.me/",
    ],
)
def test_help_searches_and_home_pages_belong_to_the_platform_but_are_no_item(url: str) -> None:
    link = read_link(url)
    assert link.platform is not None
    assert (link.kind, link.exact) == ("other", False)


@pytest.mark.parametrize(
    "url",
    [
        "https://notfacebook.com/reel/5",
        "https://facebook.com.example.org/reel/5",
        "https://myx.com/a/status/1",
    ],
)
def test_a_host_that_only_looks_like_a_platform_is_none(url: str) -> None:
    assert read_link(url).platform is None
    assert read_link(url).key.startswith("web:")


def test_the_platform_of_a_host_is_known_help_pages_and_all() -> None:
    assert platform_of_host("help.instagram.com") == "instagram"
    assert platform_of_host("example.org") is None


def test_a_typical_link_is_read_in_microseconds() -> None:
    """Bulk intake reads thousands a second; the bound is wide so that a busy machine does not fail it."""
    urls = [url for urls in SAME_ITEM.values() for url in urls if "%" not in url and "#" not in url]
    started = time.perf_counter()
    for url in urls:
        read_link(url)
    assert (time.perf_counter() - started) / len(urls) < 0.001
