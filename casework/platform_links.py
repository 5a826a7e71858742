"""The table of platforms: their hosts, the shapes of their links, and what identifies an item.

Data first: to add a platform, add its shapes and its hosts here, and a row to the tests. The shapes
follow the platforms' public links; ids keep their case, account names are compared in lower case.
The first shape that fits decides, so the special stand before the general.
"""

from __future__ import annotations

import re
from functools import lru_cache

from casework.link_shapes import Site, shape

_OPAQUE = "share:{token}"

_FACEBOOK = (
    shape(r"/(?:story|permalink)\.php", "post", "post:{id}", needs="story_fbid={id:code} id?={user:n}"),
    shape("/groups/{group:name}/(?:posts|permalink)/{id:code}", "post", "grouppost:{group}:{id}"),
    shape("/groups/{group:name}", "post", "grouppost:{group}:{id}", needs="multi_permalinks={id:n}"),
    shape("/groups/[^/]+/user/{user:n}", "profile", "user:{user}"),
    shape("/groups/{group:name}(?:/[a-z_]+)?", "group", "group:{group}"),
    shape("/reels?/{id:n}", "reel", "reel:{id}"),
    shape(r"/(?:watch(?:/live)?|video\.php|video/embed)", "video", "video:{id}", needs="v={id:n}"),
    shape("/{user:word}/videos(?:/[^/]+)?/{id:n}", "video", "video:{id}"),
    shape(r"/photo(?:\.php)?", "photo", "photo:{id}", needs="fbid={id:n}"),
    shape("/{user:word}/photos(?:/[^/]+)?/{id:n}", "photo", "photo:{id}"),
    shape("/media/set", "album", "album:{id}", needs=r"set=(?:a\.)?{id:name}"),
    shape("/stories/{user:n}/{id:word}", "story", "story:{id}"),
    shape("/{user:word}/posts(?:/[^/]+)?/{id:code}", "post", "post:{id}"),
    shape("/events(?:/[^/]+)?/{id:n}", "event", "event:{id}"),
    shape("/ads/library", "ad", "ad:{id}", needs="id={id:n}"),
    shape("/marketplace/item/{id:n}", "ad", "listing:{id}"),
    shape("/share/(?:[a-z]/)?{token:code}", "other", _OPAQUE, opaque=True),
    shape(r"/profile\.php", "profile", "user:{user}", needs="id={user:n}"),
    shape("/people/[^/]+/{user:code}", "profile", "user:{user}"),
    shape("/{user:n}", "profile", "user:{user}"),
    shape(
        r"/(?:pg/)?(?!(?:ads|business|events|groups|hashtag|help|home|legal|login|marketplace|media|pages|people"
        r"|photo|policies|policy|privacy|reel|reels|recover|search|settings|share|sharer|stories|terms|watch)(?:/|$))"
        r"(?!\w+\.php){user:word}(?:/(?:about|photos|videos|posts|reels|friends|followers|community))?",
        "page",
        "vanity:{user}",
    ),
)
_INSTAGRAM = (
    shape("/share/(?:[a-z]+/)?{token:code}", "other", _OPAQUE, opaque=True),
    shape("/(?:[^/]+/)?(?:p|reels?|tv)/{id:code}/c/{comment:n}(?:/.*)?", "comment", "media:{id}:c:{comment}"),
    shape("/(?:{user:name}/)?(?:p|tv)/{id:code}(?:/(?:embed|liked_by|comments).*)?", "post", "media:{id}"),
    shape(
        "/(?:{user:name}/)?reels?/(?!audio$){id:code}(?:/(?:embed|liked_by|comments).*)?",
        "reel",
        "media:{id}",
    ),
    shape("/stories/highlights/{id:n}", "story", "highlight:{id}"),
    shape("/stories/{user:name}/{id:n}", "story", "story:{id}"),
    shape("/stories/{user:name}", "story", "stories:{user}"),
    shape(
        "/(?!(?:about|accounts|direct|explore|developer|legal|p|privacy|reel|reels|share|stories|terms|tv|web)(?:/|$))"
        "{user:name}(?:/(?:reels|tagged|channel))?",
        "profile",
        "user:{user}",
    ),
)
_YOUTUBE = (
    shape("/watch", "video", "video:{id}", needs="v={id:yt}$"),
    shape("/(?:shorts|embed|v|e)/{id:yt}", "video", "video:{id}"),
    shape("/live/{id:yt}", "live", "video:{id}"),
    shape("/playlist", "album", "playlist:{id}", needs="list={id:code}"),
    shape("/post/{id:code}", "post", "post:{id}"),
    shape("/channel/[^/]+/community", "post", "post:{id}", needs="lb={id:code}"),
    shape("/clip/{id:code}", "video", "clip:{id}"),
    shape("/@{user:word}(?:/.*)?", "channel", "handle:{user}"),
    # A channel's id keeps its case, unlike every name.
    shape("/channel/{channel:code}(?:/.*)?", "channel", "channel:{channel}"),
    shape("/c/{user:word}(?:/.*)?", "channel", "c:{user}"),
    shape("/user/{user:word}(?:/.*)?", "channel", "user:{user}"),
    shape(
        "/(?!(?:about|account|ads|attribution_link|c|channel|clip|creators|embed|feed|gaming|hashtag|kids|live|music"
        "|playlist|post|premium|redirect|results|shorts|t|trending|user|watch|yt)(?:/|$)){user:name}",
        "channel",
        "c:{user}",
    ),
)
_YOUTU_BE = (
    shape("/{id:yt}", "video", "video:{id}"),
    shape("/watch", "video", "video:{id}", needs="v={id:yt}$"),
)
_TIKTOK = (
    shape("/@{user:word}/video/{id:n}", "video", "video:{id}"),
    shape(
        r"/(?:v|embed(?:/v\d)?|player/v1|share/video|i18n/share/video)/{id:n}(?:\.html)?",
        "video",
        "video:{id}",
    ),
    shape("/@{user:word}/photo/{id:n}", "photo", "photo:{id}"),
    shape("/@{user:word}/live", "live", "live:{user}"),
    shape("/@{user:word}/playlist/(?:[^/]*-)?{id:n}", "album", "playlist:{id}"),
    shape("/music/(?:[^/]*-)?{id:n}", "other", "sound:{id}"),
    shape("/@{user:word}", "profile", "user:{user}"),
    shape("/t/{token:code}", "other", _OPAQUE, opaque=True),
)
_ANY_TOKEN = (shape("/{token:code}(?:/.*)?", "other", _OPAQUE, opaque=True),)
_CHANNEL = "{user:name}"
_TELEGRAM = (
    shape(r"/(?:\+|%2B|joinchat/){id:code}", "group", "invite:{id}"),
    shape("/c/{channel:n}/(?:{topic:n}/)?{id:n}", "message", "private:{channel}:{id}"),
    shape("/addlist/{id:code}", "other", "list:{id}"),
    shape("/(?:addstickers|addemoji)/{id:code}", "other", "stickers:{id}"),
    shape(f"/{_CHANNEL}/s/{{id:n}}", "story", "story:{user}:{id}"),
    shape(f"/(?:s/)?{_CHANNEL}/(?:{{topic:n}}/)?{{id:n}}", "message", "msg:{user}:{id}"),
    shape(
        f"/(?:s/)?(?!(?:c|s|share|proxy|socks|login|iv|joinchat|addlist)$){_CHANNEL}",
        "channel",
        "channel:{user}",
    ),
)
_OBJECT = "(?P<id>(?P<owner>-?\\d+)_\\d+)"
_VK_OBJECTS = tuple(
    row
    for word, kind, key in (
        ("wall", "post", "wall"),
        ("video", "video", "video"),
        ("clip", "video", "video"),
        ("photo", "photo", "photo"),
        ("album", "album", "album"),
        ("topic", "post", "topic"),
        ("doc", "file", "doc"),
        ("story", "story", "story"),
        ("product", "ad", "market"),
    )
    for row in (
        shape("/.*", kind, key + ":{id}", needs=f"w={word}{_OBJECT}"),
        shape("/.*", kind, key + ":{id}", needs=f"z={word}{_OBJECT}"),
        shape(f"/{word}{_OBJECT}", kind, key + ":{id}"),
    )
)
_VK = (
    *_VK_OBJECTS,
    shape("/video/playlist/{id:code}", "album", "playlist:{id}"),
    shape("/id{user:n}", "profile", "user:{user}"),
    shape("/(?:club|public){group:n}", "group", "group:{group}"),
    shape("/event{group:n}", "event", "group:{group}"),
    shape("/@{user:name}-{id:word}", "post", "article:{user}:{id}"),
    shape(
        r"/(?!(?:about|ads|apps|blog|clips|dev|docs|feed|friends|groups|help|im|legal|login|market|music|privacy"
        r"|search|settings|support|terms|video|videos|wall)(?:$|/))(?!\w+\.php){user:name}",
        "page",
        "vanity:{user}",
    ),
)
_X = (
    shape("/i/(?:web/)?status/{id:n}(?:/.*)?", "post", "post:{id}"),
    shape(
        "/{user:name}/status(?:es)?/{id:n}/(?P<medium>photo|video)/(?P<place>\\d+)(?:/.*)?",
        "post",
        "post:{id}",
        locator="{medium}={place}",
    ),
    shape("/{user:name}/status(?:es)?/{id:n}(?:/.*)?", "post", "post:{id}"),
    shape("/i/user/{user:n}", "profile", "id:{user}"),
    shape("/i/communities/{id:n}", "group", "community:{id}"),
    shape("/i/spaces/{id:code}(?:/.*)?", "live", "space:{id}"),
    shape("/i/events/{id:n}", "event", "event:{id}"),
    shape("/(?:i|[^/]+)/lists/{id:name}", "other", "list:{id}"),
    shape("/intent/(?:user|follow)", "profile", "user:{user}", needs="screen_name={user:name}"),
    shape(
        "/(?!(?:about|compose|explore|hashtag|help|home|i|intent|jobs|login|messages|notifications|privacy|rules"
        "|search|settings|share|signup|tos)(?:/|$))@?{user:name}(?:/(?:media|with_replies|likes|followers|following))?",
        "profile",
        "user:{user}",
    ),
)
_REPO = (
    "/(?!(?:about|apps|collections|contact|customer-stories|enterprise|events|explore|features|login|join|marketplace"
    "|new|notifications|orgs|pricing|readme|search|security|settings|site|sponsors|stars|topics|trending|users)(?:/|$))"
    "{owner:name}/{repo:name}"
)
_FILE = "file:{owner}/{repo}:{ref}/{file}"
_GITHUB = (
    shape(_REPO + "/(?:blob|raw|blame|edit)/(?:refs/heads/)?{ref:word}/{file:rest}", "file", _FILE),
    shape(_REPO + "/tree/(?:refs/heads/)?{ref:word}/{file:rest}", "file", _FILE),
    shape(_REPO + "/tree/(?:refs/heads/)?{ref:rest}", "repository", "tree:{owner}/{repo}:{ref}"),
    shape(_REPO + "/releases/download/{file:rest}", "file", "release:{owner}/{repo}:{file}"),
    shape(_REPO + "/(?:archive|zipball|tarball)/.+", "repository", "repository:{owner}/{repo}"),
    shape(_REPO + "/(?:issues|pull)/{id:n}(?:/.*)?", "issue", "issue:{owner}/{repo}:{id}"),
    shape(_REPO + "/discussions/{id:n}", "post", "discussion:{owner}/{repo}:{id}"),
    shape(_REPO + "/commit/{id:code}", "other", "commit:{owner}/{repo}:{id}"),
    shape(_REPO + "/wiki/{page:rest}", "page", "wiki:{owner}/{repo}:{page}"),
    shape(_REPO + "/wiki", "page", "wiki:{owner}/{repo}"),
    shape(
        _REPO + "/(?:blob|issues|pulls|releases|commits|actions|network|forks|tags|branches|activity|discussions"
        "|stargazers|watchers|graphs|projects|packages)"
        "(?:/.*)?",
        "repository",
        "repository:{owner}/{repo}",
    ),
    shape(
        _REPO.replace("{repo:name}", r"(?P<repo>[A-Za-z0-9._-]+?)(?:\.git)?"),
        "repository",
        "repository:{owner}/{repo}",
    ),
    shape("/(?:orgs|sponsors|users)/{owner:name}(?:/.*)?", "profile", "user:{owner}"),
    shape(_REPO.removesuffix("/{repo:name}"), "profile", "user:{owner}"),
)
_RAW = (shape("/{owner:name}/{repo:name}/(?:refs/heads/)?{ref:word}/{file:rest}", "file", _FILE),)
_GIST = (
    shape("/(?:{owner:name}/)?{id:gist}(?:/.*)?", "file", "gist:{id}"),
    shape(
        "/(?!(?:discover|starred|forked|search|login)$){owner:name}(?:/(?:starred|forked))?",
        "profile",
        "user:{owner}",
    ),
)
_GITHUB_IMAGES = (shape("/{id:rest}", "photo", "image:{id}"),)
_CODELOAD = (shape("/{owner:name}/{repo:name}/.+", "repository", "repository:{owner}/{repo}"),)
_GITHUB_PAGES = (
    shape("/{owner:name}/{page:rest}", "site", "site:{owner}:{page}"),
    shape("/{owner:name}", "site", "site:{owner}"),
)

