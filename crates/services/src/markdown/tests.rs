//! Renderings of what people write, and of what is written to harm.

use super::{MAX_HTML, WRITTEN, is_harmless, render};
use proptest::prelude::*;

/// Reads a rendering by a grammar that is narrower than HTML: tags are those of [`WRITTEN`] with the attributes that are
/// written, balanced, links not within links; what is between them has no `<` and no `>`, and `&` only before five names.
/// Says what does not belong.
fn wrong_in(html: &str) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    loop {
        let (text, after) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
        if let Some(wrong) = wrong_text(text) {
            return Some(wrong);
        }
        if after.is_empty() {
            return open.last().map(|name| format!("{name} stays open"));
        }
        let Some(end) = after.find('>') else {
            return Some(format!("a tag does not end: {after}"));
        };
        let tag = &after[1..end];
        rest = &after[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Some(format!("{name} ends and is not open"));
            }
            continue;
        }
        let name = tag.split(' ').next().unwrap_or_default();
        if !WRITTEN.contains(&name) {
            return Some(format!("<{tag}> is not written"));
        }
        let attributes = &tag[name.len()..];
        let is_right = match name {
            "a" => is_link(attributes),
            "ol" => attributes
                .strip_prefix(" start=\"")
                .and_then(|rest| rest.strip_suffix('"'))
                .is_some_and(|first| first.parse::<u64>().is_ok()),
            _ => attributes.is_empty(),
        };
        if !is_right || name == "a" && open.contains(&"a") {
            return Some(format!("<{tag}>"));
        }
        if !matches!(name, "br" | "hr") {
            open.push(name);
        }
    }
}

fn is_link(attributes: &str) -> bool {
    let address = attributes
        .strip_prefix(" href=\"")
        .and_then(|rest| rest.strip_suffix("\" rel=\"nofollow noopener noreferrer\""));
    address.is_some_and(|address| {
        let is_known = ["http://", "https://", "mailto:"]
            .iter()
            .any(|scheme| address.to_ascii_lowercase().starts_with(scheme));
        is_known
            && !address.contains(['"', '\'', '<', '>', ' ', '\n'])
            && wrong_text(address).is_none()
    })
}

fn wrong_text(text: &str) -> Option<String> {
    if text.contains('>') || text.contains(|char: char| char.is_control() && !"\n\t".contains(char))
    {
        return Some(format!("in a text: {text}"));
    }
    let mut pieces = text.split('&');
    pieces.next();
    let known = ["amp;", "lt;", "gt;", "quot;", "#39;"];
    pieces
        .find(|piece| !known.iter().any(|name| piece.starts_with(name)))
        .map(|piece| format!("an & before {piece}"))
}

#[test]
fn what_people_write_looks_as_they_mean_it() {
    for (source, expected) in [
        (
            "# App\n\nIt *serves* **things**.",
            "<h1>App</h1><p>It <em>serves</em> <strong>things</strong>.</p>",
        ),
        ("a\nb  \nc", "<p>a\nb<br>c</p>"),
        (
            "- one\n- ~~two~~\n- [x] three",
            "<ul><li>one</li><li><del>two</del></li><li>[x] three</li></ul>",
        ),
        ("3. c\n4. d", "<ol start=\"3\"><li>c</li><li>d</li></ol>"),
        ("> said\n\n---", "<blockquote><p>said</p></blockquote><hr>"),
        (
            "```sh\ndocker pull a/b && echo \"<ok>\"\n```",
            "<pre><code>docker pull a/b &amp;&amp; echo &quot;&lt;ok&gt;&quot;\n</code></pre>",
        ),
        ("use `a<b`", "<p>use <code>a&lt;b</code></p>"),
        (
            "| a | b |\n|---|---|\n| 1 | 2 |",
            "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>",
        ),
        (
            "[docs](https://example.com/?a=1&b=2 \"title\")",
            "<p><a href=\"https://example.com/?a=1&amp;b=2\" rel=\"nofollow noopener noreferrer\">docs</a></p>",
        ),
        (
            "<https://example.com> and <me@example.com>",
            "<p><a href=\"https://example.com\" rel=\"nofollow noopener noreferrer\">https://example.com</a> and \
             <a href=\"mailto:me@example.com\" rel=\"nofollow noopener noreferrer\">me@example.com</a></p>",
        ),
        // An image is a link: nothing is loaded.
        (
            "![a picture](https://example.com/pixel.png)",
            "<p><a href=\"https://example.com/pixel.png\" rel=\"nofollow noopener noreferrer\">image: a picture</a></p>",
        ),
        (
            "[![badge](https://example.com/b.svg)](https://example.com)",
            "<p><a href=\"https://example.com\" rel=\"nofollow noopener noreferrer\">image: badge</a></p>",
        ),
        // HTML is text.
        ("<b>bold</b>", "<p>&lt;b&gt;bold&lt;/b&gt;</p>"),
        ("<div>\nx\n</div>", "<p>&lt;div&gt;\nx\n&lt;/div&gt;</p>"),
        // A relative address would lead into the page that shows it.
        ("[a](/logout) [b](#c) [d](//example.com)", "<p>a b d</p>"),
        ("", ""),
    ] {
        let html = render(source);
        assert_eq!(html, expected, "{source:?}");
        assert_eq!(wrong_in(&html), None);
    }
}

