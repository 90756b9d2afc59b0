//! What a run noticed besides verdicts, and its facts.

use maud::{Markup, html};

use super::super::story;
use super::super::visible::visible;
use super::super::words::{count, duration};
use super::prose::prose;
use super::{coverage, latency, mark};
use crate::finding::{Outcome, Verdict};

/// The sections of which there is something: id, title, content.
pub(super) fn present(outcome: &Outcome) -> Vec<(&'static str, &'static str, Markup)> {
    [
        ("left-behind", "Left behind", left_behind(outcome)),
        ("waivers", "Waivers", waivers(outcome)),
        ("not-decided", "Not decided", not_decided(outcome)),
        ("observations", "Observations", observations(outcome)),
        ("drift", "Drift", drift(outcome)),
        ("constraints", "Constraints", coverage::constraints(outcome)),
        ("latency", "Latency", latency::table(outcome)),
        ("notes", "Notes", notes(outcome)),
    ]
    .into_iter()
    .filter_map(|(id, title, content)| Some((id, title, content?)))
    .collect()
}

pub(super) fn all(outcome: &Outcome) -> Markup {
    html! {
        @for (id, title, content) in present(outcome) {
            section id=(id) { h2 { (title) } (content) }
        }
        section #run { h2 { "Run" } (facts(outcome)) }
    }
}

fn left_behind(outcome: &Outcome) -> Option<Markup> {
    let ids = &outcome.left_behind;
    (!ids.is_empty()).then(|| {
        html! {
            p { "The run created " (count(ids.len(), "offering")) " that it could not remove. " code { "qonform clean" } " removes what a run has left." }
            ul { @for id in ids { li { code { (visible(id)) } } } }
        }
    })
}

fn waivers(outcome: &Outcome) -> Option<Markup> {
    let remarks: Vec<String> = story::waivers(outcome).collect();
    (!remarks.is_empty()).then(|| {
        html! {
            p { "Waivers that want a look." }
            ul { @for remark in &remarks { li { (prose(remark)) } } }
        }
    })
}

fn not_decided(outcome: &Outcome) -> Option<Markup> {
    let rules: Vec<_> =
        outcome.rules.iter().filter(|rule| matches!(rule.verdict, Verdict::Skipped | Verdict::Inconclusive)).collect();
    (!rules.is_empty()).then(|| {
        html! {
            p { "These rules were not decided, and what would decide them." }
            table {
                thead { tr { th scope="col" { "Rule" } th scope="col" { "Verdict" } th scope="col" { "Why" } } }
                tbody {
                    @for rule in rules {
                        tr {
                            th scope="row" { code { (visible(&rule.id)) } }
                            td { (mark(rule.verdict)) }
                            td { (prose(rule.reason.as_deref().unwrap_or("no reason was noted"))) }
                        }
                    }
                }
            }
        }
    })
}

fn observations(outcome: &Outcome) -> Option<Markup> {
    let observations = &outcome.observations;
    (!observations.is_empty()).then(|| {
        html! {
            p { "What the server chose where the contract is open. Every choice is right." }
            table {
                thead { tr { th scope="col" { "Rule" } th scope="col" { "Choice" } th scope="col" { "Seen" } } }
                tbody {
                    @for observation in observations {
                        tr {
                            th scope="row" { code { (visible(&observation.rule)) } }
                            td { (prose(&observation.choice)) }
                            td.number { (count(observation.count, "time")) }
                        }
                    }
                }
            }
        }
    })
}

fn drift(outcome: &Outcome) -> Option<Markup> {
    (!outcome.drift.is_empty()).then(|| {
        html! {
            p { "Where documents and server differ, whether it breaks a rule or not." }
            table {
                thead { tr {
                    th scope="col" { "Operation" } th scope="col" { "What differs" } th scope="col" { "Rule" } th scope="col" { "Seen" }
                } }
                tbody {
                    @for drift in &outcome.drift {
                        tr {
                            th scope="row" {
                                @if drift.operations.is_empty() { "outside the document" }
                                @for operation in &drift.operations { code { (visible(operation)) } " " }
                            }
                            td { (prose(&drift.what)) }
                            td { @match &drift.rule { Some(rule) => { "breaks " code { (visible(rule)) } }, None => "breaks no rule" } }
                            td.number { (count(drift.count, "time")) }
                        }
                    }
                }
            }
        }
    })
}

fn notes(outcome: &Outcome) -> Option<Markup> {
    (!outcome.notes.is_empty()).then(|| html! { ul { @for note in &outcome.notes { li { (prose(note)) } } } })
}

fn facts(outcome: &Outcome) -> Markup {
    let summary = &outcome.summary;
    let facts = [
        ("Tool", format!("{} {}", outcome.tool.name, outcome.tool.version)),
        ("Target", outcome.target.url.clone()),
        ("Document", outcome.contract.document.clone()),
        ("Digest", outcome.contract.digest.clone()),
        ("Rules", outcome.contract.rules.to_string()),
        ("Seed", outcome.seed.to_string()),
        ("Time", duration(outcome.duration_ms)),
        ("Cases", summary.cases.to_string()),
        ("Checks", summary.checks.to_string()),
        ("Requests", summary.requests.to_string()),
        ("Waits for a rate limit", summary.waits.to_string()),
        ("Reads sent again", summary.retries.to_string()),
        ("Exit code", outcome.exit_code().to_string()),
    ];
    html! {
        dl.facts {
            @for (name, value) in facts { div { dt { (name) } dd { (visible(&value)) } } }
        }
        p { button type="button" #save { "Save the JSON report" } }
    }
}
