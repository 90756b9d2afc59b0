//! One self-contained page for a browser.
//!
//! The page contains style and script and loads nothing; its content security policy forbids it. Without the script
//! everything can be read, unfolded and filtered by verdict; the script adds search and copying. Start at [`render`].

mod coverage;
mod findings;
mod latency;
mod prose;
mod race;
mod rules;
mod sections;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::visible::{escaped_json, is_unsafe, visible};
use super::words::{RunStatus, count, counted, duration, run_status, shortfall};
use crate::finding::{Outcome, Verdict};

/// Forbids every request, also if a string of the target became markup.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; \
                      base-uri 'none'; form-action 'none'";

/// The page.
pub(super) fn render(outcome: &Outcome) -> String {
    let (status, clause) = run_status(outcome);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(visible(&format!("{} {}", outcome.tool.name, outcome.tool.version)));
                title { "qonform: " (clause) }
                link rel="icon" href=(icon(status));
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                a.skip href="#findings" { "Skip to the findings" }
                (banner(outcome, status, &clause))
                main {
                    (findings::section(outcome))
                    (coverage::section(outcome))
                    (rules::section(outcome))
                    (sections::all(outcome))
                }
                script type="application/json" id="outcome" { (PreEscaped(embedded(outcome))) }
                script { (PreEscaped(include_str!("script.js"))) }
            }
        }
    };
    page.into_string() + "\n"
}

/// Verdict, counts and contents.
fn banner(outcome: &Outcome, status: RunStatus, clause: &str) -> Markup {
    let class = match status {
        RunStatus::Kept => "kept",
        RunStatus::Broken => "broken",
        RunStatus::Unclear => "unclear",
    };
    html! {
        header class={"banner " (class)} {
            div.inner {
                p.of {
                    span { @if outcome.target.embedded { "embedded server" } @else { (visible(&outcome.target.url)) } }
                    " tested against "
                    span { (visible(&outcome.contract.document)) }
                    " by "
                    span { (visible(&format!("{} {}", outcome.tool.name, outcome.tool.version))) }
                }
                h1 { (sentence(clause)) }
                @if let Some(shortfall) = shortfall(&outcome.ending) {
                    p.shortfall { (visible(&sentence(&shortfall))) }
                }
                ul.counts aria-label="Rules by verdict" {
                    @for (verdict, number) in counted(outcome) {
                        li class=(verdict.word()) data-none[number == 0] {
                            strong { (number) } " " (verdict.word())
                        }
                    }
                }
                p.run {
                    @if let Some(started) = &outcome.started_at { time { (visible(started)) } " · " }
                    (count(outcome.summary.requests, "request")) " · "
                    (count(outcome.summary.cases, "case")) " · "
                    (duration(outcome.duration_ms)) " · seed " (outcome.seed)
                }
                @if !outcome.labels.is_empty() {
                    ul.labels aria-label="Labels" {
                        @for (key, value) in &outcome.labels { li { (visible(key)) ": " (visible(value)) } }
                    }
                }
            }
        }
        nav aria-label="Contents" {
            div.inner {
                a href="#findings" { "Findings" }
                a href="#responses" { "Responses" }
                a href="#rules" { "Rules" }
                @for (id, title, _) in sections::present(outcome) { a href={"#" (id)} { (title) } }
                a href="#run" { "Run" }
            }
        }
    }
}

/// A verdict with its symbol.
fn mark(verdict: Verdict) -> Markup {
    let symbol = match verdict {
        Verdict::Passed => "✓",
        Verdict::Violated => "✗",
        Verdict::Warned => "!",
        Verdict::Observed => "○",
        Verdict::Skipped => "–",
        Verdict::Inconclusive => "?",
    };
    html! {
        span class={"verdict " (verdict.word())} { span.symbol aria-hidden="true" { (symbol) } " " (verdict.word()) }
    }
}

/// A clause as a sentence, with a capital letter.
fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A dot in the colour of the verdict, as an embedded image.
fn icon(status: RunStatus) -> String {
    let color = match status {
        RunStatus::Kept => "1a6b3c",
        RunStatus::Broken => "b3261e",
        RunStatus::Unclear => "8a5300",
    };
    format!(
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
         %3Ccircle cx='8' cy='8' r='7' fill='%23{color}'/%3E%3C/svg%3E"
    )
}

/// The JSON report, with characters that could be HTML markup as `\u` escapes; they occur only inside strings.
fn embedded(outcome: &Outcome) -> String {
    let json = serde_json::to_string(outcome)
        .expect("an outcome holds only strings, numbers, lists and records with string keys");
    escaped_json(&json, |c| matches!(c, '<' | '>' | '&') || is_unsafe(c))
}

#[cfg(test)]
mod tests;
