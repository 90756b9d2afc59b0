//! A shell script that needs only `curl` and POSIX tools.

use std::fmt::Write as _;

use super::check::{Check, others, recorded, shown_by};
use super::script::{Captured, From, Piece, Script, ScriptCall};
use crate::contract::ShownBy;
use crate::exchange::{KeyRole, OperationRef, Request, curl};
use crate::report::trace::{self, quoted};
use crate::report::visible::visible;

/// The start of every script, after its variables.
const FUNCTIONS: &str = include_str!("functions.sh");

pub(super) fn render(script: &Script<'_>) -> String {
    let mut text = head(script);
    text.push_str(FUNCTIONS);
    if shown_by(script.finding) == ShownBy::Main {
        text.push_str("[ -n \"$main\" ] || cannot 'the project needs a main offering'\n");
    }
    text.push_str(&pairs(script));
    for (index, call) in script.calls.iter().enumerate() {
        text.push('\n');
        text.push_str(&request(script, index, call));
        for (number, captured) in script.captured.iter().enumerate().filter(|(_, captured)| captured.step == index) {
            text.push_str(&capture(number, captured));
        }
    }
    text.push('\n');
    text.push_str(&verdict(script));
    text
}

/// The finding as lines of a comment.
pub(super) fn heading(script: &Script<'_>) -> Vec<String> {
    let finding = script.finding;
    let mut lines = vec![
        trace::heading(finding),
        format!("expected  {}", finding.expected),
        format!("received  {}", finding.received),
    ];
    lines.extend(trace::place(finding).map(|place| format!("contract  {place}")));
    lines.push(format!("replay    {}", script.replay));
    let lists_others = script.finding.steps.iter().any(|step| others(step, &script.prefix).is_some());
    if script.check == Check::Same && lists_others {
        lines.push(
            "Lists are compared as a whole, and one contained offerings that the run did not create: on a project with other \
             offerings the result is unknown, use replay."
                .into(),
        );
    }
    if let Check::Manual(why) = script.check {
        lines.push(format!("A person has to check the responses: {why}."));
    }
    lines.iter().map(|line| visible(line).into_owned()).collect()
}

fn head(script: &Script<'_>) -> String {
    let mut text = String::from("#!/bin/sh\n");
    for line in heading(script) {
        let _ = writeln!(text, "# {line}");
    }
    text.push_str(
        "#\n# QONFORM_TARGET (base URL) and QONFORM_TOKEN (key) name a project to run it on. Created offerings are deleted at the\n\
         # end. Exit code: 0 not reproduced, 1 BROKEN, 2 not run, or a person has to check the responses.\n\n",
    );
    let _ = writeln!(text, "target=${{QONFORM_TARGET:-{}}}", escaped(&visible(script.target)));
    let _ = writeln!(text, "recorded_prefix={}", quoted(&script.prefix));
    for (number, product) in script.products.iter().enumerate() {
        let _ = writeln!(text, "product_{0}=${{PRODUCT_{0}:-{product}}}", number + 1);
    }
    text
}

/// `text` inside `${NAME:-…}`.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, c| {
        if !(c.is_ascii_alphanumeric() || "/:.-_%".contains(c)) {
            escaped.push('\\');
        }
        escaped.push(c);
        escaped
    })
}

/// Pairs of current and recorded values in responses.
fn pairs(script: &Script<'_>) -> String {
    let mut text = String::from("\npairs() {\n    pair \"$prefix\" \"$recorded_prefix\"\n");
    for role in KeyRole::ALL {
        let _ = writeln!(text, "    pair \"${{{0}:-}}\" '${0}'", role.variable());
    }
    for number in 0..script.products.len() {
        let recorded = quoted(&script.products[number]);
        let _ = writeln!(text, "    pair \"$product_{}\" {recorded}", number + 1);
    }
    for (number, captured) in script.captured.iter().enumerate() {
        if !captured.value.contains(&script.prefix) {
            let _ = writeln!(text, "    pair \"${{value_{}:-}}\" {}", number + 1, quoted(&captured.value));
        }
    }
    text.push_str("}\n");
    text
}

fn request(script: &Script<'_>, index: usize, call: &ScriptCall<'_>) -> String {
    let step = call.step;
    let here = if step.here { "  <- here" } else { "" };
    let mut text =
        format!("# {}  {} {}  {}{here}\n", index + 1, visible(&step.method), visible(&step.path), step.status);
    let _ = writeln!(text, "url=$target$({})", printf(&call.path));
    let mut arguments = headers(script, call);
    if let Some(body) = &call.body {
        let _ = writeln!(text, "{} > \"$work/body\"", printf(body));
        if !call.headers.iter().any(|(name, _)| name == "content-type") {
            arguments.push_str(" -H 'content-type:'");
        }
        arguments.push_str(" --data-binary @\"$work/body\"");
    }
    if let Some(id) = &call.creates {
        let _ = writeln!(text, "created \"$({})\"", printf(id));
    }
    // If the script tests keys, a 401 or 403 does not mean that the given key is invalid.
    let is_main =
        |call: &ScriptCall| call.step.request_headers.contains(&("authorization".into(), KeyRole::Main.bearer()));
    if !script.calls.iter().all(is_main) || matches!(step.status, 401 | 403) {
        text.push_str("any_key ");
    }
    let _ = writeln!(text, "send {} {} -X {}{arguments}", index + 1, step.status, quoted(&visible(&step.method)));
    text
}

