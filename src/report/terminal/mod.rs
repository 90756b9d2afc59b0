//! The report for a terminal.
//!
//! What matters stands at the end: facts, rules that did not pass, observations and drift, findings, verdict. Every
//! verdict is a word; colour and symbols only repeat it. No line is wider than the terminal; `curl` commands continue
//! on the next line as a shell reads them. Start at [`render`].

mod command;
mod finding;
mod rest;
mod rules;

pub(super) use finding::{finding, finding_of};

use super::style::TextStyle;
use super::visible::{columns, cut, visible, wrapped};
use super::words::{RunStatus, count, counted, duration, run_status, shortfall};
use super::{Style, Verbosity};
use crate::finding::{Outcome, Verdict};

/// The outcome as text for a terminal.
pub(super) fn render(outcome: &Outcome, style: &Style) -> String {
    let mut blocks = Vec::new();
    if style.detail > Verbosity::Quiet {
        blocks.push(header(outcome, style));
        blocks.extend(rules::blocks(outcome, style));
        blocks.extend(rest::blocks(outcome, style));
    } else {
        blocks.extend(rest::left_behind(outcome, style));
        blocks.extend(rest::changed_by_server(outcome, style));
    }
    blocks.extend(outcome.findings.iter().map(|found| finding_of(outcome, found, style)));
    if style.detail > Verbosity::Findings {
        blocks.push(ending(outcome, style));
    }
    blocks.join("\n")
}

/// Maximum length of a label's value, in characters.
const MAX_LABEL: usize = 80;

/// `qonform 0.1.0 · target … · contract … · seed 42 · team payments`; with `-v` also the labels of the CI system, and the
/// rules and the digest of the contract.
fn header(outcome: &Outcome, style: &Style) -> String {
    let target = if outcome.target.embedded { "embedded server" } else { &outcome.target.url };
    let mut facts = vec![
        format!("{} {}", outcome.tool.name, outcome.tool.version),
        format!("target {target}"),
        format!("contract {}", outcome.contract.document),
        format!("seed {}", outcome.seed),
    ];
    let is_shown = |key: &String| style.detail == Verbosity::Verbose || !outcome.detected_labels.contains(key);
    let labels = outcome.labels.iter().filter(|(key, _)| is_shown(key));
    facts.extend(labels.map(|(key, value)| format!("{key} {}", cut(value, MAX_LABEL))));
    if style.detail == Verbosity::Verbose {
        facts.push(count(outcome.contract.rules, "rule"));
        facts.push(outcome.contract.digest.clone());
    }
    separated(&facts, style) + "\n"
}

/// Facts with dots between them; lines break between facts if possible.
fn separated(facts: &[String], style: &Style) -> String {
    let mut lines: Vec<String> = Vec::new();
    for fact in facts {
        let fact = visible(fact);
        match lines.last_mut() {
            Some(line) if columns(line) + 3 + columns(&fact) <= style.columns() => *line += &format!(" · {fact}"),
            _ => lines.push(fact.into_owned()),
        }
    }
    lines.iter().flat_map(|line| wrapped(line, style.columns())).collect::<Vec<_>>().join("\n")
}

/// A line of a list.
pub(super) fn item(text: &str, style: &Style) -> String {
    labelled(2, "-", 2, text, style)
}

/// The counts, and the verdict on the run as the last line.
fn ending(outcome: &Outcome, style: &Style) -> String {
    let rules: Vec<String> = counted(outcome).map(|(verdict, number)| format!("{number} {}", verdict.word())).collect();
    let facts = [
        format!("rules: {}", rules.join(", ")),
        count(outcome.summary.requests, "request"),
        duration(outcome.duration_ms),
        format!("seed {}", outcome.seed),
    ];
    let mut counts = separated(&facts, style);
    for (verdict, number) in counted(outcome).filter(|(_, number)| *number > 0) {
        let part = format!("{number} {}", verdict.word());
        counts = counts.replacen(&part, &style.paint(style_of(verdict), &part), 1);
    }
    let (status, clause) = run_status(outcome);
    let text_style = match status {
        RunStatus::Kept => TextStyle::Success,
        RunStatus::Broken => TextStyle::Error,
        RunStatus::Unclear => TextStyle::Warning,
    };
    let shortfall = shortfall(&outcome.ending).map_or_else(String::new, |shortfall| format!("; {shortfall}"));
    let lines = wrapped(&visible(&format!("{clause}{shortfall}")), style.columns());
    let lines: Vec<String> = lines.iter().map(|line| style.paint(text_style, line)).collect();
    format!("{counts}\n{}\n", lines.join("\n"))
}

/// The style of a verdict.
fn style_of(verdict: Verdict) -> TextStyle {
    match verdict {
        Verdict::Passed => TextStyle::Success,
        Verdict::Violated => TextStyle::Error,
        Verdict::Warned | Verdict::Inconclusive => TextStyle::Warning,
        Verdict::Observed | Verdict::Skipped => TextStyle::Info,
    }
}

