//! The findings, each with its evidence and the commands that reproduce it.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::super::trace;
use super::super::visible::visible;
use super::super::words::count;
use super::prose::{body, contrasted, named_members, prose};
use super::{race, rules};
use crate::finding::{EvidenceStep, Finding, Outcome, Severity};

pub(super) fn section(outcome: &Outcome) -> Markup {
    html! {
        section #findings {
            h2 { "Findings" }
            @if outcome.findings.is_empty() {
                p.nothing {
                    @if outcome.tested_nothing() { "Nothing was checked, so nothing was found." }
                    @else { "No violation in " (count(outcome.summary.checks, "check")) "." }
                }
            }
            @if outcome.findings.len() > 1 { (overview(outcome)) }
            @for (index, finding) in outcome.findings.iter().enumerate() { (article(outcome, finding, index)) }
        }
    }
}

/// An index of the findings by rule: a link to each, with its operations.
fn overview(outcome: &Outcome) -> Markup {
    let mut rules: Vec<(&str, Vec<(usize, &Finding)>)> = Vec::new();
    for (index, finding) in outcome.findings.iter().enumerate() {
        match rules.iter_mut().find(|(rule, _)| *rule == finding.rule) {
            Some((_, findings)) => findings.push((index, finding)),
            None => rules.push((&finding.rule, vec![(index, finding)])),
        }
    }
    html! {
        dl.overview {
            @for (rule, findings) in &rules {
                div {
                    dt { code { (visible(rule)) } }
                    @for (index, finding) in findings {
                        dd {
                            span class={"verdict " (class(finding))} { (finding.severity.word()) } " "
                            a href={"#finding-" (index + 1)} { (prose(&super::sentence(&finding.title))) } " "
                            span.at { (visible(&trace::named(&finding.operations))) }
                        }
                    }
                }
            }
        }
    }
}

fn class(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Violation => "violated",
        Severity::Known | Severity::Warning | Severity::Waived => "warned",
    }
}

fn article(outcome: &Outcome, finding: &Finding, index: usize) -> Markup {
    let class = class(finding);
    let rule = outcome.rules.iter().position(|rule| rule.id == finding.rule);
    let (expected, received) = contrasted(&finding.expected, &finding.received);
    html! {
        article.finding class=(class) id={"finding-" (index + 1)} aria-labelledby={"title-" (index + 1)} {
            p.kind {
                span class={"verdict " (class)} { (finding.severity.word()) } " "
                @match rule {
                    Some(rule) => a href={"#rule-" (rule + 1)} { code { (visible(&finding.rule)) } },
                    None => code { (visible(&finding.rule)) },
                }
            }
            h3 id={"title-" (index + 1)} { (prose(&super::sentence(&finding.title))) }
            p.facts { (trace::facts(finding)) " · " (visible(&trace::named(&finding.operations))) }
            @if let Some(rule) = rule.and_then(|rule| outcome.rules.get(rule)) {
                p.statement { "Rule: " (prose(&rule.statement)) (rules::sources(rule)) }
            }
            dl.contrast {
                div { dt { "Expected" } dd { (expected) } }
                div { dt { "Received" } dd { (received) } }
                @if !finding.also.is_empty() { div.wide { dt { "Also violates" } dd { (also(outcome, finding)) } } }
                @if let Some(waiver) = trace::waiver(finding) {
                    div.wide { dt { "Waived" } dd { (prose(&waiver)) } }
                }
                @if let Some(request) = &finding.shrunk_request {
                    div.wide { dt { "Minimized from" } dd { code { (visible(request)) } } }
                }
            }
            @if let Some(place) = trace::place(finding) {
                p.place { "Contract: " code { (visible(&place)) }
                    @if let Some(place) = &finding.place { " " span.pointer { (visible(&place.pointer)) } } }
            }
            (steps(finding))
            (race::timeline(finding))
            (reproduction(outcome, finding))
        }
    }
}

/// The further rules that the finding violates, each as a link.
fn also(outcome: &Outcome, finding: &Finding) -> Markup {
    html! {
        @for id in &finding.also {
            @match outcome.rules.iter().position(|rule| rule.id == *id) {
                Some(rule) => a href={"#rule-" (rule + 1)} { code { (visible(id)) } },
                None => code { (visible(id)) },
            } " "
        }
    }
}

fn steps(finding: &Finding) -> Markup {
    let names = named_members(&[&finding.title, &finding.expected, &finding.received]);
    html! {
        ol.steps {
            @for part in trace::folded(finding) {
                @let line = &part.line;
                li class=[line.here.then_some("here")] {
                    details open[line.here] {
                        summary {
                            span.number { (part.numbers) }
                            code.method { (visible(line.method)) }
                            code.path { (visible(&line.path)) }
                            code.response { (visible(&line.response)) }
                            @if !line.note.is_empty() { span.note { (visible(&line.note)) } }
                            @if line.here { strong.point { "← here" } }
                        }
                        @for step in part.steps { (exchange(step, &names)) }
                    }
                }
            }
        }
    }
}

/// The full request and response of a step.
fn exchange(step: &EvidenceStep, names: &BTreeSet<&str>) -> Markup {
    let none = BTreeSet::new();
    html! {
        div.exchange {
            div {
                h4 { "Request" }
                p.line { code { (visible(&step.method)) " " (visible(&step.path)) } }
                (headers(&step.request_headers))
                @match &step.request_body {
                    Some(text) => (body(text, &none)),
                    None => p.nothing { "no body" },
                }
            }
            div {
                h4 { "Response" }
                p.line { code { (step.status) } }
                (headers(&step.response_headers))
                @match &step.response_body {
                    Some(text) => (body(text, if step.here { names } else { &none })),
                    None => p.nothing { "no body" },
                }
            }
        }
    }
}

fn headers(headers: &[(String, String)]) -> Markup {
    html! {
        @if !headers.is_empty() {
            ul.headers {
                @for (name, value) in headers { li { code { (visible(name)) ": " (visible(value)) } } }
            }
        }
    }
}

fn reproduction(outcome: &Outcome, finding: &Finding) -> Markup {
    html! {
        div.reproduce {
            h4 { "Reproduce" }
            (command(&trace::replay(finding, outcome.report.as_deref())))
            @for line in trace::commands(finding) {
                @match line.strip_prefix(trace::COMMENT) {
                    Some(comment) => p.nothing { (prose(comment)) },
                    None => (command(&line)),
                }
            }
        }
    }
}

/// A command with a button that copies it. Control characters are escaped and never copied.
fn command(line: &str) -> Markup {
    let safe = visible(line);
    html! {
        div.command {
            pre tabindex="0" { code { (safe) } }
            button type="button" data-copy { "Copy" }
        }
        @if safe != line {
            p.nothing { "Control characters are escaped in this command: it does not send what was sent, replay does." }
        }
    }
}
