//! Markdown for a comment on a pull request or `$GITHUB_STEP_SUMMARY`.
//!
//! Start at [`render`]; [`MarkdownPage`] limits the length, `escape` escapes untrusted strings.

mod escape;
mod page;

pub(super) use escape::{code, fenced, text};
pub(super) use page::MarkdownPage;

use super::trace;
use super::visible::{cut, visible};
use super::words::{RunStatus, areas, count, counted, duration, responses_seen, run_status, shortfall};
use crate::finding::{Finding, Outcome, Severity, Verdict};

/// Maximum length of a quoted string, in characters.
const MAX_QUOTE_LENGTH: usize = 600;
/// Maximum length of a line in a fence, in characters.
const MAX_LINE_LENGTH: usize = 1_500;
/// Maximum number of lines in a fence, rows in a table, items in a list.
const MAX_COUNT: usize = 40;

/// The outcome as Markdown.
pub(super) fn render(outcome: &Outcome) -> String {
    let mut page = MarkdownPage::default();
    page.push(&heading(outcome));
    page.push(&table(outcome));
    for finding in &outcome.findings {
        page.push(&section(finding, outcome));
    }
    for (title, items) in lists(outcome) {
        page.push(&list(title, &items));
    }
    page.finish()
}

fn heading(outcome: &Outcome) -> String {
    let (status, clause) = run_status(outcome);
    let mark = match status {
        RunStatus::Kept => "✅",
        RunStatus::Broken => "❌",
        RunStatus::Unclear => "⚠️",
    };
    let mut block = format!("## {mark} {clause}\n\n");
    if let Some(shortfall) = shortfall(&outcome.ending) {
        block.push_str(&format!("**{}**\n\n", quoted(&shortfall)));
    }
    let target = if outcome.target.embedded {
        "embedded server".to_owned()
    } else {
        code(&cut(&outcome.target.url, MAX_QUOTE_LENGTH))
    };
    let started = outcome.started_at.as_deref().map_or_else(String::new, |at| format!("started {}, ", quoted(at)));
    block.push_str(&format!(
        "{target} tested against {} ({}) by {} {}: {started}{}, {}, seed {}\n",
        code(&cut(&outcome.contract.document, MAX_QUOTE_LENGTH)),
        code(&cut(&outcome.contract.digest, MAX_QUOTE_LENGTH)),
        quoted(&outcome.tool.name),
        quoted(&outcome.tool.version),
        count(outcome.summary.requests, "request"),
        duration(outcome.duration_ms),
        outcome.seed
    ));
    if !outcome.labels.is_empty() {
        let labels = outcome
            .labels
            .iter()
            .take(MAX_COUNT)
            .map(|(key, value)| format!("{} {}", quoted(key), code(&cut(value, MAX_QUOTE_LENGTH))));
        block.push_str(&format!("\n{}\n", labels.collect::<Vec<_>>().join(", ")));
    }
    block
}

/// Rules by area and verdict; areas beyond the limit are counted.
fn table(outcome: &Outcome) -> String {
    let columns: Vec<Verdict> = counted(outcome).map(|(verdict, _)| verdict).collect();
    let row = |name: &str, numbers: &[usize]| {
        let numbers: Vec<String> =
            numbers.iter().map(|number| if *number == 0 { String::new() } else { number.to_string() }).collect();
        format!("| {name} | {} |\n", numbers.join(" | "))
    };
    let words: Vec<&str> = columns.iter().map(|verdict| verdict.word()).collect();
    let mut block = format!("| rules | {} |\n|---|", words.join(" | "));
    block.push_str(&"---:|".repeat(words.len()));
    block.push('\n');
    let areas = areas(outcome);
    for (area, rules) in areas.iter().take(MAX_COUNT) {
        let numbers: Vec<usize> =
            columns.iter().map(|verdict| rules.iter().filter(|rule| rule.verdict == *verdict).count()).collect();
        block.push_str(&row(&quoted(area), &numbers));
    }
    if areas.len() > MAX_COUNT {
        block.push_str(&row(&count(areas.len() - MAX_COUNT, "more area"), &vec![0; columns.len()]));
    }
    let numbers: Vec<usize> = counted(outcome).map(|(_, number)| number).collect();
    block.push_str(&row("**all**", &numbers));
    block
}

