"""HTML mail becomes readable text, whatever the mail is."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convsync_cli.sync.text import from_html


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("plain, without a tag", "plain, without a tag"),
        ("<p>One<br>two</p><p>three</p>", "One\ntwo\n\nthree"),
        ("<div>a</div><div><br></div><div>b</div>", "a\n\nb"),
        ("<div><div>a</div></div><div>b</div>", "a\nb"),
        ("<p>a</p>\n<p></p><br><br><p>b</p>", "a\n\nb"),
        ("<ul><li>x</li><li><p>y</p></li></ul>after", "- x\n- y\n\nafter"),
        ("<table><tr><td>a</td><td>b</td></tr><TR><TD>c</TABLE>", "a b\nc"),
        ("<pre>a\r\n  b\n\nc</pre>d", "a\nb\n\nc\n\nd"),
        ("a\n  wrapped\tline &nbsp;&nbsp; here", "a wrapped line here"),
        ("<b>in</b>side<span>word</span>", "insideword"),
    ],
)
def test_blocks_make_lines_and_white_space_is_folded(html: str, text: str) -> None:
    assert text == from_html(html)


@pytest.mark.parametrize(
    "between",
    ["<br><br>", "<br> <br><br><br>", "<br><p>", "<br><br><br><p>", "<div></div><p>", "<p><br>",
     "<p><div><br></div>", "<div></div><br>", "<div></div><br><br>", "<div></div><br><br><br>"],
)  # fmt: skip
def test_whatever_leaves_a_gap_leaves_one_empty_line(between: str) -> None:
    assert from_html(f"a{between}b") == "a\n\nb"


@pytest.mark.parametrize(
    "html",
    [
        "<script>a</scripty></script >x",
        "<SCRIPT src='y'>if (a</b>c) {}</SCRIPT>x",
        "<style>p {} <!-- </style>x",
        "<head><title>T</title><meta><xml><o:n>96</o:n></xml></head><body>x</body>",
        "<title>T</title>x",
        "<!-- c -- > <p>d</p> -->x<!-->",
        "<!--[if mso]><p>Outlook</p><![endif]-->x",
        "<![if !mso]>x<![endif]>",
        "<!DOCTYPE html><?xml version='1.0'?>x",
        "x<style>never closed",
        "x<!-- never closed",
        "x<img alt='pixel' src='https://example.com/p.gif'>",
    ],
)
def test_what_no_reader_sees_is_left_out(html: str) -> None:
    assert from_html(html) == "x"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<a href='https://e.co/1'>Book <b>now</b></a>.", "Book now <https://e.co/1>."),
        ('<A class="x" HREF = "https://e.co/?a=1&amp;b=2&copy=3">k</A>',
         "k <https://e.co/?a=1&b=2&copy=3>"),
        ("<a href=https://e.co>k</a>", "k <https://e.co>"),
        ("<a href='http://www.e.co/'>E.co</a>", "E.co"),
        ("<a href='mailto:a@b.co?subject=x'>a@b.co</a>", "a@b.co"),
        ("<a href='mailto:a@b.co'>write</a>", "write <mailto:a@b.co>"),
        ("<a href='javascript:x()'>j</a> <a name=n>n</a> <a href='#top'>t</a>", "j n t"),
        ("<a href='https://e.co'><img src=x></a>", "<https://e.co>"),
        ("<a href='https://e.co/1'>one<a href='https://e.co/2'>two",
         "one <https://e.co/1>two <https://e.co/2>"),
        ("<a data-href='https://no.co' title='1>2' href='https://e.co'>k</a>", "k <https://e.co>"),
        ("<pre><a\nhref='https://e.co/\n1'>k</a></pre>", "k <https://e.co/1>"),
    ],
)  # fmt: skip
def test_links_keep_their_text_and_an_address_that_differs(html: str, text: str) -> None:
    assert text == from_html(html)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("&lt;b&gt; &amp;amp; &eacute; &#8364; &#x1F600; caf&eacute", "<b> &amp; é € 😀 café"),
        ("&bogus; &#99999999; &#xD800; AT&T &", "&bogus; � � AT&T &"),
        ("zero\u200bwidth soft&shy;hyphen&#8203;", "zerowidth softhyphen"),
        ("می‌خواهم", "می‌خواهم"),
        ("\0a\1\2\3\4\5\6b&#1;", "ab"),
        ("I <3 this, a < b, 2<4", "I <3 this, a < b, 2<4"),
        ("Rep <rep@example.com>, see <https://e.co>", "Rep <rep@example.com>, see <https://e.co>"),
        ("a<!--rep@example.com-->b", "ab"),
        ("\ud800", "?"),
    ],
)
def test_references_are_decoded_and_no_character_is_lost(html: str, text: str) -> None:
    assert text == from_html(html)


@pytest.mark.parametrize(
    "html",
    ["<title", "<head><p>END", "<head>END", "<p>END<a href='never closed",
     "<head>a<head>b</head>END", "</p></p>END</div>",
     "<p/>END<br/"],
)  # fmt: skip
def test_broken_mail_keeps_its_visible_text(html: str) -> None:
    assert ("END" in html) == ("END" in from_html(html))


HOSTILE = [
    "<div>", "<a><b><i>x", "<b x='1'>", "</p>", "<table><tr><td>x", "<li><br><p>", "<pre>\n",
    "<head>", "<head><p>", "<xml>", "<!-", "<!---->", "<", "< ", "<a", "<a b='c' ", "=\"'",
    "<p d='", "<script></script>",
    "<style>x</style><", "<svg><p>", "&", "&amp;", "&notit", "&#1234",
    "&#x", "<a href='https://e.co'>", "<a href=https://e.co>x</a>", "<textarea>", "\n \r", "\xa0",
    "\0", "<br><div> ", "<li>", "<p>x", "</", "</>", "<?", "\U0001f600", "<x@y>",
]  # fmt: skip


def test_formatting_that_is_opened_anew_in_every_block_costs_nothing() -> None:
    """A tree builder makes nine million elements of it."""
    opened = "".join(f"<b x={n}></i>" for n in range(3000))
    assert from_html(f"<p>{opened}</p>" + "<p>x</p>" * 3000).startswith("x\n\nx")


SWALLOWING = ["<pre>\n", "<!-", "<?", "</", "<", "<a b='c' "]  # a tag is open at the end


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_megabyte_of_anything_is_read_at_once(hostile: str) -> None:
    """Anything quadratic would be noticed here."""
    text = from_html("<p>BEGIN</p>" + hostile * (1_000_000 // len(hostile)) + "'\"><p>END</p>")
    assert text.startswith("BEGIN")
    assert text.endswith("END") or hostile in SWALLOWING or "href" in hostile


@pytest.mark.parametrize(
    "opening", ["<script>", "<style>", "<title>", "<!--", "<p x='", "<a ", "<p x="]
)
def test_what_is_never_closed_is_looked_at_once(opening: str) -> None:
    assert from_html("BEGIN" + opening * 300_000) == "BEGIN"


def test_text_behind_too_many_tags_is_kept_without_its_layout() -> None:
    text = from_html("<span>" * 150_000 + "<p>one</p><u-x>two</u-x><script>no</script> &amp; END")
    assert text == "one\ntwo\n& END"


LINK = "<a href='https://e.co'>END</a>"  # its address is layout, which is lost with the tree
_CROWD = " ".join(f"a{n}" for n in range(600))


@pytest.mark.parametrize(
    "html",
    [
        f"<p {_CROWD}>",
        f"<p a='>' b=\">\" {_CROWD}>",
        f"<p x\"y a='>' {_CROWD}>",
        f"<!-- <a x=' --><p {_CROWD}><!--'-->",
        f"<p {_CROWD.replace(' ', '/')}>",
        "<p " + " ".join(f"a{n} b{n}='<a'" for n in range(600)) + ">",
        "<div></x>" * 600,
    ],
)
def test_no_tree_is_built_of_tags_that_are_too_full_or_too_deep(html: str) -> None:
    """A megabyte of attributes, each of which is compared with all the others, takes 20 seconds."""
    assert from_html(html + LINK).endswith("END")


@pytest.mark.parametrize(
    "html",
    [
        '<p title=\'it"s > 5\' class="a > b" hidden>' * 100 + "</p>" * 100,
        "<img src='data:image/png;base64," + "A/" * 10_000 + "'>",
        "<p " + " ".join(f"a{n}='x'" for n in range(100)) + " >" + "word " * 10_000,
    ],
)
def test_a_tree_is_built_of_what_a_mail_may_hold(html: str) -> None:
    assert from_html(html + LINK).endswith("END <https://e.co>")


class _Oracle(HTMLParser):
    """The standard library's idea of the visible text; too slow for large mail."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = False
        self.seen = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.hidden = tag in ("script", "style", "title")

    def handle_endtag(self, tag: str) -> None:
        self.hidden = False

    def handle_data(self, data: str) -> None:
        self.seen += "" if self.hidden else data


