use super::super::sample;
use super::*;

/// Elements without an end.
const VOID: [&str; 6] = ["meta", "link", "input", "wbr", "br", "hr"];

/// One tag of the page.
struct HtmlTag {
    name: String,
    attributes: Vec<(String, String)>,
}

/// Parses a page strictly: every `<` outside scripts and styles starts a tag, every attribute is quoted, every element
/// is closed in order. Returns all start tags and the contents of the scripts.
fn parse(page: &str) -> (Vec<HtmlTag>, Vec<String>) {
    let (mut tags, mut scripts, mut open) = (Vec::new(), Vec::new(), Vec::<String>::new());
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("a doctype");
    while let Some((text, after)) = rest.split_once('<') {
        assert!(!text.contains('>'), "a bare > in {text:.80}");
        if let Some(after) = after.strip_prefix('/') {
            let (name, after) = after.split_once('>').unwrap();
            assert_eq!(open.pop().as_deref(), Some(name), "</{name}> closes another element");
            rest = after;
            continue;
        }
        let (tag, after) = start_tag(after);
        rest = after;
        let name = tag.name.clone();
        tags.push(tag);
        if name == "script" || name == "style" {
            let (content, after) = rest.split_once(&format!("</{name}>")).unwrap();
            scripts.extend((name == "script").then(|| content.to_owned()));
            rest = after;
        } else if !VOID.contains(&name.as_str()) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<String>::new());
    (tags, scripts)
}

fn start_tag(text: &str) -> (HtmlTag, &str) {
    let end = text.find([' ', '>']).unwrap();
    let (name, mut rest) = text.split_at(end);
    assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "<{name}> is not an element");
    let mut attributes = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix('>') {
            let name = name.to_owned();
            return (HtmlTag { name, attributes }, after);
        }
        rest = rest.strip_prefix(' ').unwrap_or_else(|| panic!("no space before {rest:.40}"));
        let end = rest.find(['=', ' ', '>']).unwrap();
        let attribute = rest[..end].to_owned();
        assert!(attribute.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{attribute}");
        rest = &rest[end..];
        let value = match rest.strip_prefix("=\"") {
            Some(after) => {
                let (value, after) = after.split_once('"').unwrap();
                rest = after;
                value.to_owned()
            }
            None => String::new(),
        };
        attributes.push((attribute, value));
    }
}

fn attribute<'t>(tag: &'t HtmlTag, name: &str) -> Option<&'t str> {
    tag.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[test]
fn every_page_is_well_formed_and_loads_nothing() {
    let without_rules = crate::finding::Outcome { rules: vec![], ..sample::hostile() };
    for outcome in [sample::fixed(), sample::empty(), sample::hostile(), without_rules] {
        let (tags, scripts) = parse(&render(&outcome));
        assert_eq!(scripts.len(), 2, "no script comes from data");
        let mut ids = std::collections::BTreeSet::new();
        for tag in &tags {
            assert!(attribute(tag, "src").is_none() && attribute(tag, "style").is_none());
            assert!(tag.attributes.iter().all(|(name, _)| !name.starts_with("on")), "an inline handler");
            if let Some(id) = attribute(tag, "id") {
                assert!(ids.insert(id.to_owned()), "{id} is not unique");
            }
        }
        for tag in &tags {
            let Some(href) = attribute(tag, "href") else { continue };
            match href.strip_prefix('#') {
                Some(id) => assert!(ids.contains(id), "{href} has no target"),
                None => assert!(href.starts_with("data:image/svg+xml,"), "{href}"),
            }
        }
    }
}

#[test]
fn the_embedded_report_is_the_json_report() {
    for outcome in [sample::fixed(), sample::empty(), sample::hostile()] {
        let (_, scripts) = parse(&render(&outcome));
        assert_eq!(super::super::parse(scripts[0].as_bytes()).unwrap(), outcome);
        assert!(!scripts[0].contains(['<', '>']));
    }
}