fn section(finding: &Finding, outcome: &Outcome) -> String {
    let mark = match finding.severity {
        Severity::Violation => "❌",
        Severity::Known => "🔁",
        Severity::Warning => "⚠️",
        Severity::Waived => "⏳",
    };
    let mut block = format!(
        "<details><summary>{mark} {} {}: {} ({})</summary>\n\n",
        finding.severity.word(),
        code(&cut(&finding.rule, MAX_QUOTE_LENGTH)),
        quoted(&finding.title),
        trace::facts(finding)
    );
    for (label, text) in trace::deviation(finding) {
        let separator = if label.is_empty() { "" } else { ": " };
        block.push_str(&format!("- {label}{separator}{}\n", quoted(&text)));
    }
    if let Some(rule) = outcome.rules.iter().find(|rule| rule.id == finding.rule) {
        block.push_str(&format!("- rule: {}\n", quoted(&trace::sourced(rule))));
    }
    let place =
        trace::place(finding).map_or_else(String::new, |place| format!("{}, ", code(&cut(&place, MAX_QUOTE_LENGTH))));
    block.push_str(&format!("- contract: {place}{}\n", quoted(&trace::subject(finding))));
    if let Some(also) = trace::also(finding) {
        block.push_str(&format!("- also violates {}\n", code(&cut(&also, MAX_QUOTE_LENGTH))));
    }
    if let Some(waiver) = trace::waiver(finding) {
        block.push_str(&format!("- waived: {}\n", quoted(&waiver)));
    }
    if let Some(request) = &finding.shrunk_request {
        block.push_str(&format!("- minimized from {}\n", code(&cut(request, MAX_QUOTE_LENGTH))));
    }
    block.push('\n');
    let steps = trace::folded(finding).into_iter().map(|trace::FoldedLine { numbers, line, .. }| {
        let here = if line.here { "  <- here" } else { "" };
        let text = format!("{numbers}  {:6}  {}  {}  {}", line.method, line.path, line.response, line.note);
        format!("{}{here}", text.trim_end())
    });
    block.push_str(&fenced("text", &bounded(steps)));
    block.push('\n');
    if let Some(timeline) = &finding.timeline {
        block.push_str(&fenced("text", &bounded(timeline.lines().map(str::to_owned))));
        block.push('\n');
    }
    let curl = trace::commands(finding);
    let commands =
        [trace::replay(finding, outcome.report.as_deref())].into_iter().chain(curl.iter().map(|line| pasteable(line)));
    block.push_str(&fenced("sh", &bounded(commands)));
    block.push_str("\n</details>\n");
    block
}

/// A command that sends the same request, or a comment that replaces it: a cut command would send something else.
fn pasteable(line: &str) -> String {
    if line.chars().count() > MAX_LINE_LENGTH || visible(line) != line {
        "# curl command omitted: too long, or with control characters; the JSON report has it, replay sends it"
            .to_owned()
    } else {
        line.to_owned()
    }
}

fn bounded(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.map(|line| visible(&cut(&line, MAX_LINE_LENGTH)).into_owned()).collect();
    let more = lines.len().saturating_sub(MAX_COUNT);
    if more > 0 {
        lines.truncate(MAX_COUNT);
        lines.push(format!("… {more} more"));
    }
    lines
}

