//! What a run recorded besides verdicts, and its facts.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::super::trace;
use super::super::visible::visible;
use super::super::words::{count, duration};
use super::prose::prose;
use super::{coverage, latency, mark};
use crate::finding::{Drift, Finding, Outcome, SeenResponse, Verdict};

/// The sections that are not empty: id, title, content.
pub(super) fn present(outcome: &Outcome) -> Vec<(&'static str, &'static str, Markup)> {
    [
        ("left-behind", "Left behind", left_behind(outcome)),
        ("changed", "Changed by the server", changed_by_server(outcome)),
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
            p { "The run created " (count(ids.len(), "offering")) " that it could not delete. " code { "qonform clean" } " deletes them." }
            ul { @for id in ids { li { code { (visible(id)) } } } }
        }
    })
}

fn changed_by_server(outcome: &Outcome) -> Option<Markup> {
    let changed = &outcome.changed_by_server;
    (!changed.is_empty()).then(|| {
        html! {
            p {
                "The server changed " (count(changed.len(), "offering")) " that the run did not create, and the run could \
                 not put them back."
            }
            ul { @for one in changed { li { (visible(&one.to_string())) } } }
        }
    })
}

fn waivers(outcome: &Outcome) -> Option<Markup> {
    let remarks: Vec<String> = trace::waivers(outcome).collect();
    (!remarks.is_empty()).then(|| {
        html! {
            p { "Waivers to review." }
            ul { @for remark in &remarks { li { (prose(remark)) } } }
        }
    })
}

fn not_decided(outcome: &Outcome) -> Option<Markup> {
    let rules: Vec<_> =
        outcome.rules.iter().filter(|rule| matches!(rule.verdict, Verdict::Skipped | Verdict::Inconclusive)).collect();
    (!rules.is_empty()).then(|| {
        html! {
            p { "The rules that were skipped or are inconclusive, and why." }
            table {
                thead { tr { th scope="col" { "Rule" } th scope="col" { "Verdict" } th scope="col" { "Why" } } }
                tbody {
                    @for rule in rules {
                        tr {
                            th scope="row" { code { (visible(&rule.id)) } }
                            td { (mark(rule.verdict)) }
                            td { (prose(rule.reason.as_deref().unwrap_or("no reason recorded"))) }
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
            p { "What the server chose where the contract is open. Every choice is correct." }
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
            p { "Where document and server differ, whether it violates a rule or not." }
            table.drift {
                thead { tr {
                    th scope="col" { "Document says" } th scope="col" { "Server does" } th scope="col" { "Where" }
                    th scope="col" { "Evidence" }
                } }
                tbody {
                    @for drift in &outcome.drift {
                        tr {
                            td { span.label { "Document: " } (documented(outcome, drift)) }
                            td { span.label { "Server: " } (prose(&drift.what)) }
                            td { span.label { "Where: " }
                                @if drift.operations.is_empty() { "outside the document" }
                                @for operation in &drift.operations { code { (visible(operation)) } " " } }
                            td { span.label { "Evidence: " } (evidence(outcome, drift)) }
                        }
                    }
                }
            }
        }
    })
}

/// The rule that the drift violates; else the statuses that the document lists for its operations.
fn documented(outcome: &Outcome, drift: &Drift) -> Markup {
    let rule = drift.rule.as_ref().and_then(|id| outcome.rules.iter().find(|rule| rule.id == *id));
    let listed = |seen: &&SeenResponse| seen.documented && drift.operations.contains(&seen.operation);
    let statuses: BTreeSet<u16> = outcome.coverage.responses.iter().filter(listed).map(|seen| seen.status).collect();
    let statuses: Vec<String> = statuses.iter().map(u16::to_string).collect();
    // `returned 403, which the document does not list`.
    let is_status = |word: &str| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_status = drift.what.split([' ', ',']).take(2).any(is_status);
    html! {
        @match rule {
            Some(rule) => (prose(&rule.statement)),
            None if is_status && !statuses.is_empty() => { "responses " (statuses.join(", ")) },
            None => span.nothing { "nothing about it" },
        }
    }
}

/// A link to the finding, or the rule, and the number of occurrences.
fn evidence(outcome: &Outcome, drift: &Drift) -> Markup {
    let is_same = |finding: &Finding| drift.rule.as_ref() == Some(&finding.rule) && finding.title == drift.what;
    let finding = outcome.findings.iter().position(is_same);
    html! {
        @match (finding, &drift.rule) {
            (Some(index), Some(rule)) => a href={"#finding-" (index + 1)} { code { (visible(rule)) } },
            (_, Some(rule)) => code { (visible(rule)) },
            _ => "violates no rule",
        }
        ", " (count(drift.count, "time"))
    }
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
        ("Started", outcome.started_at.clone().unwrap_or_else(|| "unknown".into())),
        ("Duration", duration(outcome.duration_ms)),
        ("Cases", summary.cases.to_string()),
        ("Checks", summary.checks.to_string()),
        ("Requests", summary.requests.to_string()),
        ("Waits for a rate limit", summary.waits.to_string()),
        ("Repeated reads", summary.retries.to_string()),
        ("Exit code", outcome.exit_code().to_string()),
    ];
    html! {
        dl.facts {
            @for (name, value) in facts { div { dt { (name) } dd { (visible(&value)) } } }
        }
        p { button type="button" #save { "Save the JSON report" } }
    }
}
