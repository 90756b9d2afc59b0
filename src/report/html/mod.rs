//! One page with everything in it, for a browser.
//!
//! Style and script are inside; nothing is loaded, and a policy in the page forbids it. Without the script everything
//! can still be read, unfolded and filtered by verdict; the script adds searching and copying. Start at [`render`].

mod coverage;
mod findings;
mod latency;
mod prose;
mod race;
mod rules;
mod sections;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::visible::{escaped_json, is_treacherous, visible};
use super::words::{RunStatus, count, counted, duration, glance, shortfall};
use crate::finding::{Outcome, Verdict};

/// Nothing may be fetched, whatever a string of the target turns into.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; \
                      base-uri 'none'; form-action 'none'";

/// The page.
pub(super) fn render(outcome: &Outcome) -> String {
    let (glance, clause) = glance(outcome);
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
                link rel="icon" href=(icon(glance));
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                a.skip href="#findings" { "Skip to the findings" }
                (banner(outcome, glance, &clause))
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
fn banner(outcome: &Outcome, glance: RunStatus, clause: &str) -> Markup {
    let class = match glance {
        RunStatus::Kept => "kept",
        RunStatus::Broken => "broken",
        RunStatus::Doubtful => "unclear",
    };
    html! {
        header class={"banner " (class)} {
            div.inner {
                p.of {
                    span { @if outcome.target.embedded { "the embedded server" } @else { (visible(&outcome.target.url)) } }
                    " tested against "
                    span { (visible(&outcome.contract.document)) }
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
                    (count(outcome.summary.requests, "request")) " · "
                    (count(outcome.summary.cases, "case")) " · "
                    (duration(outcome.duration_ms)) " · seed " (outcome.seed)
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

/// The mark that stands before a verdict's word; the word says it too.
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

/// A clause as a sentence on its own: its first letter is a capital.
fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A dot in the colour of the verdict, as a picture in the page itself.
fn icon(glance: RunStatus) -> String {
    let color = match glance {
        RunStatus::Kept => "1a6b3c",
        RunStatus::Broken => "b3261e",
        RunStatus::Doubtful => "8a5300",
    };
    format!(
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
         %3Ccircle cx='8' cy='8' r='7' fill='%23{color}'/%3E%3C/svg%3E"
    )
}

/// The JSON report, in a spelling that no HTML parser takes for markup: such characters are `\u` escapes, which only
/// occur inside of strings.
fn embedded(outcome: &Outcome) -> String {
    let json = serde_json::to_string(outcome)
        .expect("an outcome holds only strings, numbers, lists and records with string keys");
    escaped_json(&json, |c| matches!(c, '<' | '>' | '&') || is_treacherous(c))
}

#[cfg(test)]
mod tests;