#[test]
fn a_link_leads_to_another_page_or_nowhere() {
    for harmless in [
        "http://a",
        "HTTPS://a/b?c#d",
        "mailto:a@example.com",
        "https://[::1]:5000/",
    ] {
        assert!(is_harmless(harmless), "{harmless}");
    }
    for harmful in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "\u{1}javascript:alert(1)",
        "data:text/html;base64,PHNjcmlwdD4=",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://a/b",
        "https:a",
        "https:///a",
        "https://good.example@bad.example/",
        "https:\\\\a",
        "https://a/\"onmouseover=\"x",
        "mailto:",
        "//a",
        "/a",
        "a",
        "#a",
        "",
    ] {
        assert!(!is_harmless(harmful), "{harmful}");
    }
    assert!(!is_harmless(&format!("https://{}", "a".repeat(3000))));
}

/// Each must come out as text and the elements that are written, whatever a browser would have made of it.
const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//x></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<template><s><template><s><img src=x onerror=alert(1)>@shafigullin</s></template></s></template>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<iframe srcdoc='&lt;script&gt;alert(1)&lt;/script&gt;'></iframe>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<a href=\"&#106;avascript:alert(1)\">x</a>",
    "[x](javascript:alert(1))",
    "[x](&#106;&#97;vascript:alert(1))",
    "[x](&#x6A;avascript&colon;alert(1))",
    "[x](java&Tab;script:alert(1))",
    "[x](java&NewLine;script:alert(1))",
    "[x](<java script:alert(1)>)",
    "[x](\\javascript:alert(1))",
    "[x](javascript://example.com/%0aalert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](https://a\"onmouseover=alert(1)//)",
    "[x](https://a&quot;onmouseover=alert(1)//)",
    "[x](https://a 'b\" onclick=\"alert(1)')",
    "![x](javascript:alert(1))",
    "![\" onerror=\"alert(1)](https://a/x.png)",
    "![x](x \"\" onerror=\"alert(1)\")",
    "<javascript:alert(1)>",
    "<data:text/html,a>",
    "<https://a/\"><script>alert(1)</script>>",
    "[a]: javascript:alert(1)\n\n[a]",
    "[a]: <javascript:alert(1)> \"x\"\n\n![a][a]",
    "[x [y](https://b) z](https://a)",
    "[![x](https://a)](javascript:alert(1))",
    "![[x](https://a)](https://b)",
    "```<script>\n</code></pre><script>alert(1)</script>\n```",
    "``` \" onclick=\"alert(1)\nx\n```",
    "`</code><script>alert(1)</script>`",
    "|<script>|\n|-|\n|</td></table><script>alert(1)</script>|",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php <script>alert(1)</script> ?>",
    "<!DOCTYPE html><html><body onload=alert(1)>",
    "</p></div></body><script>alert(1)</script>",
    "<plaintext>",
    "<textarea><script>alert(1)</script>",
    "<title><b></title><script>alert(1)</script>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<link rel=stylesheet href=//evil.example>",
    "<style>@import '//evil.example';</style>",
    "<p style=\"background:url(//evil.example)\">",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&amp;lt;script&amp;gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "&#x3c;img src=x onerror=alert(1)&#x3e;",
    "\u{0}<script>\u{0}</script>",
    "<scr\u{0}ipt>alert(1)</scr\u{0}ipt>",
    "\u{feff}<script>alert(1)</script>",
    "\u{202e}<script>\u{202c}",
    "# <script>\n## </h2><script>",
    "- <script>\n  - </ul><script>",
    "1. x\n99999999999999999999. y",
    "999999999. x",
    "- [x] <script>alert(1)</script>",
    "~~<script>~~ **<script>** *<script>*",
    "# a {#b onclick=alert(1)}",
    "[^1]\n\n[^1]: <script>alert(1)</script>",
    "$$<script>alert(1)</script>$$",
];