_NUMBERED_COMMENT = re.compile(r"(?:issuecomment-|discussioncomment-|discussion_r)(\d+)")
_PLAIN = frozenset({""})

_FACEBOOK_SITE = Site(
    "facebook",
    _FACEBOOK,
    comments=("reply_comment_id", "comment_id"),
    locators=("t",),
    redirects=(("/l.php", ("u",)), ("/flx/warn", ("u",))),
    folded=frozenset({"", "www", "m", "mbasic", "web", "touch", "free", "d", "l", "lm", "business"}),
)
_YOUTUBE_SITE = Site(
    "youtube",
    _YOUTUBE,
    comments=("lc",),
    locators=("t", "start", "time_continue"),
    redirects=(("/redirect", ("q",)), ("/attribution_link", ("u",))),
    folded=frozenset({"", "www", "m", "music"}),
)
_TELEGRAM_SITE = Site(
    "telegram", _TELEGRAM, comments=("comment",), locators=("single", "thread", "t"), owner_label=True
)
_VK_SITE = Site("vk", _VK, comments=("reply",), locators=("t", "thread"), redirects=(("/away.php", ("to",)),))
_X_SITE = Site("x", _X)
_GITHUB_SITES = Site("github", _GITHUB, comment_fragment=_NUMBERED_COMMENT, folded=frozenset({"", "www"}))
_RAW_SITE = Site("github", _RAW, folded=_PLAIN)
_GIST_SITE = Site("github", _GIST, folded=_PLAIN)
_IMAGE_SITE = Site("github", _GITHUB_IMAGES, folded=_PLAIN)
_GOOGLE_SITE = Site(None, redirects=(("/url", ("q", "url")),), folded=frozenset({"", "www"}))

