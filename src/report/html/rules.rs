//! The rules by area, with a filter by verdict (without script) and a search (with script).

use maud::{Markup, html};

use super::super::trace::source;
use super::super::visible::visible;
use super::super::words::{areas, count};
use super::mark;
use super::prose::prose;
use crate::contract::Level;
use crate::finding::{Outcome, RuleOutcome, Verdict};

pub(super) fn section(outcome: &Outcome) -> Markup {
    html! {
        section #rules {
            h2 { "Rules" }
            @if outcome.rules.is_empty() {
                p.nothing { "No rule was selected." }
            } @else {
                (filters(outcome))
                @for (area, rules) in areas(outcome) { (group(outcome, area, &rules)) }
                p.nothing #no-rule hidden { "No rule matches." }
            }
        }
    }
}

fn filters(outcome: &Outcome) -> Markup {
    html! {
        form.filters role="search" {
            fieldset {
                legend { "Show" }
                label { input type="radio" name="verdict" value="" id="show-all" checked; span { "all " (outcome.rules.len()) } }
                @for verdict in Verdict::ALL {
                    @let number = outcome.rules.iter().filter(|rule| rule.verdict == verdict).count();
                    @if number > 0 {
                        label {
                            input type="radio" name="verdict" value=(verdict.word()) id={"show-" (verdict.word())};
                            span { (verdict.word()) " " (number) }
                        }
                    }
                }
            }
            label.search { "Search " input type="search" id="search" autocomplete="off" placeholder="id, word, reason"; }
            output #shown for="search" aria-live="polite" {}
        }
    }
}

fn group(outcome: &Outcome, area: &str, rules: &[&RuleOutcome]) -> Markup {
    html! {
        section.area {
            h3 { (visible(area)) " " span.tally { (count(rules.len(), "rule")) } }
            ul.rules {
                @for rule in rules {
                    @let number = outcome.rules.iter().position(|known| std::ptr::eq(known, *rule)).map_or(0, |index| index + 1);
                    (row(rule, number))
                }
            }
        }
    }
}

fn row(rule: &RuleOutcome, number: usize) -> Markup {
    let level = match rule.level {
        Level::Must => "must",
        Level::Should => "should",
        Level::Open => "open",
    };
    html! {
        li.rule id={"rule-" (number)} data-verdict=(rule.verdict.word()) {
            (mark(rule.verdict))
            div {
                p.name { code { (visible(&rule.id)) } " " span.level { (level) } " " span.tally { (count(rule.checked, "check")) } }
                p.statement { (prose(&rule.statement)) (sources(rule)) }
                @if let Some(reason) = &rule.reason { p.reason { (prose(reason)) } }
            }
        }
    }
}

/// The documents that state the rule.
pub(super) fn sources(rule: &RuleOutcome) -> Markup {
    let sources: Vec<String> =
        rule.from.iter().map(|tag| source(tag).map_or_else(|| visible(tag).into_owned(), str::to_owned)).collect();
    html! {
        @if !sources.is_empty() { " " span.sources { "(" (sources.join("; ")) ")" } }
    }
}
