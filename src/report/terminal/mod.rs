//! The report for a person at a terminal.
//!
//! Every verdict is a word; colour and symbols only repeat it. Lines are laid out for the width of the screen, except
//! `curl` lines, which are never broken because they are pasted. Start at [`render`].

mod finding;
mod rest;
mod rules;

pub(super) use finding::finding;

use super::style::Tone;
use super::visible::visible;
use super::words::{RunStatus, count, counted, duration, glance, shortfall};
use super::{Style, Verbosity};
use crate::finding::{Outcome, Verdict};

/// The outcome as text for a terminal.
pub(super) fn render(outcome: &Outcome, style: &Style) -> String {
    let mut blocks = Vec::new();
    if style.detail > Verbosity::Quiet {
        blocks.push(header(outcome, style));
        blocks.extend(rules::areas(outcome, style));
    }
    blocks.extend(outcome.findings.iter().map(|found| finding(found, outcome.report.as_deref(), style)));
    if style.detail > Verbosity::Quiet {
        blocks.extend(rest::blocks(outcome, style));
    }
    blocks.push(ending(outcome, style));
    blocks.join("\n")
}

/// The target and the contract.
fn header(outcome: &Outcome, style: &Style) -> String {
    let target = if outcome.target.embedded {
        "the embedded server".to_owned()
    } else {
        visible(&outcome.target.url).into_owned()
    };
    let title = format!("{} {}", outcome.tool.name, outcome.tool.version);
    let shard = outcome.shard.as_ref().map_or_else(String::new, |shard| {
        let cases = count(shard.planned, "case");
        format!("  shard     {} of {}: {} of {cases}\n", shard.number, shard.of, shard.cases.len())
    });
    format!(
        "{}\n  target    {target}\n  contract  {}, {}, {}\n{shard}",
        style.paint(Tone::Strong, visible(&title)),
        visible(&outcome.contract.document),
        count(outcome.contract.rules, "rule"),
        visible(&outcome.contract.digest),
    )
}

/// A line of a list.
pub(super) fn item(text: &str, style: &Style) -> String {
    labelled(2, "-", 2, text, style)
}

/// The verdict on the run, and the counts in the last line.
fn ending(outcome: &Outcome, style: &Style) -> String {
    let (glance, clause) = glance(outcome);
    let tone = match glance {
        RunStatus::Kept => Tone::Good,
        RunStatus::Broken => Tone::Bad,
        RunStatus::Doubtful => Tone::Doubtful,
    };
    let mut verdict = style.paint(tone, clause);
    if let Some(shortfall) = shortfall(&outcome.ending) {
        verdict.push_str(&format!("; {}", visible(&shortfall)));
    }
    let rules: Vec<String> = counted(outcome)
        .map(|(verdict, number)| {
            let tone = if number == 0 { Tone::Plain } else { tone_of(verdict) };
            style.paint(tone, format!("{number} {}", verdict.word()))
        })
        .collect();
    format!(
        "{verdict}\n{} · {} · {} · seed {}\n",
        rules.join(", "),
        count(outcome.summary.requests, "request"),
        duration(outcome.duration_ms),
        outcome.seed,
    )
}

/// The colour of a verdict.
fn tone_of(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Passed => Tone::Good,
        Verdict::Violated => Tone::Bad,
        Verdict::Warned | Verdict::Inconclusive => Tone::Doubtful,
        Verdict::Observed | Verdict::Skipped => Tone::Aside,
    }
}

/// `label` and `text` in columns: the text starts after the label, and its further lines start there too.
fn labelled(indent: usize, label: &str, across: usize, text: &str, style: &Style) -> String {
    let before = indent + across;
    let lines = super::visible::wrapped(text, style.columns().saturating_sub(before).max(20));
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

    use super::super::visible::columns;
    use super::super::{Color, sample};
    use super::*;

    fn normal(outcome: &Outcome) -> String {
        render(outcome, &Style::default())
    }

    // SNAPSHOTS=overwrite writes the expected texts anew.

    #[test]
    fn the_fixed_outcome_reads_like_this() {
        assert_data_eq!(normal(&sample::fixed()), file!["../testdata/fixed.txt"].raw());
    }

    #[test]
    fn the_fixed_outcome_in_detail_reads_like_this() {
        let style = Style { detail: Verbosity::Verbose, ..Style::default() };
        assert_data_eq!(render(&sample::fixed(), &style), file!["../testdata/fixed-verbose.txt"].raw());
    }

    #[test]
    fn the_empty_outcome_says_that_nothing_was_tested() {
        assert_eq!(
            normal(&sample::empty()),
            "qonform 0.1.0\n\
             \x20 target    the embedded server\n\
             \x20 contract  spec/offerings.openapi.yaml, 0 rules, sha256:9f2c61d0a4b7\n\
             \n\
             no rule was selected\n\
             \n\
             nothing was tested\n\
             0 passed, 0 violated, 0 warned, 0 observed, 0 skipped, 0 inconclusive · 0 requests · 0 ms · seed 0\n"
        );
    }

    #[test]
    fn quiet_leaves_findings_and_the_last_lines() {
        let quiet = Style { detail: Verbosity::Quiet, ..Style::default() };
        let text = render(&sample::fixed(), &quiet);
        assert!(text.starts_with("violation[create.tag-invalid]"));
        assert!(!text.contains("passed  ") && !text.contains("observations"));
        assert!(text.contains("\ncontract broken: 2 violations\n5 passed,"));
        assert_eq!(render(&sample::empty(), &quiet).lines().next(), Some("nothing was tested"));
    }

    #[test]
    fn colour_adds_escapes_and_changes_nothing_else() {
        let coloured = Style { color: Color::Always, ..Style::default() };
        let text = render(&sample::fixed(), &coloured);
        let mut plain = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("\u{1b}[") {
            plain.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        plain.push_str(rest);
        assert_eq!(plain, normal(&sample::fixed()));
    }

    #[test]
    fn no_character_of_the_target_steers_the_screen() {
        for detail in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
            let style = Style { detail, ..Style::default() };
            let text = render(&sample::hostile(), &style);
            let strange: Vec<char> =
                text.chars().filter(|&c| c != '\n' && visible(&c.to_string()) != c.to_string()).collect();
            assert_eq!(strange, Vec::<char>::new());
            // Nor does it pretend to be a line of ours.
            assert!(!text.lines().any(|line| line.starts_with("::error")));
        }
    }

    #[test]
    fn lines_fit_the_screen_except_those_that_are_pasted() {
        for width in [50, 60, 80, 100, 140] {
            let style = Style { width, ..Style::default() };
            let text = render(&sample::fixed(), &style);
            let (_, last) = text.trim_end().rsplit_once('\n').unwrap();
            for line in text.lines() {
                let pasted = line.trim_start().starts_with("curl ") || line.contains("qonform replay");
                let unbroken = line.trim_start().starts_with("-->") || line.starts_with("  contract");
                assert!(pasted || unbroken || line == last || columns(line) <= width, "{width}: {line}");
            }
        }
    }
}
