//! A difference as text, JSON and Markdown.

use std::collections::BTreeSet;

use super::super::markdown::{MarkdownPage, text};
use super::super::style::TextStyle;
use super::super::visible::{cut, visible, wrapped};
use super::super::words::count;
use super::super::{Style, terminal, trace};
use super::{Change, Difference};
use crate::finding::{Drift, Finding, Verdict};

/// Maximum length of untrusted text in a line, in characters.
const MAX_LENGTH: usize = 300;
/// Maximum number of items of one kind in Markdown.
const MAX_COUNT: usize = 50;

/// Number of rules with the same change of verdict that share a line.
const MIN_SHARED: usize = 4;

/// Changes of one kind, one per line.
struct Section {
    title: &'static str,
    lines: Vec<String>,
}

/// How new findings are shown.
#[derive(Clone, Copy)]
enum NewFindings {
    Listed,
    InFull,
}

impl Difference {
    /// For a terminal: new findings in full, everything else in one line each.
    pub fn to_human(&self, style: &Style) -> String {
        let mut blocks: Vec<String> =
            self.new.iter().map(|finding| terminal::finding(finding, None, None, style)).collect();
        for section in self.sections(NewFindings::InFull) {
            let mut block = style.paint(TextStyle::Bold, section.title) + "\n";
            for line in &section.lines {
                block.push_str(&terminal::item(&visible(line), style));
            }
            blocks.push(block);
        }
        let text_style = if self.exit_code() == 0 { TextStyle::Success } else { TextStyle::Error };
        let verdict = wrapped(&visible(&self.verdict()), style.columns());
        blocks.push(verdict.iter().map(|line| style.paint(text_style, line) + "\n").collect());
        blocks.join("\n")
    }

    /// The difference itself, pretty-printed.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self)
            .expect("a difference holds only strings, numbers, lists and records with string keys");
        text + "\n"
    }

    /// For a comment on a pull request; long lists are cut, with the number of omitted items.
    pub fn to_markdown(&self) -> String {
        let mark = if self.exit_code() == 0 { "✅" } else { "❌" };
        let mut page = MarkdownPage::default();
        page.push(&format!("## {mark} {}\n", text(&self.verdict())));
        for section in self.sections(NewFindings::Listed) {
            let mut block = format!("### {}\n\n", section.title);
            for line in section.lines.iter().take(MAX_COUNT) {
                block.push_str(&format!("- {}\n", text(line)));
            }
            if section.lines.len() > MAX_COUNT {
                block.push_str(&format!("- … {} more\n", section.lines.len() - MAX_COUNT));
            }
            page.push(&block);
        }
        page.finish()
    }

    /// `1 new, 2 fixed, 3 still there, 0 not checked again`.
    pub fn verdict(&self) -> String {
        let mut verdict = format!(
            "{} ({}), {} fixed, {} still there, {} not checked again",
            count(self.new.len(), "new finding"),
            count(self.new_violations(), "violation"),
            self.fixed.len(),
            self.still.len(),
            self.unchecked.len()
        );
        if let Some(reason) = &self.untested {
            verdict.push_str(&format!("; the new run cannot be compared: {}", cut(reason, MAX_LENGTH)));
        }
        verdict
    }

    fn sections(&self, new: NewFindings) -> Vec<Section> {
        let findings = |findings: &[Finding]| findings.iter().map(finding).collect();
        // The line of a finding already shows the verdict on its rules and its drift.
        let all = || self.new.iter().chain(&self.fixed).chain(&self.still).chain(&self.unchecked);
        let has_finding = |rule: &str| all().any(|finding| finding.violates(rule));
        let is_separate = |drift: &&Drift| !drift.rule.as_deref().is_some_and(has_finding);
        let drift = |drift: &[Drift]| drift.iter().filter(is_separate).map(drifted).collect();
        let new = match new {
            NewFindings::Listed => findings(&self.new),
            NewFindings::InFull => Vec::new(),
        };
        let sections = [
            ("New", new),
            ("Fixed", findings(&self.fixed)),
            ("Still there", findings(&self.still)),
            ("Not checked again", findings(&self.unchecked)),
            (
                "Changed verdicts",
                verdict_changes(self.verdicts_changed.iter().filter(|change| !has_finding(&change.of))),
            ),
            ("Changed choices", self.observations_changed.iter().map(choice_change).collect()),
            ("New drift", drift(&self.drift_changed.appeared)),
            ("Removed drift", drift(&self.drift_changed.gone)),
            ("Changed document", self.contract_changed.iter().map(contract_change).collect()),
        ];
        sections
            .into_iter()
            .map(|(title, lines): (_, Vec<String>)| Section { title, lines })
            .filter(|section| !section.lines.is_empty())
            .collect()
    }
}

fn finding(finding: &Finding) -> String {
    format!(
        "{} ({}, {})",
        cut(&trace::heading(finding), MAX_LENGTH),
        cut(&trace::named(&finding.operations), MAX_LENGTH),
        cut(&finding.fingerprint, MAX_LENGTH)
    )
}

fn drifted(drift: &Drift) -> String {
    format!("{}: {}", cut(&trace::named(&drift.operations), MAX_LENGTH), cut(&drift.what, MAX_LENGTH))
}

