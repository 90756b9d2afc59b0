//! What others read from this program is inert: no text of a server, a document or a report becomes a command, markup,
//! a link, or a character that a terminal acts on. The readers are the real ones, where the machine has them.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use qonform::finding::{Finding, Outcome};
use qonform::report::{self, Color, ExportedFile, Format, Style, export};
use serde_json::Value;

use super::fake_server::{Next, Server, json};
use super::program::TempFolder;

const REPORT: &str = include_str!("../../src/report/testdata/fixed.json");

/// Texts that some reader would act on; a shell that runs one makes the file `owned`.
const ATTACKS: [&str; 22] = [
    "$(touch owned)",
    "`touch owned`",
    "'; touch owned; '",
    "\"; touch owned; \"",
    "a\ntouch owned\n",
    "a\r\ntouch owned\r\n",
    "\\'; touch owned #",
    "${QONFORM_TOKEN:-$(touch owned)}",
    "$(echo $QONFORM_TOKEN; touch owned)",
    "$QONFORM_`touch owned`",
    "-o owned",
    "@/etc/passwd",
    "%s%n%d\\0101\\n",
    "</script><script>alert(1)</script></style></textarea></details>",
    "]]>&amp;<!-- --!><img src=x onerror=alert(1)>",
    "::error file=a,line=1::x%0A::stop-commands::x",
    "\u{1b}]8;;http://evil.example\u{7}x\u{1b}]8;;\u{7}\u{1b}]52;c;ZXZpbA==\u{7}\u{1b}[2J",
    "\u{9b}31m\u{9d}52;c;eA==\u{9c}\u{8}\u{7f}\0",
    "\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\u{e0041}",
    "| x | [a](javascript:alert(1)) ![i](http://evil.example/i.png) @team #1 <http://evil.example>\n\n# x\n```\n",
    "{{7*7}}{% x %}<%= x %>#{x}",
    "../../../tmp/owned",
];

/// Members whose values are variants of enums.
const ENUMS: [&str; 5] = ["level", "verdict", "severity", "confirmed", "kind"];

/// Where an attack is put.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// It is appended to every string and member name that is data.
    Everywhere,
    /// Into ids, products and cursors of bodies, headers and paths: the rest of a request stays as it is.
    InRequests,
}

const PLACES: [Place; 2] = [Place::Everywhere, Place::InRequests];

fn poisoned(attack: &str, place: Place) -> Outcome {
    let mut report: Value = serde_json::from_str(REPORT).unwrap();
    match place {
        Place::Everywhere => {
            poison(&mut report, attack);
            report["labels"] = serde_json::json!({ format!("a{attack}"): attack, "commit": attack });
        }
        Place::InRequests => {
            for finding in report["findings"].as_array_mut().unwrap() {
                for step in finding["steps"].as_array_mut().unwrap() {
                    for body in ["request_body", "response_body"] {
                        let inner = step[body].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
                        if let Some(mut inner) = inner {
                            poison(&mut inner, attack);
                            step[body] = inner.to_string().into();
                        }
                    }
                    for headers in ["request_headers", "response_headers"] {
                        step[headers].as_array_mut().unwrap().iter_mut().for_each(|pair| poison(&mut pair[1], attack));
                    }
                    if step["path"].as_str().is_some_and(|path| path.matches('/').count() > 1) {
                        poison(&mut step["path"], attack);
                    }
                }
            }
        }
    }
    serde_json::from_value(report).expect("the poisoned report has the form of a report")
}

fn poison(value: &mut Value, attack: &str) {
    change(value, &|text| text.push_str(attack));
}