def _element(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    names = st.sampled_from(
        ["div", "p", "b", "span", "table", "td", "h1", "blockquote", "center", "font", "TD", "o:p"]
    )
    attributes = st.sampled_from(["", " class='x'", ' title="a>b"', " style=x"])
    inner = st.lists(children, max_size=4).map("".join)
    return st.builds("<{0}{1}>{2}</{0}>".format, names, attributes, inner)


_words = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="<>&\u034f"))
_leaves = st.one_of(
    _words,
    st.sampled_from(["<br>", "<hr/>", "&amp;", "&eacute;", "<script>no</script>", "<!-- no -->",
                     "<style>no</style>", "<title>no</title>"]),
)  # fmt: skip


@given(st.recursive(_leaves, _element, max_leaves=30))
def test_the_text_is_what_a_parser_sees(html: str) -> None:
    oracle = _Oracle()
    oracle.feed(html)
    oracle.close()
    # Sorted: what stands in a table outside its cells is moved before it, as browsers do.
    assert sorted("".join(oracle.seen.split())) == sorted("".join(from_html(html).split()))


_fragments = st.lists(
    st.one_of(
        st.sampled_from([*HOSTILE, "'", '"', ">", "=", "-->", "a", "</script>", "</pre>"]),
        st.text(),
    )
).map("".join)


@given(_fragments)
def test_any_html_gives_text_without_marks_or_white_space_to_spare(html: str) -> None:
    text = from_html(html)
    assert not re.search(r"[\0-\6]|  | \n|\n |\n\n\n", text)
    assert text == text.strip()


@given(st.text(st.characters(exclude_characters="<&", exclude_categories=["Cc", "Zs", "Cs"])))
def test_text_without_markup_is_left_as_it_is(text: str) -> None:
    once = from_html(text)
    assert once == from_html(once)


@pytest.mark.parametrize("count", [2, 3, 100])
def test_of_many_opening_brackets_only_the_last_can_begin_a_tag(count: int) -> None:
    run = "<" * count
    assert from_html(f"a {run}b>c</b>") == f"a {run[1:]}c"
    assert from_html(f"<p title='{run}'>x</p>{run} y") == f"x\n\n{run} y"
