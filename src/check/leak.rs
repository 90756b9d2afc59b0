//! Finds internals of the server in an error. Only unmistakable patterns count: prose may mention files.

use std::sync::LazyLock;

use memchr::memmem::Finder;

/// The kind of the leak, and the leaked line. Text that the request itself sent is not a leak.
pub(super) fn leaked_line(body: &[u8], sent: &[u8]) -> Option<(&'static str, String)> {
    if !may_leak(body) {
        return None;
    }
    let text = String::from_utf8_lossy(body);
    let sent = String::from_utf8_lossy(sent);
    text.split(['\n', '"'])
        // JSON escapes a line end as `\n`.
        .flat_map(|line| line.split("\\n"))
        .filter_map(|line| Some((kind(line)?, line)))
        .find(|(_, line)| !sent.contains(line))
        .map(|(kind, line)| (kind, line.trim().to_owned()))
}

/// Whether a body contains what every leak contains. Nearly no error does, and this check is much cheaper.
fn may_leak(body: &[u8]) -> bool {
    static NEEDLES: LazyLock<Vec<Finder<'static>>> = LazyLock::new(|| {
        let verbs = SQL.iter().map(|(verb, _)| *verb);
        // Stack frames contain brackets, paths contain slashes.
        let all = TRACES.iter().copied().chain(verbs).chain(["(", "/", ":\\"]);
        all.map(Finder::new).collect()
    });
    NEEDLES.iter().any(|needle| needle.find(body).is_some())
}

fn kind(line: &str) -> Option<&'static str> {
    if is_stack_trace(line) {
        Some("a stack trace")
    } else if is_sql(line) {
        Some("an SQL statement")
    } else if has_source_path(line) {
        Some("a file path")
    } else {
        None
    }
}

const TRACES: [&str; 6] = [
    "Traceback (most recent call last)",
    "panicked at ",
    "goroutine ",
    "stack backtrace:",
    "Stack trace:",
    "Exception in thread ",
];

fn is_stack_trace(line: &str) -> bool {
    let frame = line.trim_start();
    let is_frame =
        frame.strip_prefix("at ").is_some_and(|rest| rest.contains('(') && rest.ends_with(')') && rest.contains(':'));
    is_frame || TRACES.iter().any(|trace| line.contains(trace)) && (line.contains(':') || line.contains('('))
}

/// SQL verbs, each with the text that must follow, in upper case as programs write them.
const SQL: [(&str, &str); 5] = [
    ("SELECT ", " FROM "),
    ("INSERT INTO ", "("),
    ("UPDATE ", " SET "),
    ("DELETE FROM ", " WHERE "),
    ("SQLSTATE", "["),
];

fn is_sql(line: &str) -> bool {
    SQL.iter().any(|(verb, follower)| line.find(verb).is_some_and(|at| line[at + verb.len()..].contains(follower)))
}

/// Whether a line has an absolute path of a source file: `/app/src/store.go:12`, `C:\srv\api.cs`.
fn has_source_path(line: &str) -> bool {
    const ENDINGS: [&str; 12] = ["go", "rs", "py", "rb", "php", "js", "ts", "java", "kt", "cs", "ex", "scala"];
    line.split(|c: char| c.is_whitespace() || "'`()<>,;".contains(c)).any(|word| {
        let absolute = word.starts_with('/') && word[1..].contains('/') || word.get(1..3) == Some(":\\");
        let file = word.rsplit(['/', '\\']).next().unwrap_or_default();
        let name = file.split(':').next().unwrap_or_default();
        absolute && name.rsplit_once('.').is_some_and(|(stem, ending)| !stem.is_empty() && ENDINGS.contains(&ending))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internals_of_a_server_are_found() {
        for (text, expected) in [
            ("Traceback (most recent call last):\n File x", "a stack trace"),
            (r#"{"m":"thread 'main' panicked at src/x.rs:1:2"}"#, "a stack trace"),
            (r#"{"m":"x\n    at com.a.Store.put(Store.java:12)"}"#, "a stack trace"),
            ("SELECT id FROM offerings WHERE id = ''", "an SQL statement"),
            ("INSERT INTO offerings (id) VALUES", "an SQL statement"),
            ("open /app/internal/store.go:12 failed", "a file path"),
        ] {
            assert_eq!(leaked_line(text.as_bytes(), b"").map(|f| f.0), Some(expected), "{text}");
        }
    }

    #[test]
    fn prose_api_paths_and_sent_text_are_not_leaks() {
        for text in [
            "Select an offering from the list, then update the set",
            "see /v4/offerings/premium.monthly for more",
            r#"{"message":"Offering 'a.js' not found at (this) place"}"#,
            "read https://documentation.qonversion.io/docs/errors.html",
        ] {
            assert_eq!(leaked_line(text.as_bytes(), b""), None, "{text}");
        }
        assert_eq!(leaked_line(br#"{"id":"/etc/x/a.go"}"#, br#"{"id":"/etc/x/a.go"}"#), None);
    }
}