/// Changes every string that is data.
fn change(value: &mut Value, how: &dyn Fn(&mut String)) {
    match value {
        Value::String(text) => how(text),
        Value::Array(items) => items.iter_mut().for_each(|item| change(item, how)),
        Value::Object(members) => members
            .iter_mut()
            .filter(|(name, _)| !ENUMS.contains(&name.as_str()))
            .for_each(|(_, member)| change(member, how)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn each(mut check: impl FnMut(&Outcome, &str)) {
    for attack in ATTACKS {
        for place in PLACES {
            check(&poisoned(attack, place), &format!("{attack:?} {place:?}"));
        }
    }
}

fn styles() -> [Style; 2] {
    let plain = Style { color: Color::Never, ..Style::default() };
    [plain, Style { color: Color::Always, ..plain }]
}

/// Characters that a terminal acts on, hides or reorders.
fn treacherous(text: &str) -> Option<char> {
    text.chars().find(|&c| {
        c.is_control() && !matches!(c, '\n' | '\t')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}')
    })
}

/// Removes what the program itself writes to colour text: `ESC [ numbers m`.
fn without_colors(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (codes, rest) = part.split_once('m').unwrap_or((part, ""));
        let is_color =
            codes.strip_prefix('[').is_some_and(|codes| codes.chars().all(|c| c.is_ascii_digit() || c == ';'));
        plain.push_str(if is_color { rest } else { "\u{1b}" });
    }
    plain
}

#[test]
fn no_format_contains_characters_that_terminals_act_on() {
    each(|outcome, what| {
        for format in Format::ALL.into_iter().chain([Format::Human]) {
            for style in styles() {
                let text = report::render(format, outcome, &style);
                let text = if style.color == Color::Always { without_colors(&text) } else { text };
                assert_eq!(treacherous(&text), None, "{format} {what}");
            }
        }
        let difference = report::diff(outcome, &poisoned("", Place::Everywhere));
        for text in [difference.to_human(&styles()[0]), difference.to_markdown(), difference.verdict()] {
            assert_eq!(treacherous(&text), None, "diff {what}");
        }
        for file in exported(outcome) {
            assert_eq!(treacherous(&file.text), None, "{} {what}", file.name);
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
            assert!(file.name.chars().all(is_plain) && !file.name.starts_with('.') && file.name.len() < 100, "{what}");
        }
    });
}

fn exported(outcome: &Outcome) -> Vec<ExportedFile> {
    outcome.findings.iter().flat_map(|finding| export(outcome, finding)).collect()
}

#[test]
fn only_own_workflow_commands_start_a_line() {
    each(|outcome, what| {
        let github = report::render(Format::Github, outcome, &styles()[0]);
        for line in github.lines() {
            let own = ["::error ", "::warning ", "::notice "];
            assert!(own.iter().any(|start| line.starts_with(start)), "{what}: {line}");
            // `%0A` is an own line break, and `%25` a percent sign.
            let rest = line.replace("%0A", "").replace("%25", "").replace("%3A", "").replace("%2C", "");
            assert!(!rest.contains('%'), "{what}: {line}");
        }
        for format in [Format::Human, Format::Markdown] {
            let text = report::render(format, outcome, &styles()[0]);
            assert!(!text.lines().any(|line| line.trim_start().starts_with("::")), "{format} {what}");
        }
    });
}

/// Runs a script; only `curl` to the given server and files in its own temporary directory are expected.
fn run(shell: &str, script: &Path, folder: &Path, target: &str) -> Option<i32> {
    let output = Command::new(shell)
        .arg(script)
        .current_dir(folder)
        .env("QONFORM_TARGET", target)
        .env("QONFORM_TOKEN", "test_sk_inert")
        .env_remove("QONFORM_SECOND_TOKEN")
        .output()
        .ok()?;
    output.status.code()
}

#[test]
fn exported_scripts_run_nothing_but_their_requests() {
    for (attack, place) in ATTACKS.into_iter().flat_map(|attack| PLACES.map(|place| (attack, place))) {
        let (outcome, what) = (poisoned(attack, place), format!("{attack:?} {place:?}"));
        // A server that repeats the attack as ids and cursors.
        let id = serde_json::to_string(&format!("x{attack}")).unwrap();
        let server = Server::start(move |seen, stream| {
            let status = if seen.method == "POST" { "201 Created" } else { "200 OK" };
            let body =
                format!(r#"{{"object":"list","id":{id},"tag":1,"next_cursor":{id},"data":[{{"id":{id},"tag":1}}]}}"#);
            stream.write_all(&json(status, &body)).map(|()| Next::Close)
        });
        for file in exported(&outcome).into_iter().filter(|file| file.is_program) {
            for shell in ["sh", "bash"] {
                let folder = TempFolder::new();
                let script = folder.path().join("script");
                fs::write(&script, &file.text).unwrap();
                let Some(code) = run(shell, &script, folder.path(), &server.url()) else { continue };
                assert!(matches!(code, 0..=2), "{shell} {what}: {code:?}\n{}", file.text);
                assert_eq!(folder.files(), [script], "{shell} {what}\n{}", file.text);
            }
        }
        assert!(!Path::new("/tmp/owned").exists(), "{what}");
    }
}

/// Reads each report with the parsers of Python; prints what is wrong.
const READER: &str = r##"
import html.parser, json, sys, xml.etree.ElementTree as tree
folder = sys.argv[1]
def text(name): return open(f"{folder}/{name}", encoding="utf-8", newline="").read()
class Page(html.parser.HTMLParser):
    scripts = 0
    def handle_starttag(self, tag, attributes):
        self.scripts += tag == "script"
        assert tag not in ("img", "iframe", "object", "embed", "base", "video"), tag
        for name, value in attributes:
            assert not name.startswith("on") and name not in ("src", "style", "srcdoc", "action"), (tag, name)
            if name == "href": assert value.startswith(("#", "data:image/svg+xml,")), value
page = Page(); page.feed(text("html")); page.close()
assert page.scripts == 2, page.scripts
suites = tree.fromstring(text("junit"))
assert suites.tag == "testsuites", suites.tag
known = {"testsuites", "testsuite", "testcase", "failure", "error", "skipped", "system-out", "system-err", "properties", "property"}
assert {part.tag for part in suites.iter()} <= known
for name in ("json", "sarif", "har"): json.loads(text(name))
sarif = json.loads(text("sarif"))
def uris(value):
    if isinstance(value, dict):
        for name, member in value.items():
            if name in ("uri", "helpUri", "informationUri") and isinstance(member, str): yield member
            else: yield from uris(member)
    elif isinstance(value, list):
        for item in value: yield from uris(item)
for uri in uris(sarif): assert not uri.lower().startswith(("javascript:", "data:", "vbscript:")), uri
class Markup(html.parser.HTMLParser):
    def handle_starttag(self, tag, attributes):
        assert tag in ("details", "summary", "code", "br", "sub", "kbd") and not attributes, (tag, attributes)
fenced, plain = False, []
for line in text("markdown").split("\n"):
    ticks = len(line) - len(line.lstrip("`"))
    if fenced:
        fenced = not (ticks >= fenced and not line.strip("`")) and fenced
    elif ticks >= 3: fenced = ticks
    else: plain.append(line)
assert not fenced
plain = "\n".join(plain)
markup = Markup(); markup.feed(plain); markup.close()
for bad in ("](javascript", "](http://evil", "![i]", "<http", "@team"): assert bad not in plain, bad
"##;

#[test]
fn other_parsers_find_only_own_markup_in_reports() {
    if Command::new("python3").arg("--version").output().is_err() {
        return;
    }
    each(|outcome, what| {
        let folder = TempFolder::new();
        for format in Format::ALL {
            let text = report::render(format, outcome, &styles()[0]);
            fs::write(folder.path().join(format.name()), text).unwrap();
        }
        let read = Command::new("python3").args(["-c", READER]).arg(folder.path()).output().unwrap();
        assert!(read.status.success(), "{what}: {}", String::from_utf8_lossy(&read.stderr));
    });
}

/// A parser finds neither links nor images nor HTML of others, and in a table only numbers beside the names of its rows.
#[test]
fn a_markdown_parser_finds_only_own_markup_in_reports() {
    each(has_only_own_markup);
    let starts = [
        "- - ",
        "1. ",
        "+ ",
        "---\n",
        "===",
        "    ",
        "\t",
        "> ",
        "# ",
        "~~~",
        "[a]: /b\n",
        "www.evil.example ",
        "a|b\n-|-\n",
    ];
    for start in ATTACKS.into_iter().chain(starts) {
        let mut report: Value = serde_json::from_str(REPORT).unwrap();
        change(&mut report, &|text| text.insert_str(0, start));
        has_only_own_markup(&serde_json::from_value(report).unwrap(), start);
    }
}

fn has_only_own_markup(outcome: &Outcome, what: &str) {
    let difference = report::diff(outcome, &poisoned("", Place::Everywhere)).to_markdown();
    for text in [report::render(Format::Markdown, outcome, &styles()[0]), difference] {
        let mut column = None;
        for event in Parser::new_ext(&text, Options::all()) {
            match event {
                Event::Start(Tag::TableRow) => column = Some(0),
                Event::End(TagEnd::TableCell) => column = column.map(|column| column + 1),
                Event::End(TagEnd::Table) => column = None,
                Event::Text(cell) if column > Some(0) => {
                    assert!(cell.bytes().all(|byte| byte.is_ascii_digit()), "{what}: {cell}\n{text}");
                }
                Event::Html(html) | Event::InlineHtml(html) => assert!(is_own_html(&html), "{what}: {html}"),
                Event::Start(tag) => assert!(is_own_tag(&tag), "{what}: {tag:?}\n{text}"),
                Event::Text(_) | Event::SoftBreak | Event::End(_) => {}
                other => panic!("{what}: {other:?}\n{text}"),
            }
        }
    }
}

/// Whether the reports use it.
fn is_own_tag(tag: &Tag<'_>) -> bool {
    use Tag::{CodeBlock, Heading, HtmlBlock, Item, List, Paragraph, Strong, Table, TableCell, TableHead};
    matches!(
        tag,
        HtmlBlock | Paragraph | Strong | Heading { .. } | CodeBlock(CodeBlockKind::Fenced(_)) | List(None) | Item
    ) || matches!(tag, Table(_) | TableHead | TableCell)
}

/// Whether HTML consists of the elements that the reports use, without attributes.
fn is_own_html(html: &str) -> bool {
    let mut rest = html.to_owned();
    for name in ["details", "summary", "code"] {
        rest = rest.replace(&format!("<{name}>"), "").replace(&format!("</{name}>"), "");
    }
    !rest.contains(['<', '>'])
}

#[test]
fn hurl_files_keep_each_request_in_its_place() {
    let is_own = |name: &str| {
        let numbered = ["value_", "path_", "product_"].iter().find_map(|start| name.strip_prefix(start));
        let is_number = numbered.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()));
        let keys = ["token", "second_token", "limited_token", "empty_token"];
        let is_key = keys.iter().any(|key| name.trim_end_matches("_cut").trim_end_matches("_capitals") == *key);
        is_number || is_key || matches!(name, "target" | "prefix")
    };
    each(|outcome, what| {
        for (finding, text) in hurl_files(outcome) {
            let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
            let requests = lines.iter().filter_map(|line| line.split_once(" {{target}}/"));
            let methods: Vec<&str> = requests.map(|(method, _)| method).collect();
            assert_eq!(methods.len(), finding.steps.len(), "{what}\n{text}");
            assert!(methods.iter().all(|method| method.bytes().all(|b| b.is_ascii_uppercase())), "{what}\n{text}");
            let headers = text
                .split(" {{target}}/")
                .skip(1)
                .flat_map(|entry| entry.lines().skip(1).take_while(|line| *line != "[Options]"));
            for (name, _) in headers.map(|line| line.split_once(": ").unwrap()) {
                // Hurl reads few other characters, and an escape such as `\u{21}`.
                let name = name.replace("\\u{", "").replace('}', "");
                assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)), "{what}\n{text}");
            }
            for line in lines {
                let names = line.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap_or_default());
                assert!(names.clone().all(is_own), "{what}\n{line}");
            }
        }
    });
}