/// `label` and `text` in columns; further lines of the text are aligned with its first.
fn labelled(indent: usize, label: &str, across: usize, text: &str, style: &Style) -> String {
    let before = indent + across;
    let lines = wrapped(text, style.columns().saturating_sub(before).max(20));
    let mut block = format!("{:indent$}{label:across$}", "");
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            block.push_str(&format!("{:before$}", ""));
        }
        block.push_str(line);
        block.push('\n');
    }
    block
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, file};

    use super::super::{Color, sample};
    use super::*;

    fn normal(outcome: &Outcome) -> String {
        render(outcome, &Style::default())
    }

    // SNAPSHOTS=overwrite rewrites the expected texts.

    #[test]
    fn the_fixed_outcome_matches_its_snapshot() {
        assert_data_eq!(normal(&sample::fixed()), file!["../testdata/fixed.txt"].raw());
    }

    #[test]
    fn the_verbose_outcome_matches_its_snapshot() {
        let style = Style { detail: Verbosity::Verbose, ..Style::default() };
        assert_data_eq!(render(&sample::fixed(), &style), file!["../testdata/fixed-verbose.txt"].raw());
    }

    #[test]
    fn the_empty_outcome_reports_that_nothing_was_tested() {
        assert_eq!(
            normal(&sample::empty()),
            "qonform 0.1.0 · target embedded server · contract spec/offerings.openapi.yaml · seed 0\n\
             \n\
             no rule was selected\n\
             \n\
             rules: 0 passed, 0 violated, 0 warned, 0 observed, 0 skipped, 0 inconclusive · 0 requests · 0 ms\n\
             seed 0\n\
             nothing was tested\n"
        );
    }

    #[test]
    fn quiet_leaves_leftovers_findings_counts_and_verdict() {
        let quiet = Style { detail: Verbosity::Quiet, ..Style::default() };
        let text = render(&sample::fixed(), &quiet);
        assert!(text.starts_with("left behind: ") && text.contains("\n\nviolation[create.tag-invalid]"));
        assert!(!text.contains("passed  ") && !text.contains("observations"));
        assert!(text.contains("\nrules: 5 passed,") && text.ends_with("\ncontract broken: 2 violations\n"));
        assert_eq!(render(&sample::empty(), &quiet).lines().last(), Some("nothing was tested"));
    }

    #[test]
    fn labels_of_the_ci_system_need_verbose() {
        let text = |detail| render(&sample::fixed(), &Style { detail, ..Style::default() });
        let (normal, verbose) = (text(Verbosity::Normal), text(Verbosity::Verbose));
        assert!(normal.contains("\nteam payments\n") && !normal.contains("branch main"), "{normal}");
        assert!(verbose.contains("branch main") && verbose.contains("team payments"), "{verbose}");
    }

    #[test]
    fn findings_follow_rules_observations_and_drift() {
        let text = normal(&sample::fixed());
        let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}"));
        let places = ["qonform 0", "rules that", "observations", "drift", "violation[", "warning[", "contract broken"];
        assert!(places.map(place).is_sorted());
        assert!(!text.contains("list.order") && !text.contains("not tested: "), "passed rules and constants need -v");
    }

    /// `text` without the escapes of colours (ending with `m`) and links.
    fn without_escapes(text: &str) -> String {
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            plain.push_str(before);
            let end = if after.starts_with(']') { "\u{1b}\\" } else { "m" };
            rest = after.split_once(end).unwrap().1;
        }
        plain + rest
    }

    #[test]
    fn colours_and_links_add_only_escapes() {
        let coloured = Style { color: Color::Always, links: Some("file:///work/"), ..Style::default() };
        let text = render(&sample::fixed(), &coloured);
        assert_eq!(without_escapes(&text), normal(&sample::fixed()));
        let link = "\u{1b}]8;;file:///work/spec/offerings.openapi.yaml\u{1b}\\spec/offerings.openapi.yaml:212:9\u{1b}]8;;\u{1b}\\";
        assert!(text.contains(link), "{text:?}");
    }

    #[test]
    fn no_character_of_the_target_controls_the_terminal() {
        for detail in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
            let style = Style { detail, ..Style::default() };
            let text = render(&sample::hostile(), &style);
            let strange: Vec<char> =
                text.chars().filter(|&c| c != '\n' && visible(&c.to_string()) != c.to_string()).collect();
            assert_eq!(strange, Vec::<char>::new());
            // Nor does it imitate a workflow command.
            assert!(!text.lines().any(|line| line.starts_with("::error")));
        }
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for outcome in [sample::fixed(), sample::hostile(), sample::empty()] {
            for width in [50, 60, 80, 100, 140] {
                for detail in [Verbosity::Normal, Verbosity::Verbose] {
                    let style = Style { width, detail, ..Style::default() };
                    for line in render(&outcome, &style).lines() {
                        assert!(columns(line) <= width, "{width}: {line}");
                    }
                }
            }
        }
    }
}