/// The headers as in a `curl` command, with variables for keys.
fn headers(script: &Script<'_>, call: &ScriptCall<'_>) -> String {
    let request = Request {
        headers: call.step.request_headers.clone(),
        ..Request::new(OperationRef::None, http::Method::GET, "")
    };
    let line = curl("", &request);
    let start = line.find(" -H ").unwrap_or(line.len());
    let end = line.rfind(" ''").unwrap_or(line.len());
    // Every header is in double quotes.
    visible(line.get(start..end).unwrap_or_default()).replace(&script.prefix, "${prefix}")
}

/// A `printf` that prints a template: bytes other than plain text in octal, untrusted text in single quotes.
fn printf(template: &[Piece]) -> String {
    let mut format = String::new();
    let mut arguments = String::new();
    for piece in template {
        let argument = match piece {
            Piece::Text(text) => {
                for byte in text.bytes() {
                    match byte {
                        b'%' => format.push_str("%%"),
                        b'\\' => format.push_str("\\\\"),
                        b'\'' => format.push_str("'\\''"),
                        b' '..=b'~' => format.push(char::from(byte)),
                        _ => format.push_str(&format!("\\{byte:03o}")),
                    }
                }
                continue;
            }
            Piece::Prefix => "\"$prefix\"".to_owned(),
            Piece::Captured(number) => format!("\"$value_{}\"", number + 1),
            Piece::Encoded(number) => format!("\"$(encoded \"$value_{}\")\"", number + 1),
            Piece::Product(number) => format!("\"$product_{}\"", number + 1),
        };
        format.push_str("%s");
        arguments.push(' ');
        arguments.push_str(&argument);
    }
    // A format that starts with a dash would be an option.
    format!("printf -- '{format}'{arguments}")
}

fn capture(number: usize, captured: &Captured) -> String {
    let (member, which) = match captured.from {
        From::Id => ("id", "1".to_owned()),
        From::Cursor => ("next_cursor", "1".to_owned()),
        From::Item(place) => ("id", (place + 1).to_string()),
        From::Last => ("id", "last".to_owned()),
    };
    let (name, step) = (format!("value_{}", number + 1), captured.step + 1);
    format!("{name}=$(member {step} {member} {which})\n[ -n \"${name}\" ] || {name}=$({})\n", printf(&captured.was))
}

fn verdict(script: &Script<'_>) -> String {
    let here = script.finding.steps.iter().position(|step| step.here).map_or(script.calls.len(), |place| place + 1);
    match &script.check {
        Check::Response(expected) => {
            let named: Vec<String> = expected
                .iter()
                .map(|(status, code)| format!("{status} {}", code.as_deref().unwrap_or_default()).trim_end().to_owned())
                .collect();
            let patterns: Vec<String> = expected
                .iter()
                .map(|(status, code)| {
                    code.as_ref().map_or_else(|| format!("'{status} '*"), |code| format!("'{status} {code}'"))
                })
                .collect();
            format!(
                "as_recorded_before {here}\ncase \"$(response {here})\" in\n{}) passed ;;\n*) failed \"step {here} returned $(echo $(response {here})), expected {}\" ;;\nesac\n",
                patterns.join(" | "),
                named.join(" or "),
            )
        }
        Check::Same => {
            let mut text = String::new();
            for (index, call) in script.calls.iter().enumerate() {
                let recorded_text = quoted_lines(&recorded(call.step));
                let _ = match others(call.step, &script.prefix) {
                    None => writeln!(text, "same {} {recorded_text}", index + 1),
                    Some(others) => {
                        let others: Vec<_> = others.iter().map(|id| visible(id)).collect();
                        writeln!(text, "same_list {} {recorded_text} {}", index + 1, quoted_lines(&others.join("\n")))
                    }
                };
            }
            text + "failed 'every response is the same'\n"
        }
        Check::Manual(why) => format!("inspect {}\n", quoted(why)),
    }
}

/// Several lines in single quotes.
fn quoted_lines(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The volatile headers as a pattern; [`FUNCTIONS`] contains it too.
#[cfg(test)]
pub(super) fn volatile_pattern() -> String {
    super::check::VOLATILE.join("|")
}