#[test]
fn a_finding_has_rule_source_and_commands() {
    let page = render(&sample::fixed());
    for needed in [
        "<h1>Contract broken: 2 violations</h1>",
        "<h3 id=\"title-2\">A deleted offering can still be read</h3>",
        "<a href=\"#rule-12\"><code>delete.removes</code></a>",
        "204 without a body; then get is 404 and no page lists it; nothing else changes",
        "(reference page of DELETE /offerings/{offering_id})",
        "<dt>Expected</dt><dd>404 not_found after the 204 of the deletion</dd>",
        "qonform replay report.json 3fdeffb4",
        "http://127.0.0.1:4010/v4/offerings/qf-k3v-1",
        "another client changed the project",
        "needs a limited key: --limited-token",
        "<dt><code>delete.removes</code></dt>",
        "<span class=\"label\">Document: </span>responses 201, 400, 401, 409",
    ] {
        assert!(page.contains(needed), "{needed}");
    }
}

#[test]
fn the_empty_page_reports_that_nothing_was_tested() {
    let page = render(&sample::empty());
    assert!(page.contains("<h1>Nothing was tested</h1>"));
    assert!(page.contains("Nothing was checked, so nothing was found."));
    assert!(page.contains("No response was received.") && page.contains("No rule was selected."));
}

#[test]
fn the_page_contains_no_control_characters() {
    let page = render(&sample::hostile());
    let strange: Vec<char> =
        page.chars().filter(|&c| !matches!(c, '\n' | '\t') && visible(&c.to_string()) != c.to_string()).collect();
    assert_eq!(strange, Vec::<char>::new());
}

