//! A `curl` command in lines that fit the terminal and can still be pasted into a shell.

use super::super::visible::{columns, visible, wrapped};

/// Maximum length of a command, in characters. Longer ones (enormous ids or bodies) are cut.
const MAX_LENGTH: usize = 1_000;

/// The state of a shell that reads a command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quoting {
    None,
    Single,
    /// In double quotes; `expands` in an expansion, which a line break could change.
    Double {
        expands: bool,
    },
}

/// The lines of a command, indented by two columns. Lines end with a backslash where the command continues.
pub(super) fn lines(command: &str, width: usize) -> String {
    let safe = visible(command);
    if safe.chars().count() > MAX_LENGTH {
        let all = safe.chars().count();
        let text = format!("{}… ({all} characters: the JSON report has the whole command)", shortened(&safe));
        return wrapped(&text, width.saturating_sub(4)).iter().map(|line| format!("  # {line}\n")).collect();
    }
    let mut text = String::from(" ");
    let mut used = 1;
    for (index, argument) in arguments(&safe).into_iter().enumerate() {
        // Room for ` \` stays free.
        if index > 0 && used + 1 + columns(argument) + 2 > width {
            text.push_str(" \\\n     ");
            used = 5;
        }
        text.push(' ');
        used = push_argument(argument, used + 1, width, &mut text);
    }
    text.push('\n');
    if safe != *command {
        let warning = "control characters are escaped in this command: it does not send what was sent, replay does";
        text.extend(wrapped(warning, width.saturating_sub(4)).iter().map(|line| format!("  # {line}\n")));
    }
    text
}

fn shortened(command: &str) -> &str {
    command.char_indices().nth(MAX_LENGTH / 4).map_or(command, |(end, _)| &command[..end])
}

/// Appends an argument. One that does not fit continues at the start of the next line, inside its quotes: the shell
/// joins the parts. Returns the column after it.
fn push_argument(argument: &str, start: usize, width: usize, text: &mut String) -> usize {
    let mut column = start;
    let fits = start + columns(argument) + 2 <= width;
    let mut quoting = Quoting::None;
    let mut escaped = false;
    for (index, c) in argument.char_indices() {
        // An escaped quote (`'\''`) takes four columns, the end of the line two.
        if !fits && column + 7 > width && !escaped {
            match quoting {
                Quoting::Single if c != '\'' || argument[index..].starts_with("'\\'") => {
                    text.push_str("'\\\n'");
                    column = 1;
                }
                Quoting::Double { expands: false } if c != '"' => {
                    text.push_str("\\\n");
                    column = 0;
                }
                _ => {}
            }
        }
        text.push(c);
        column += columns(c.encode_utf8(&mut [0; 4]));
        (quoting, escaped) = after(quoting, escaped, c);
    }
    column
}

fn after(quoting: Quoting, escaped: bool, c: char) -> (Quoting, bool) {
    match (quoting, c) {
        (Quoting::None | Quoting::Double { .. }, _) if escaped => (quoting, false),
        (Quoting::None | Quoting::Double { .. }, '\\') => (quoting, true),
        (Quoting::None, '\'') => (Quoting::Single, false),
        (Quoting::None, '"') => (Quoting::Double { expands: false }, false),
        (Quoting::Single, '\'') | (Quoting::Double { .. }, '"') => (Quoting::None, false),
        (Quoting::Double { .. }, '$') => (Quoting::Double { expands: true }, false),
        (Quoting::Double { .. }, c) if !c.is_ascii_alphanumeric() && !"_{}()%?|- ".contains(c) => {
            (Quoting::Double { expands: false }, false)
        }
        _ => (quoting, false),
    }
}

/// The words of a command, each option together with its value.
fn arguments(command: &str) -> Vec<&str> {
    let mut arguments = Vec::new();
    let (mut quoting, mut escaped, mut start) = (Quoting::None, false, 0);
    for (index, c) in command.char_indices() {
        let word = &command[start..index];
        let takes_value = word.starts_with('-') && !word.contains(' ') && !command[index + 1..].starts_with('-');
        if c == ' ' && quoting == Quoting::None && !escaped && !takes_value {
            arguments.push(word);
            start = index + 1;
        }
        (quoting, escaped) = after(quoting, escaped, c);
    }
    arguments.push(&command[start..]);
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAND: &str = "curl -sS -i -X POST -H \"authorization: Bearer $QONFORM_TOKEN\" --data-raw '{\"id\":\"it'\\''s\"}' \
                           'http://127.0.0.1:4010/v4/offerings'";

    #[test]
    fn a_command_that_fits_is_one_line() {
        assert_eq!(lines(COMMAND, 200), format!("  {COMMAND}\n"));
    }

    #[test]
    fn a_long_command_continues_after_an_argument() {
        assert_eq!(
            lines(COMMAND, 80),
            "  curl -sS -i -X POST -H \"authorization: Bearer $QONFORM_TOKEN\" \\\n\
             \x20     --data-raw '{\"id\":\"it'\\''s\"}' 'http://127.0.0.1:4010/v4/offerings'\n"
        );
    }

    /// What a shell passes on for `command`, a word per line.
    fn words(command: &str) -> String {
        let script = format!("curl() {{ printf '%s\\n' \"$@\"; }}\nQONFORM_TOKEN=key\n{command}");
        let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn a_shell_reads_the_same_command_at_every_width() {
        let id = "a'b c".repeat(20).replace('\'', r"'\''");
        let header = format!("-H \"x: {}\\\"\\`\"", "h ".repeat(40));
        let long = COMMAND.replace("http:", &format!("{id}http:")).replace("-X POST", &header);
        for command in [COMMAND, &long] {
            for width in [50, 51, 52, 53, 60, 80, 100] {
                let text = lines(command, width);
                assert_eq!(words(&text), words(command), "{text}");
                assert!(text.lines().all(|line| columns(line) <= width), "{width}:\n{text}");
            }
        }
    }

    #[test]
    fn an_enormous_command_is_cut_and_not_executable() {
        let text = lines(&COMMAND.replace("http:", &"x".repeat(5_000)), 60);
        assert!(text.lines().all(|line| line.starts_with("  # ") && columns(line) <= 60), "{text}");
        assert!(text.replace("\n  # ", " ").contains("the JSON report has the whole command"), "{text}");
    }

    #[test]
    fn an_escaped_command_warns_that_it_sends_something_else() {
        let text = lines("curl -d '\u{1b}[2J' http://h", 120);
        assert!(text.starts_with("  curl -d '\\u{1b}[2J' http://h\n  # control characters are escaped"), "{text}");
    }
}
