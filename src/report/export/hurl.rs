//! A Hurl file (<https://hurl.dev>).

use std::fmt::Write as _;

use super::check::{Check, error_code};
use super::script::{From, Piece, Script, ScriptCall};
use super::shell::heading;
use crate::exchange::KeyRole;
use crate::report::visible::visible;

pub(super) fn render(script: &Script<'_>) -> String {
    let mut text = String::new();
    for line in heading(script) {
        let _ = writeln!(text, "# {line}");
    }
    text.push_str(&format!("#\n# hurl --test {} {}.hurl\n", variables(script).join(" "), script.name()));
    if script.check == Check::Same && !script.calls.iter().any(is_server_error) {
        text.push_str(
            "# The defect is in the content of the responses, which Hurl cannot compare as a whole: the shell script of the\n\
             # same name does. This file sends each request; --very-verbose shows the responses.\n",
        );
    }
    for (index, call) in script.calls.iter().enumerate() {
        text.push('\n');
        text.push_str(&entry(script, index, call));
    }
    text
}

/// The variables, as options of the command.
fn variables(script: &Script<'_>) -> Vec<String> {
    let mut variables = vec![
        "--variable target=\"$QONFORM_TARGET\"".to_owned(),
        // As long as the prefix of the run, since the length of ids is limited.
        "--variable prefix=qf-$(LC_ALL=C tr -dc a-z0-9 < /dev/urandom | head -c 4)-".to_owned(),
    ];
    let used = |name: &str| {
        let mut headers = script.calls.iter().flat_map(|call| &call.step.request_headers);
        headers.any(|(_, value)| value.contains(name))
    };
    for role in KeyRole::ALL {
        let keys = [format!("${}", role.variable()), role.truncated(), role.upper_case()];
        for (key, name) in keys.iter().zip(names(role)) {
            if used(key) {
                variables.push(format!("--variable {name}=\"{key}\""));
            }
        }
    }
    for (number, product) in script.products.iter().enumerate() {
        variables.push(format!("--variable product_{}={product}", number + 1));
    }
    variables
}

/// The variables for a key, for the key without its last character, and for the key in capitals.
fn names(role: KeyRole) -> [String; 3] {
    let name = role.variable().trim_start_matches("QONFORM_").to_ascii_lowercase();
    [name.clone(), format!("{name}_cut"), format!("{name}_capitals")]
}

fn entry(script: &Script<'_>, index: usize, call: &ScriptCall<'_>) -> String {
    let mut text = format!("# {}\n", index + 1);
    // A method is a word of capitals; anything else would be read as a template or as another line, or not at all.
    let method: String = call.step.method.chars().filter(char::is_ascii_alphabetic).collect();
    let method = method.to_ascii_uppercase();
    let _ = writeln!(text, "{method} {{{{target}}}}{}", plain(&call.path));
    for (name, value) in &call.headers {
        let _ = writeln!(text, "{}: {}", key(name), keys(&plain(value)));
    }
    // The path must be sent unchanged.
    text.push_str("[Options]\npath-as-is: true\n");
    if let Some(body) = &call.body {
        text.push_str(&self::body(body));
    }
    text.push_str(&response(script, index, call));
    text
}

/// A body in backticks, in which only few characters are escaped; variables are expanded.
fn body(template: &[Piece]) -> String {
    let mut text = String::from("`");
    for piece in template {
        match piece {
            Piece::Text(part) => {
                // Two braces would start a variable.
                for c in part.replace("{{", "{\u{f8ff}").chars() {
                    match c {
                        '\u{f8ff}' => text.push_str("\\u{7b}"),
                        '`' | '\\' | '#' => text.extend(['\\', c]),
                        ' '..='~' => text.push(c),
                        _ => text.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
                    }
                }
            }
            _ => text.push_str(&variable(piece)),
        }
    }
    text + "`\n"
}

