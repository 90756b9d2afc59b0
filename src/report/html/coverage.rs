//! Coverage: the responses of each operation, and the tested constraints.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::super::visible::visible;
use super::super::words::{count, responses_seen};
use crate::finding::{ConstraintSeen, Outcome, SeenHeader, SeenResponse, SideCounts};

pub(super) fn section(outcome: &Outcome) -> Markup {
    let (seen, documented) = responses_seen(outcome);
    html! {
        section #responses {
            h2 { "Responses" }
            @if outcome.coverage.responses.is_empty() {
                p.nothing { "No response was received." }
            } @else {
                p { (seen) " of " (count(documented, "documented response")) " returned. "
                    span.key { span.cell.seen { "returned" } span.cell.never { "never returned" } span.cell.stray { "not documented" } } }
                (matrix(&outcome.coverage.responses))
                @if !outcome.coverage.headers.is_empty() {
                    (headers(&outcome.coverage.headers))
                }
            }
        }
    }
}

fn matrix(responses: &[SeenResponse]) -> Markup {
    let statuses: BTreeSet<u16> = responses.iter().map(|seen| seen.status).collect();
    // In the order of the contract.
    let mut operations: Vec<(&str, BTreeMap<u16, Vec<&SeenResponse>>)> = Vec::new();
    for seen in responses {
        let index = operations.iter().position(|(known, _)| *known == seen.operation).unwrap_or_else(|| {
            operations.push((&seen.operation, BTreeMap::new()));
            operations.len() - 1
        });
        operations[index].1.entry(seen.status).or_default().push(seen);
    }
    html! {
        div.scroll role="region" aria-label="Responses by operation" tabindex="0" {
            table.matrix {
                thead { tr {
                    th scope="col" { "Operation" }
                    @for status in &statuses { th scope="col" { (status) } }
                } }
                tbody {
                    @for (operation, row) in &operations {
                        tr {
                            th scope="row" { code { (visible(operation)) } }
                            @for status in &statuses {
                                td { @for seen in row.get(status).into_iter().flatten() { (cell(seen)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cell(seen: &SeenResponse) -> Markup {
    let class = match (seen.documented, seen.count) {
        (false, _) => "stray",
        (true, 0) => "never",
        (true, _) => "seen",
    };
    html! {
        span class={"cell " (class)} {
            @if let Some(code) = &seen.code { code { (breakable(&visible(code))) } " " }
            @if seen.count == 0 { "never" } @else { (seen.count) "×" }
            @if !seen.documented { " not documented" }
        }
    }
}

fn headers(headers: &[SeenHeader]) -> Markup {
    html! {
        div.scroll role="region" aria-label="Documented headers" tabindex="0" {
            table {
                thead { tr {
                    th scope="col" { "Operation" } th scope="col" { "Status" }
                    th scope="col" { "Header" } th scope="col" { "Responses with it" }
                } }
                tbody {
                    @for seen in headers {
                        tr {
                            th scope="row" { code { (visible(&seen.operation)) } }
                            td { (visible(&seen.status)) }
                            td { code { (visible(&seen.header)) } @if seen.required { " required" } }
                            td.number { (seen.count) }
                        }
                    }
                }
            }
        }
    }
}

/// Every constraint that generated requests covered, with both of its sides.
pub(super) fn constraints(outcome: &Outcome) -> Option<Markup> {
    let coverage = &outcome.coverage;
    let mut operations: Vec<(&str, Vec<&ConstraintSeen>)> = Vec::new();
    for row in &coverage.constraints {
        match operations.last_mut() {
            Some((operation, rows)) if *operation == row.operation => rows.push(row),
            _ => operations.push((&row.operation, vec![row])),
        }
    }
    let is_empty = operations.is_empty() && coverage.holes.is_empty();
    (!is_empty).then(|| {
        html! {
            p { "The constraints of the document, and the results of requests that satisfy and violate them." }
            @for (operation, rows) in &operations {
                details.constraints {
                    summary { code { (visible(operation)) } " " span.tally { (count(rows.len(), "constraint")) } }
                    (limits(rows))
                }
            }
            @if !coverage.holes.is_empty() {
                details.constraints {
                    summary { "Not tested " span.tally { (count(coverage.holes.len(), "side")) } }
                    ul.holes { @for hole in &coverage.holes { li { (visible(hole)) } } }
                }
            }
        }
    })
}

fn limits(rows: &[&ConstraintSeen]) -> Markup {
    html! {
        div.scroll role="region" aria-label="Constraints" tabindex="0" {
            table {
                thead { tr {
                    th scope="col" { "Place" } th scope="col" { "Constraint" }
                    th scope="col" { "Valid requests" } th scope="col" { "Invalid requests" }
                } }
                tbody {
                    @for row in rows {
                        tr {
                            th scope="row" { code { (visible(&row.place)) } }
                            td { code { (visible(&row.constraint)) } }
                            td.number { (side(row.inside)) }
                            td.number { (side(row.outside)) }
                        }
                    }
                }
            }
        }
    }
}

fn side(counts: Option<SideCounts>) -> Markup {
    html! {
        @match counts {
            None => span.nothing { "no such request" },
            Some(SideCounts { accepted: 0, refused: 0 }) => span.nothing { "not tested" },
            Some(SideCounts { accepted, refused }) => { (accepted) " accepted, " (refused) " rejected" }
        }
    }
}

/// A code in snake case that can be broken after each word.
fn breakable(code: &str) -> Markup {
    html! { @for word in code.split_inclusive('_') { (word) wbr; } }
}