fn lists(outcome: &Outcome) -> Vec<(&'static str, Vec<String>)> {
    let undecided =
        outcome.rules.iter().filter(|rule| matches!(rule.verdict, Verdict::Skipped | Verdict::Inconclusive)).map(
            |rule| {
                let reason = rule.reason.as_deref().unwrap_or("no reason recorded");
                format!("{} {}: {}", code(&cut(&rule.id, MAX_QUOTE_LENGTH)), rule.verdict.word(), quoted(reason))
            },
        );
    let observed = outcome.observations.iter().map(|observation| {
        let times = count(observation.count, "time");
        format!("{}: {} ({times})", code(&cut(&observation.rule, MAX_QUOTE_LENGTH)), quoted(&observation.choice))
    });
    let drift = outcome.drift.iter().map(|drift| {
        let times = count(drift.count, "time");
        format!("{}: {} ({times})", quoted(&trace::named(&drift.operations)), quoted(&drift.what))
    });
    let (seen, documented) = responses_seen(outcome);
    let mut notes: Vec<String> = outcome.notes.iter().map(|note| quoted(note)).collect();
    if documented > 0 {
        notes.push(format!("{seen} of {} returned", count(documented, "documented response")));
    }
    let waivers = trace::waivers(outcome).map(|remark| quoted(&remark));
    let left = outcome.left_behind.iter().map(|id| code(&cut(id, MAX_QUOTE_LENGTH)));
    let changed = outcome.changed_by_server.iter().map(|changed| quoted(&changed.to_string()));
    vec![
        ("Left behind", left.collect()),
        ("Changed by the server and not put back", changed.collect()),
        ("Waivers to review", waivers.collect()),
        ("Not decided", undecided.collect()),
        ("Observations where the contract is open", observed.collect()),
        ("Drift between document and server", drift.collect()),
        ("Notes", notes),
    ]
}

fn list(title: &str, items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let mut block = format!("<details><summary>{title}: {}</summary>\n\n", items.len());
    for item in items.iter().take(MAX_COUNT) {
        block.push_str(&format!("- {item}\n"));
    }
    if items.len() > MAX_COUNT {
        block.push_str(&format!("- … {} more\n", items.len() - MAX_COUNT));
    }
    block.push_str("\n</details>\n");
    block
}

fn quoted(untrusted: &str) -> String {
    text(&cut(untrusted, MAX_QUOTE_LENGTH))
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, file};

    use super::super::sample;
    use super::*;

    #[test]
    fn the_fixed_outcome_matches_its_snapshot() {
        assert_data_eq!(render(&sample::fixed()), file!["../testdata/fixed.md"].raw());
    }

    #[test]
    fn the_empty_outcome_reports_that_nothing_was_tested() {
        let text = render(&sample::empty());
        assert!(text.starts_with("## ⚠️ nothing was tested\n"));
        assert!(!text.contains("<details>"));
    }

    #[test]
    fn the_text_always_fits_into_a_comment() {
        let mut outcome = sample::hostile();
        outcome.findings = std::iter::repeat_n(outcome.findings.clone(), 300).flatten().collect();
        outcome.notes = std::iter::repeat_n("note ".repeat(100), 1000).collect();
        let text = render(&outcome);
        assert!(text.chars().count() <= page::MAX_LENGTH);
        assert!(text.contains("sections omitted for length"));
        assert!(text.chars().count() > page::MAX_LENGTH / 2, "there was room for more");
    }

    #[test]
    fn hostile_strings_stay_text() {
        let outcome = sample::hostile();
        let text = render(&outcome);
        let mut fence: Option<String> = None;
        let mut opened = 0;
        for line in text.lines() {
            let ticks: String = line.chars().take_while(|&c| c == '`').collect();
            match &fence {
                Some(open) if ticks.len() >= open.len() && line.trim_end() == ticks => fence = None,
                Some(_) => {}
                None if ticks.len() >= 3 => fence = Some(ticks),
                None => {
                    // Outside fences there is no markup but ours.
                    let bare = line
                        .replace("<code>", "")
                        .replace("</code>", "")
                        .replace("<summary>", "")
                        .replace("</summary>", "");
                    opened += bare.matches("<details>").count();
                    let bare = bare.replace("<details>", "").replace("</details>", "");
                    assert!(!bare.contains(['<', '>', '`', '@', '[', '~', '$']), "{line}");
                    if !line.starts_with("| ") && !line.starts_with("|-") {
                        assert!(!bare.contains('|'), "{line}");
                    } else {
                        assert_eq!(bare.matches('|').count(), 8, "{line}");
                    }
                }
            }
        }
        assert_eq!(fence, None);
        let lists = 6;
        assert_eq!(opened, outcome.findings.len() + lists);
    }
}