/// Relative luminance of `#rrggbb`, WCAG 2.2.
fn luminance(color: &str) -> f64 {
    let part = |at: usize| {
        let value = f64::from(u8::from_str_radix(&color[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
}

#[test]
fn text_has_the_contrast_of_wcag_aa() {
    let css = include_str!("style.css");
    let (light, rest) = css.split_once("@media (prefers-color-scheme: dark)").unwrap();
    let dark = rest.split_once("\n}\n").unwrap().0;
    for theme in [light, dark] {
        let color = |name: &str| {
            let (_, after) = theme.split_once(&format!("--{name}: ")).unwrap_or_else(|| panic!("{name}"));
            after[..7].to_owned()
        };
        let contrast = |one: &str, other: &str| {
            let (a, b) = (luminance(&color(one)), luminance(&color(other)));
            (a.max(b) + 0.05) / (a.min(b) + 0.05)
        };
        for ink in ["ink", "quiet", "violated", "warned", "passed", "observed", "skipped", "inconclusive", "link"] {
            for ground in ["ground", "sheet", "block"] {
                assert!(contrast(ink, ground) >= 4.5, "{ink} on {ground}: {}", contrast(ink, ground));
            }
        }
        assert!(contrast("ink", "mark") >= 4.5);
        // A selected filter, the letters on the bars of a race.
        for (ink, ground) in [("sheet", "ink"), ("sheet", "observed"), ("sheet", "violated"), ("sheet", "skipped")] {
            assert!(contrast(ink, ground) >= 4.5, "{ink} on {ground}: {}", contrast(ink, ground));
        }
        // Graphics need three to one.
        for shape in ["observed", "violated", "skipped", "ink"] {
            assert!(contrast(shape, "block") >= 3.0 && contrast(shape, "sheet") >= 3.0, "{shape}");
        }
        for ground in ["broken-ground", "kept-ground", "unclear-ground"] {
            assert!(contrast("banner-ink", ground) >= 4.5, "{ground}");
        }
    }
}

/// Uses the page and posts what is visible to the outer page.
const PROBE: &str = r##"<script>
const seen = [innerWidth];
const count = () => [...document.querySelectorAll(".rule")].filter((rule) => rule.offsetParent !== null).length;
const search = document.getElementById("search");
const type = (text) => { search.value = text; search.dispatchEvent(new Event("input", { bubbles: true })); };
const fits = () => seen.push(document.documentElement.scrollWidth <= innerWidth ? "fits" : "too wide");
seen.push(count());
type("delete"); seen.push(count());
document.getElementById("show-violated").click(); seen.push(count());
type("no such rule"); seen.push(count());
fits();
location.hash = "#rule-1";
setTimeout(() => {
  seen.push(count());
  // Everything unfolded, as in print; everything usable is reachable by keyboard.
  document.querySelectorAll("details").forEach((part) => { part.open = true; });
  fits();
  const usable = [...document.querySelectorAll("a[href], button, summary, input, [role=region]")];
  seen.push(usable.every((part) => part.tabIndex >= 0) ? "reachable" : "out of reach");
  parent.postMessage(seen.join(" "), "*");
}, 300);
</script></body>"##;

/// A page in a frame with the width of a screen: a window of Chromium is at least 500 pixels wide.
fn framed(width: u32) -> String {
    format!(
        "<!DOCTYPE html><title>silent</title><body style=\"margin:0\">\
         <iframe src=\"page.html\" style=\"border:0;width:{width}px;height:900px\"></iframe>\
         <script>addEventListener(\"message\", (event) => {{ document.title = event.data; }});</script></body>"
    )
}

/// Opens a file and returns the resulting page and the log of its console.
fn browse(browser: &std::ffi::OsStr, folder: &std::path::Path, arguments: &[&str], file: &str) -> (String, String) {
    let output = std::process::Command::new(browser)
        .args("--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking".split(' '))
        .args("--disable-component-update --disable-sync --enable-logging=stderr --hide-scrollbars".split(' '))
        .arg("--virtual-time-budget=3000")
        .args(arguments)
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", folder.join(file).display()))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Width and height of a PNG, by its first chunk.
fn size(png: &[u8]) -> (u32, u32) {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && &png[12..16] == b"IHDR");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

/// Needs a Chromium in `TEST_BROWSER`; without it, the test reports that it was skipped.
#[test]
#[expect(clippy::print_stderr, reason = "a skipped test must not look like one that ran")]
fn in_a_browser_the_page_fits_and_its_filters_work() {
    let Some(browser) = std::env::var_os("TEST_BROWSER").filter(|browser| !browser.is_empty()) else {
        eprintln!("skipped: TEST_BROWSER names no Chromium");
        return;
    };
    let folder = std::env::temp_dir().join(format!("qonform-page-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (outcome, seen) in [(sample::fixed(), "14 3 1 0 fits 14 fits reachable"), (sample::hostile(), "fits reachable")]
    {
        let page = render(&outcome);
        std::fs::write(folder.join("page.html"), page.replace("</body>", PROBE)).unwrap();
        for (width, scheme) in [360, 400, 768, 1400].into_iter().flat_map(|width| [(width, 1), (width, 0)]) {
            std::fs::write(folder.join("frame.html"), framed(width)).unwrap();
            let scheme = format!("--blink-settings=preferredColorScheme={scheme}");
            let window = format!("--window-size={width},900");
            let (dom, log) = browse(&browser, &folder, &[&window, &scheme, "--dump-dom"], "frame.html");
            let title = dom.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).unwrap().0;
            assert!(title.starts_with(&width.to_string()) && title.ends_with(seen), "{width}: {title}");
            assert!(!title.contains("too wide") && !log.contains("CONSOLE"), "{title}\n{log}");
            let picture = folder.join(format!("{width}.png"));
            let shot = format!("--screenshot={}", picture.display());
            browse(&browser, &folder, &[&window, &scheme, &shot], "frame.html");
            let png = std::fs::read(&picture).unwrap();
            // An empty page of that size takes less than 10 kB.
            assert!(size(&png) == (width, 900) && png.len() > 20_000, "{:?} {}", size(&png), png.len());
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
