//! A request as a `curl` command that can be pasted into a shell.

use std::fmt::Write as _;

use super::Request;

/// The command for a POSIX shell. Secrets appear as `$QONFORM_TOKEN` and the like, which the shell expands.
pub fn curl(base: &str, request: &Request) -> String {
    // Without --path-as-is curl collapses dot segments.
    let mut line = format!("curl -sS -i --path-as-is -X {}", request.method);
    for (name, value) in &request.headers {
        let _ = write!(line, " -H {}", double_quoted(&format!("{name}: {value}")));
    }
    if let Some(body) = &request.body {
        match std::str::from_utf8(body) {
            Ok(text) if !text.contains('\0') => {
                let _ = write!(line, " --data-raw {}", single_quoted(text));
            }
            // No shell argument can hold these bytes, so they are piped.
            _ => {
                let mut escaped = String::new();
                for byte in body {
                    let _ = write!(escaped, "\\{byte:03o}");
                }
                line = format!("printf '{escaped}' | {line} --data-binary @-");
            }
        }
    }
    let url = format!("{base}{}", request.path);
    // curl would take braces and brackets for several URLs.
    let globoff = if url.contains(['[', ']', '{', '}']) { " --globoff" } else { "" };
    let _ = write!(line, "{globoff} {}", single_quoted(&url));
    line
}

/// The length of the placeholder of a secret at the start of `text`: whole, without its last character, in upper case.
fn placeholder(text: &str) -> Option<usize> {
    [("$", ""), ("${", "%?}"), ("$(echo $", " | tr a-z A-Z)")].into_iter().find_map(|(start, end)| {
        let rest = text.strip_prefix(start).filter(|rest| rest.starts_with("QONFORM_"))?;
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let name = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        rest[name..].starts_with(end).then_some(start.len() + name + end.len())
    })
}

/// Quotes `text` so that the shell expands only the placeholders of secrets.
fn double_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(length) = placeholder(rest) {
            quoted.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        match c {
            '"' | '\\' | '`' | '$' => quoted.extend(['\\', c]),
            // An interactive shell would replace it and the word after it by an old command.
            '!' => quoted.push_str("\"'!'\""),
            _ => quoted.push(c),
        }
        rest = &rest[c.len_utf8()..];
    }
    quoted.push('"');
    quoted
}

/// Whether `line` has the form of a command that [`curl`] makes: a shell that reads it starts only `curl`, `printf` and
/// what a placeholder of a secret contains.
pub fn is_curl(line: &str) -> bool {
    let line = match line.strip_prefix("printf '") {
        Some(piped) => match piped.split_once("' | ") {
            Some((bytes, rest)) if bytes.chars().all(|c| c == '\\' || c.is_ascii_digit()) => rest,
            _ => return false,
        },
        None => line,
    };
    let Some(mut rest) = line.strip_prefix("curl ") else { return false };
    loop {
        let Some((word, after)) = word(rest) else { return false };
        let is_option = matches!(
            word,
            "-sS" | "-i" | "--path-as-is" | "-X" | "-H" | "--data-raw" | "--data-binary" | "--globoff" | "@-"
        );
        let is_method = !word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase());
        let is_url = word.starts_with("'http://") || word.starts_with("'https://");
        match after {
            "" => return is_url,
            _ if is_option || is_method || word.starts_with(['\'', '"']) => rest = after,
            _ => return false,
        }
    }
}

/// The first word of a command whose parts are plain, in single quotes or in double quotes, and what follows it.
fn word(command: &str) -> Option<(&str, &str)> {
    let mut end = 0;
    loop {
        let rest = &command[end..];
        end += match rest.chars().next() {
            None | Some(' ') => break,
            Some('\'') => rest[1..].find('\'')? + 2,
            Some('"') => double(&rest[1..])? + 1,
            // Between single quotes.
            Some('\\') if rest[1..].starts_with('\'') => 2,
            Some(c) if c.is_ascii_alphanumeric() || matches!(c, '-' | '@') => 1,
            Some(_) => return None,
        };
    }
    Some((&command[..end], command[end..].trim_start_matches(' ')))
}