_SITES: dict[str, Site] = {
    "facebook.com": _FACEBOOK_SITE,
    "fb.com": _FACEBOOK_SITE,
    "fb.watch": Site("facebook", _ANY_TOKEN),
    "fb.me": Site("facebook", _ANY_TOKEN),
    "meta.com": Site("facebook", folded=_PLAIN),
    "instagram.com": Site(
        "instagram",
        _INSTAGRAM,
        comments=("comment_id",),
        locators=("img_index",),
        redirects=(("/", ("u",)),),
        folded=frozenset({"", "www", "m", "l"}),
    ),
    "instagr.am": Site("instagram", _INSTAGRAM, locators=("img_index",)),
    "youtube.com": _YOUTUBE_SITE,
    "youtube-nocookie.com": _YOUTUBE_SITE,
    "youtu.be": Site("youtube", _YOUTU_BE, comments=("lc",), locators=("t", "start")),
    "tiktok.com": Site("tiktok", _TIKTOK),
    "vm.tiktok.com": Site("tiktok", _ANY_TOKEN),
    "vt.tiktok.com": Site("tiktok", _ANY_TOKEN),
    "t.me": _TELEGRAM_SITE,
    "telegram.me": _TELEGRAM_SITE,
    "telegram.dog": _TELEGRAM_SITE,
    "telegram.org": Site("telegram", folded=_PLAIN),
    "vk.com": _VK_SITE,
    "vk.ru": _VK_SITE,
    "vkvideo.ru": _VK_SITE,
    "vk.cc": Site("vk", _ANY_TOKEN),
    "x.com": _X_SITE,
    "twitter.com": _X_SITE,
    "fxtwitter.com": _X_SITE,
    "vxtwitter.com": _X_SITE,
    "fixupx.com": _X_SITE,
    "nitter.net": _X_SITE,
    "t.co": Site("x", _ANY_TOKEN),
    "pic.twitter.com": Site("x", _ANY_TOKEN),
    "github.com": _GITHUB_SITES,
    "gist.github.com": _GIST_SITE,
    "raw.github.com": _RAW_SITE,
    "codeload.github.com": Site("github", _CODELOAD),
    "githubusercontent.com": Site("github", folded=_PLAIN),
    "raw.githubusercontent.com": _RAW_SITE,
    "gist.githubusercontent.com": _GIST_SITE,
    "user-images.githubusercontent.com": _IMAGE_SITE,
    "private-user-images.githubusercontent.com": _IMAGE_SITE,
    "github.io": Site("github", _GITHUB_PAGES, owner_label=True, folded=_PLAIN),
    "out.reddit.com": Site(None, redirects=(("", ("url",)),)),
    "google.com": _GOOGLE_SITE,
    "google.kz": _GOOGLE_SITE,
    "google.ru": _GOOGLE_SITE,
}