#[test]
fn nothing_hostile_comes_through() {
    for source in HOSTILE {
        for source in [
            (*source).to_owned(),
            format!("> {source}"),
            format!("- {source}"),
            format!("**{source}**"),
            format!("[{source}](https://example.com)"),
            format!("| a |\n|---|\n| {source} |"),
            format!("text {source} text"),
            // What a rendering shows can be copied into another description.
            render(source),
            render(&render(source)),
        ] {
            assert_eq!(wrong_in(&render(&source)), None, "{source:?}");
        }
    }
}

/// Pieces that something may begin with that never ends, or that could be taken for much more than they are.
const REPEATED: &[&str] = &[
    "[",
    "]",
    "![",
    "<",
    "&",
    "&amp;",
    "*",
    "_a",
    "*a_ ",
    "`",
    "``a",
    "~~",
    "- ",
    "1. ",
    "#",
    "|",
    "|-|\n",
    "<a ",
    "<!--",
    "<?",
    "<![CDATA[",
    "\\",
    "\"",
    "  \n",
    "> - ",
    "- > ",
    "\t",
    "[](",
    "[a](<",
    "](",
    "[^",
    "<a@b.c>",
    "<https://a>",
    "[a][b]",
    "[a]: b\n",
    "***a",
    "a**b_c",
    "\u{1f600}",
    "&#0;",
    "&#x10ffff;",
    "\n\n",
    "* * *\n",
];

/// As large as a description may be: none of them takes long, and none gives more than the limit and a little.
#[test]
fn what_is_made_to_grow_does_not() {
    let full = |unit: &str| unit.repeat(crate::repositories::MAX_DESCRIPTION / unit.len());
    let half = |unit: &str| unit.repeat(crate::repositories::MAX_DESCRIPTION / 2 / unit.len());
    let columns = half("|a");
    let mut hostile = vec![
        format!("{}\n", full(">")),
        format!("{columns}|\n{}|\n", half("|-")),
        format!(
            "{}\n{}\n{}",
            "|a".repeat(5000),
            "|-".repeat(5000),
            "|\n".repeat(20_000)
        ),
        format!(
            "[a]: https://example.com/{}\n\n{}",
            "x".repeat(2000),
            full("[a]")
        ),
        format!(
            "[a]: https://example.com/{}\n\n{}",
            "x".repeat(20_000),
            half("[a] ")
        ),
        format!("{}a{}", half("["), half("](https://a)")),
        format!("{}{}", half("!["), half("](https://a)")),
        format!("{}{}", half("*a "), half("a* ")),
        format!("{}{}", half("**"), half("__")),
    ];
    for unit in REPEATED {
        hostile.push(full(unit));
    }
    for source in hostile {
        let html = render(&source);
        assert!(html.len() < MAX_HTML + 16 * 1024, "{}", html.len());
        assert_eq!(
            wrong_in(&html),
            None,
            "{:?}",
            &source.chars().take(60).collect::<String>()
        );
    }
}

#[test]
fn what_is_too_long_is_cut_where_it_can_be() {
    let html = render(&format!("> # {}", "&".repeat(200_000)));
    assert!(html.ends_with("</h1></blockquote><p>…</p>"));
    assert_eq!(wrong_in(&html), None);
}

/// Pieces that mean something in Markdown or in HTML, in any order, and any characters between them.
fn anything() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "<",
        ">",
        "</",
        "<script>",
        "</script>",
        "<svg>",
        "<style>",
        "<!--",
        "-->",
        "\"",
        "'",
        "`",
        "```\n",
        "&",
        "&lt;",
        "&#",
        "&#60;",
        ";",
        "[",
        "](",
        ")",
        "![",
        "*",
        "**",
        "_",
        "~~",
        "\n",
        "\n\n",
        "> ",
        "- ",
        "1. ",
        "# ",
        "|",
        "\n|-|-|\n",
        "javascript:",
        "https://a",
        "data:",
        "mailto:a@b",
        "<https://a>",
        "<a@b>",
        "\\",
        " ",
        "    ",
        "\t",
        "a",
        "[a]: ",
        "onclick=",
        "\u{0}",
        "[^1]",
        "$",
        "{",
        "}",
        "\u{2028}",
    ];
    let piece = prop_oneof![
        4 => proptest::sample::select(PIECES).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_comes_in_only_what_is_written_comes_out(source in anything()) {
        let html = render(&source);
        prop_assert_eq!(wrong_in(&html), None, "{}", html);
    }
}