/// The length of the rest of a text in double quotes.
fn double(text: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        at += match rest.chars().next()? {
            '"' => return Some(at + 1),
            '\\' => 1 + rest[1..].chars().next()?.len_utf8(),
            '`' => return None,
            '$' => placeholder(rest)?,
            c => c.len_utf8(),
        };
    }
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contract::Endpoint;

    #[test]
    fn the_command_names_the_key_and_quotes_the_rest() {
        let request = Request::to(Endpoint::Create).json(&json!({"id": "it's"}));
        assert_eq!(
            curl("http://127.0.0.1:4010/v4", &request),
            "curl -sS -i --path-as-is -X POST -H \"authorization: Bearer $QONFORM_TOKEN\" \
             -H \"content-type: application/json\" --data-raw '{\"id\":\"it'\\''s\"}' \
             'http://127.0.0.1:4010/v4/offerings'"
        );
    }

    #[test]
    fn the_shell_expands_only_names_of_secrets() {
        assert_eq!(double_quoted("a: $HOME `x` \"$QONFORM_TOKEN\""), "\"a: \\$HOME \\`x\\` \\\"$QONFORM_TOKEN\\\"\"");
    }

    #[test]
    fn the_shell_changes_a_changed_key() {
        assert_eq!(double_quoted("$(echo $QONFORM_TOKEN | tr a-z A-Z)"), "\"$(echo $QONFORM_TOKEN | tr a-z A-Z)\"");
        assert_eq!(double_quoted("a: ${QONFORM_TOKEN%?} ${HOME}"), "\"a: ${QONFORM_TOKEN%?} \\${HOME}\"");
    }

    /// Texts that a shell must not act on.
    const ATTACKS: [&str; 14] = [
        "$(echo $QONFORM_TOKEN; echo owned)",
        "$(echo $QONFORM_TOKEN | tr a-z A-Z; echo owned)",
        "${QONFORM_TOKEN:-$(echo owned)}",
        "$QONFORM_`echo owned`",
        "'; echo owned; '",
        "\"; echo owned; \"",
        "`echo owned`",
        "$(echo owned)",
        "\\\"; echo owned #",
        "a\necho owned\n",
        "!!",
        "%s%n\\0101",
        "{a,b}[1-9]",
        "-o owned",
    ];

    #[test]
    fn no_text_in_a_request_is_a_command() {
        for attack in ATTACKS {
            let path = format!("/offerings/{attack}");
            let mut request = Request::to(Endpoint::Create).json(&json!({ "id": attack })).header("x-odd", attack);
            request.path = path.clone();
            let line = curl("http://h", &request);
            assert!(is_curl(&line), "{line}");
            // Bytes that no argument can hold are piped.
            assert!(is_curl(&curl("http://h", &Request { body: Some(vec![0, 0xff].into()), ..request })));
            for shell in ["sh", "bash"] {
                let script = format!("curl() {{ printf '%s\\0' \"$@\"; }}\n{line}");
                let ran = std::process::Command::new(shell).args(["-c", &script]).env("QONFORM_TOKEN", "key").output();
                let Ok(ran) = ran else { continue };
                let words = String::from_utf8_lossy(&ran.stdout);
                let words: Vec<&str> = words.split('\0').collect();
                let at = |option| words.iter().position(|word| *word == option).expect(option);
                assert_eq!(words[at("--data-raw") + 1], json!({ "id": attack }).to_string(), "{line}");
                assert!(words.contains(&&*format!("http://h{path}")), "{line}");
                let sent = words.iter().find_map(|word| word.strip_prefix("x-odd: ")).expect("the header");
                // Only the placeholder itself is replaced.
                let kept =
                    [attack.to_owned(), attack.replace("$QONFORM_TOKEN", "key"), attack.replace("$QONFORM_", "")];
                assert!(kept.iter().any(|kept| kept == sent), "{sent} {line}");
            }
        }
    }

    #[test]
    fn a_line_that_starts_something_else_is_no_command_of_ours() {
        for line in [
            "rm -rf ~",
            "curl -sS 'http://h'; rm -rf ~",
            "curl -sS 'http://h' | sh",
            "curl -sS \"$(id)\" 'http://h'",
            "curl -sS \"`id`\" 'http://h'",
            "curl -sS \"$HOME\" 'http://h'",
            "curl -sS -o x 'http://h'",
            "curl -K x 'http://h'",
            "curl 'file:///etc/passwd'",
            "curl 'http://h' 'http://i' > x",
            "curl 'http://h",
            "printf '%s' | curl 'http://h'",
            "printf '\\101' | sh",
            "curl",
            "",
        ] {
            assert!(!is_curl(line), "{line}");
        }
    }

    #[test]
    fn bytes_that_no_argument_can_hold_are_piped() {
        let request = Request::to(Endpoint::Create).raw_body("application/json", vec![0_u8, 0xff]);
        assert!(curl("http://h", &request).starts_with("printf '\\000\\377' | curl"));
    }
}