/// The findings with their Hurl files.
fn hurl_files(outcome: &Outcome) -> impl Iterator<Item = (&Finding, String)> {
    let file = |finding| export(outcome, finding).into_iter().find(|file| !file.is_program).expect("a Hurl file").text;
    outcome.findings.iter().map(move |finding| (finding, file(finding)))
}

/// Needs Hurl; reports a skip otherwise. Its parser is also a crate, which needs libxml2 and libclang.
#[test]
#[expect(clippy::print_stderr, reason = "a test that was skipped must not look like one that ran")]
fn hurl_parses_every_file() {
    const NOT_PARSED: i32 = 2;
    let hurl = |path: &Path| Command::new("hurl").args(["--variable", "target=http://127.0.0.1:9"]).arg(path).output();
    let folder = TempFolder::new();
    let path = folder.path().join("exported.hurl");
    fs::write(&path, "lower {{target}}\n").unwrap();
    let Ok(output) = hurl(&path) else {
        eprintln!("skipped: `hurl` is not installed");
        return;
    };
    assert_eq!(output.status.code(), Some(NOT_PARSED));
    each(|outcome, what| {
        for (_, text) in hurl_files(outcome) {
            fs::write(&path, &text).unwrap();
            let output = hurl(&path).unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_ne!(output.status.code(), Some(NOT_PARSED), "{what}: {said}\n{text}");
            assert_eq!(folder.files(), std::slice::from_ref(&path), "{what}\n{text}");
        }
    });
}