/// A line for each rule; one line for the rules that changed alike, if there are several.
fn verdict_changes<'d>(changes: impl Iterator<Item = &'d Change<Option<Verdict>>>) -> Vec<String> {
    let changes: Vec<_> = changes.collect();
    let word = |verdict: Option<Verdict>| verdict.map_or("not in the catalogue", Verdict::word);
    let mut kinds = Vec::new();
    let mut lines = Vec::new();
    for change in &changes {
        let kind = (change.before, change.after);
        let alike = changes.iter().filter(|other| (other.before, other.after) == kind).count();
        let subject = match alike {
            few if few < MIN_SHARED => cut(&change.of, MAX_LENGTH).into_owned(),
            _ if kinds.contains(&kind) => continue,
            many => count(many, "rule"),
        };
        kinds.push(kind);
        lines.push(format!("{subject}: {} -> {}", word(kind.0), word(kind.1)));
    }
    lines
}

fn choice_change(change: &Change<BTreeSet<String>>) -> String {
    let joined = |choices: &BTreeSet<String>| {
        let choices: Vec<&str> = choices.iter().map(String::as_str).collect();
        cut(&choices.join("; "), MAX_LENGTH).into_owned()
    };
    format!("{}: {} -> {}", cut(&change.of, MAX_LENGTH), joined(&change.before), joined(&change.after))
}

fn contract_change(change: &Change<String>) -> String {
    format!("{}: {} -> {}", change.of, change.before, change.after)
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::super::diff;
    use super::*;

    fn later() -> crate::finding::Outcome {
        let mut later = sample::fixed();
        later.findings.remove(1);
        later.findings.truncate(1);
        later.rules[1].verdict = Verdict::Passed;
        later.rules[11].verdict = Verdict::Inconclusive;
        later.observations[1].choice = "400".into();
        later.drift.remove(1);
        later.contract.digest = "sha256:00".into();
        later
    }

    #[test]
    fn the_text_lists_every_change() {
        let text = diff(&sample::fixed(), &later()).to_human(&Style::default());
        assert_eq!(
            text,
            "Fixed\n\
             \x20 - warning[response.error-type] `error.type` does not fit the status (v4GetOffering,\n\
             \x20   v4UpdateOffering, 3dcf6f20)\n\
             \n\
             Still there\n\
             \x20 - violation[create.tag-invalid] a `tag` outside 0 and 1 is accepted (v4CreateOffering, 2f2656bd)\n\
             \n\
             Not checked again\n\
             \x20 - violation[delete.removes] a deleted offering can still be read (v4GetOffering, 3fdeffb4)\n\
             \n\
             Changed choices\n\
             \x20 - update.empty-body: 200, unchanged -> 400\n\
             \n\
             Removed drift\n\
             \x20 - v4CreateOffering: 415 is not documented\n\
             \n\
             Changed document\n\
             \x20 - spec/offerings.openapi.yaml: sha256:9f2c61d0a4b7 -> sha256:00\n\
             \n\
             0 new findings (0 violations), 1 fixed, 1 still there, 1 not checked again\n"
        );
    }

    #[test]
    fn verdicts_without_a_finding_are_listed_and_equal_ones_joined() {
        let (earlier, mut later) = (sample::fixed(), sample::fixed());
        let passed = later.rules.iter_mut().filter(|rule| rule.verdict == Verdict::Passed);
        let skipped = passed.map(|rule| rule.verdict = Verdict::Skipped).count();
        later.rules.iter_mut().find(|rule| rule.verdict == Verdict::Observed).unwrap().verdict = Verdict::Inconclusive;
        let text = diff(&earlier, &later).to_human(&Style::default());
        assert!(text.contains(&format!("\n  - {skipped} rules: passed -> skipped\n")), "{text}");
        assert_eq!(text.matches(": observed -> inconclusive\n").count(), 1, "{text}");
        assert!(!text.contains(": violated ->"), "{text}");
    }

    #[test]
    fn new_findings_are_shown_in_full_and_counted() {
        let text = diff(&later(), &sample::fixed()).to_human(&Style::default());
        assert!(text.starts_with("violation[delete.removes] a deleted offering can still be read"));
        assert!(text.ends_with("\n2 new findings (1 violation), 0 fixed, 1 still there, 0 not checked again\n"));
    }

    #[test]
    fn markdown_lists_the_same_changes() {
        let text = diff(&later(), &sample::fixed()).to_markdown();
        assert!(text.starts_with("## ❌ 2 new findings (1 violation), 0 fixed, 1 still there, 0 not checked again\n"));
        assert!(text.contains("\n### New\n\n- violation&#91;delete.removes&#93; a deleted offering"));
        assert!(text.contains("### Changed document\n\n- spec/offerings.openapi.yaml&#58; sha256&#58;00 -&#62; "));
    }

    #[test]
    fn json_has_every_part() {
        let text = diff(&sample::fixed(), &later()).to_json();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["fixed"][0]["rule"], "response.error-type");
        assert_eq!(value["verdicts_changed"][1]["after"], "inconclusive");
        assert_eq!(value["observations_changed"][0]["before"][0], "200, unchanged");
    }

    #[test]
    fn hostile_strings_stay_in_their_lines() {
        let difference = diff(&sample::fixed(), &sample::hostile());
        let human = difference.to_human(&Style::default());
        assert!(human.lines().all(|line| visible(line) == line));
        let markdown = difference.to_markdown();
        assert!(!markdown.contains("<script") && !markdown.contains("```"));
        assert!(!markdown.contains('\u{202e}'));
    }
}