fn variable(piece: &Piece) -> String {
    match piece {
        Piece::Text(text) => escaped(text),
        Piece::Prefix => "{{prefix}}".to_owned(),
        Piece::Captured(number) => format!("{{{{value_{}}}}}", number + 1),
        Piece::Encoded(number) => format!("{{{{path_{}}}}}", number + 1),
        Piece::Product(number) => format!("{{{{product_{}}}}}", number + 1),
    }
}

fn plain(template: &[Piece]) -> String {
    template.iter().map(variable).collect()
}

/// Text in a URL or a header; a number sign would start a comment.
fn escaped(text: &str) -> String {
    text.replace("{{", "{\u{f8ff}").chars().fold(String::new(), |mut escaped, c| {
        match c {
            '\u{f8ff}' => escaped.push_str("\\u{7b}"),
            '#' | '\\' => escaped.extend(['\\', c]),
            _ if visible(c.encode_utf8(&mut [0; 4])) != *c.encode_utf8(&mut [0; 4]) => {
                escaped.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
            }
            _ => escaped.push(c),
        }
        escaped
    })
}

/// The name of a header, of which Hurl reads only few characters as they are.
fn key(name: &str) -> String {
    name.chars().fold(String::new(), |mut key, c| {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => key.push(c),
            _ => key.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        }
        key
    })
}

/// Key placeholders as Hurl variables, including those that a shell would expand.
fn keys(value: &str) -> String {
    KeyRole::ALL.into_iter().rev().fold(value.to_owned(), |value, role| {
        let [whole, cut, capitals] = names(role).map(|name| format!("{{{{{name}}}}}"));
        value
            .replace(&role.truncated(), &cut)
            .replace(&role.upper_case(), &capitals)
            .replace(&format!("${}", role.variable()), &whole)
    })
}

/// Whether the defect is a server error.
fn is_server_error(call: &ScriptCall<'_>) -> bool {
    call.step.here && call.step.status >= 500
}

fn response(script: &Script<'_>, index: usize, call: &ScriptCall<'_>) -> String {
    let mut text = String::new();
    let mut asserts = String::new();
    let status = match &script.check {
        Check::Response(expected) if call.step.here => {
            let (first, code) = &expected[0];
            match (expected.len(), code) {
                (1, Some(code)) => {
                    let _ = writeln!(asserts, "jsonpath \"$.error.code\" == \"{code}\"");
                    first.to_string()
                }
                (1, None) => first.to_string(),
                _ => {
                    let code = error_code(call.step)
                        .filter(|code| code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
                    // Hurl has no "or": the received response must not be returned again.
                    let _ = match code.filter(|_| expected.iter().any(|(status, _)| *status == call.step.status)) {
                        Some(code) => writeln!(asserts, "jsonpath \"$.error.code\" != \"{code}\""),
                        None => writeln!(asserts, "status != {}", call.step.status),
                    };
                    "*".to_owned()
                }
            }
        }
        Check::Same if is_server_error(call) => {
            asserts.push_str("status < 500\n");
            "*".to_owned()
        }
        // Later requests need values of this response; otherwise a fixed server may return anything.
        _ if script.captured.iter().any(|captured| captured.step == index) => call.step.status.to_string(),
        _ => "*".to_owned(),
    };
    let _ = writeln!(text, "HTTP {status}");
    let captures: Vec<String> = script
        .captured
        .iter()
        .enumerate()
        .filter(|(_, captured)| captured.step == index)
        .map(|(number, captured)| {
            let query = match captured.from {
                From::Id => "jsonpath \"$.id\"".to_owned(),
                From::Cursor => "jsonpath \"$.next_cursor\"".to_owned(),
                From::Item(place) => format!("jsonpath \"$.data[{place}].id\""),
                From::Last => "jsonpath \"$.data[*].id\" nth -1".to_owned(),
            };
            let number = number + 1;
            format!("value_{number}: {query}\npath_{number}: {query} urlEncode\n")
        })
        .collect();
    if !captures.is_empty() {
        let _ = write!(text, "[Captures]\n{}", captures.concat());
    }
    if !asserts.is_empty() {
        let _ = write!(text, "[Asserts]\n{asserts}");
    }
    text
}
