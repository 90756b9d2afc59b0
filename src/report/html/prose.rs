//! Untrusted text as elements.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::super::trace;
use super::super::visible::{Breaks, cut, shown, visible};

/// Maximum length of a string in running text, in characters; the embedded JSON has all of it.
const MAX_LENGTH: usize = 2_000;

/// Text in a line; text between backticks becomes code.
pub(super) fn prose(text: &str) -> Markup {
    let text = cut(text, MAX_LENGTH);
    let parts: Vec<&str> = text.split('`').collect();
    let last = parts.len() - 1;
    html! {
        @for (index, part) in parts.iter().enumerate() {
            @if index % 2 == 0 { (visible(part)) }
            @else if index < last { code { (visible(part)) } }
            @else { "`" (visible(part)) }
        }
    }
}

/// Two sentences with the differing words marked, if they have a common start or end.
pub(super) fn contrasted(one: &str, other: &str) -> (Markup, Markup) {
    let (a, b): (Vec<&str>, Vec<&str>) = (one.split(' ').collect(), other.split(' ').collect());
    let shorter = a.len().min(b.len());
    let before = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let after = a.iter().rev().zip(b.iter().rev()).take(shorter - before).take_while(|(a, b)| a == b).count();
    if before + after == 0 || before + after == a.len().max(b.len()) {
        return (prose(one), prose(other));
    }
    (marked(&a, before, after), marked(&b, before, after))
}

fn marked(words: &[&str], before: usize, after: usize) -> Markup {
    let end = words.len() - after;
    let middle = words[before..end].join(" ");
    html! {
        (prose(&words[..before].join(" "))) " "
        @if !middle.is_empty() { mark { (prose(&middle)) } " " }
        (prose(&words[end..].join(" ")))
    }
}

/// A body as a block of indented JSON; the lines of members in `names` are marked.
pub(super) fn body(text: &str, names: &BTreeSet<&str>) -> Markup {
    let pretty = trace::pretty(text);
    let pretty = shown(&pretty, Breaks::Unchanged);
    html! {
        pre tabindex="0" {
            code {
                @for line in pretty.split_inclusive('\n') {
                    @if is_member_of(line, names) { mark { (line) } } @else { (line) }
                }
            }
        }
    }
}

/// Whether a line of indented JSON starts a member with one of these names.
fn is_member_of(line: &str, names: &BTreeSet<&str>) -> bool {
    line.trim_start()
        .strip_prefix('"')
        .and_then(|rest| rest.split_once("\":"))
        .is_some_and(|(name, _)| names.contains(name))
}

/// Names of members between backticks in sentences: `error.type` names `type`.
pub(super) fn named_members<'t>(sentences: &[&'t str]) -> BTreeSet<&'t str> {
    sentences
        .iter()
        .flat_map(|sentence| sentence.split('`').skip(1).step_by(2))
        .filter_map(|quoted| quoted.rsplit('.').next())
        .filter(|name| !name.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_become_code_and_an_odd_one_stays() {
        assert_eq!(prose("a `b` <c").into_string(), "a <code>b</code> &lt;c");
        assert_eq!(prose("it`s").into_string(), "it`s");
    }

    #[test]
    fn only_differing_words_are_marked() {
        let (one, other) = contrasted("`type` `resource` on 404", "`type` `request` on 404");
        assert_eq!(one.into_string(), "<code>type</code> <mark><code>resource</code></mark> on 404");
        assert_eq!(other.into_string(), "<code>type</code> <mark><code>request</code></mark> on 404");
        assert_eq!(contrasted("a b", "c d").0.into_string(), "a b");
        assert_eq!(contrasted("a a", "a").0.into_string(), "a <mark>a</mark> ");
    }

    #[test]
    fn a_named_member_is_marked_in_the_body() {
        let names = named_members(&["`error.type` does not fit", "no `x`"]);
        assert_eq!(names, BTreeSet::from(["type", "x"]));
        let marked = body("{\"type\":1,\"code\":\"type\"}", &names).into_string();
        assert!(marked.contains("<mark>  &quot;type&quot;: 1,\n</mark>"));
        assert_eq!(marked.matches("<mark>").count(), 1);
    }
}
