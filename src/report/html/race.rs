//! A diagram of concurrent requests: a row per client, time from left to right.

use maud::{Markup, html};

use super::super::visible::{cut, visible};
use crate::finding::{Finding, Span, Timeline};

/// Size of the diagram and its parts, in its own units.
const WIDTH: usize = 720;
const MARGIN: usize = 100;
const ROW: usize = 34;
const BAR: usize = 22;
/// Room for the text above the rows.
const TOP: usize = 24;
/// Limit of rows, requests and moments: a report from another source can contain any number.
const MAX_COUNT: usize = 200;

pub(super) fn timeline(finding: &Finding) -> Markup {
    let race = finding.race.as_ref().filter(|race| is_drawable(race));
    html! {
        @if let Some(race) = race {
            figure.race {
                div.scroll role="region" aria-label="Requests of the clients" tabindex="0" { (diagram(race)) }
                figcaption { (legend(race)) }
            }
            @if let Some(text) = &finding.timeline {
                details.text { summary { "The same as text, with times" } (text_diagram(text)) }
            }
        } @else if let Some(text) = &finding.timeline {
            (text_diagram(text))
        }
    }
}

fn text_diagram(text: &str) -> Markup {
    html! { pre.timeline tabindex="0" { @for line in text.lines() { (visible(line)) "\n" } } }
}

fn is_drawable(race: &Timeline) -> bool {
    let fits = |span: &Span| {
        span.lane < race.lanes.len()
            && span.start < race.moments
            && span.end.is_none_or(|end| (span.start..race.moments).contains(&end))
    };
    (1..=MAX_COUNT).contains(&race.moments)
        && race.lanes.len() <= MAX_COUNT
        && race.spans.len() <= MAX_COUNT
        && race.spans.iter().all(fits)
}

fn diagram(race: &Timeline) -> Markup {
    let height = TOP + race.lanes.len() * ROW;
    let place = |moment: usize| MARGIN + moment * (WIDTH - MARGIN - 20) / (race.moments - 1).max(1);
    let label = race.spans.iter().map(|span| description(race, span)).collect::<Vec<_>>().join("; ");
    let here = race.spans.iter().find(|span| span.here);
    html! {
        svg.timeline viewBox={"0 0 " (WIDTH) " " (height)} width=(WIDTH) height=(height) role="img" aria-label=(visible(&cut(&label, 2_000))) {
            @for (number, lane) in race.lanes.iter().enumerate() {
                rect class="grid" x=(MARGIN) y=(TOP + number * ROW + ROW / 2) width=(WIDTH - MARGIN) height="1" {}
                text x="0" y=(TOP + number * ROW + ROW / 2 + 5) { (visible(&cut(lane, 14))) }
            }
            @if let Some(end) = here.and_then(|span| span.end) {
                // The text stands on the side with room for it.
                @let (text_x, side) = if place(end) > WIDTH / 2 { (place(end) - 6, "end") } else { (place(end) + 8, "start") };
                rect class="fault" x=(place(end)) y="0" width="2" height=(height) {}
                text class="fault" x=(text_x) y="14" text-anchor=(side) { "from here, no order explains the responses" }
            }
            @for span in &race.spans { (bar(span, place(span.start), span.end.map_or(WIDTH, place))) }
        }
    }
}

fn bar(span: &Span, from: usize, to: usize) -> Markup {
    let top = TOP + span.lane * ROW + (ROW - BAR) / 2;
    let class = match (span.here, span.end) {
        (true, _) => "span here",
        (false, Some(_)) => "span",
        (false, None) => "span open",
    };
    html! {
        rect class=(class) x=(from) y=(top) width=(to.saturating_sub(from).max(14)) height=(BAR) rx="3" {}
        text class="mark" x=(from + 4) y=(top + 16) { (visible(&cut(&span.mark, 3))) }
    }
}

fn legend(race: &Timeline) -> Markup {
    html! {
        ol.legend {
            @for span in &race.spans {
                li class=[span.here.then_some("here")] {
                    code.number { (visible(&span.mark)) } code { (visible(&cut(&span.request, 300))) }
                    code.response { (visible(&cut(&span.response, 300))) }
                    @if span.here { strong.point { "← here: no order of these requests explains all responses" } }
                }
            }
        }
    }
}

/// A request as text.
fn description(race: &Timeline, span: &Span) -> String {
    let lane = race.lanes.get(span.lane).map_or("", String::as_str);
    let here = if span.here { ", which no order explains" } else { "" };
    format!("{lane}: {} {} returned {}{here}", span.mark, span.request, span.response)
}