# RFC 2606 reserves .example for documentation. Training, the demo and the tests must never name a real
# item, so a reserved name stands for each platform and is read, prefix and all, exactly like the real host.
_PRACTICE_HOSTS = {
    "facebook.example": "facebook.com",
    "fb-watch.example": "fb.watch",
    "instagram.example": "instagram.com",
    "youtube.example": "youtube.com",
    "youtu.example": "youtu.be",
    "tiktok.example": "tiktok.com",
    "telegram.example": "t.me",
    "t-me.example": "t.me",
    "vk.example": "vk.com",
    "x.example": "x.com",
    "twitter.example": "twitter.com",
    "t-co.example": "t.co",
    "github.example": "github.com",
    "github-io.example": "github.io",
}

_LOCALE_PREFIX = re.compile(r"[a-z]{2}-[a-z]{2}")


@lru_cache(maxsize=4096)
def site_of(host: str) -> tuple[Site | None, str | None]:
    """The site a host belongs to, and the account that the host itself names.

    A host under a platform's domain that the table does not list (``help.``, ``about.``) belongs to the
    platform but has no shapes: nothing there is an item.
    """
    labels = host.split(".")
    for start in range(len(labels) - 1):
        base = ".".join(labels[start:])
        base = _PRACTICE_HOSTS.get(base, base)
        # A subdomain may have a row of its own; of a practice host too: gist.github.example.
        site = _SITES.get(base) or _practice_subdomain(labels[start:])
        if site is None:
            continue
        prefix = ".".join(labels[:start])
        if prefix in site.folded or _LOCALE_PREFIX.fullmatch(prefix):
            return site, None
        if site.owner_label and start == 1:
            return site, prefix
        return Site(site.platform), None
    return None, None


def _practice_subdomain(labels: list[str]) -> Site | None:
    real = _PRACTICE_HOSTS.get(".".join(labels[1:]))
    return _SITES.get(f"{labels[0]}.{real}") if real else None


def platform_of_host(host: str) -> str | None:
    """The platform a host belongs to, help pages and all; nothing for a host the table does not know."""
    site, _ = site_of(host.lower().rstrip("."))
    return site.platform if site else None
