//! The program in a shell, a pipe and a CI system: output and tolerated conditions.

use std::io::Read as _;
use std::process::Command;

use qonform::reference::{Behaviour, Fault};

use crate::program::{Ran, TempFolder, end, qonform};

fn run(change: impl FnOnce(&mut Command), arguments: &[&str]) -> Ran {
    let folder = TempFolder::new();
    let mut command = qonform(&folder);
    command.current_dir(folder.path()).args(arguments);
    change(&mut command);
    end(command, folder)
}

fn set(command: &mut Command, variable: &str, value: &str) {
    command.env(variable, value);
}

fn plain(arguments: &[&str]) -> Ran {
    run(|_| {}, arguments)
}

#[test]
fn faults_and_behaviours_are_listed_and_a_wrong_name_is_shown() {
    let listed = plain(&["serve", "--list"]);
    assert_eq!(listed.code, Some(0));
    let lines = |start: &str| listed.stdout.lines().filter(|line| line.starts_with(&format!("  {start} "))).count();
    assert!(Fault::ALL.iter().all(|fault| lines(fault.info().name) == 1));
    assert!(Behaviour::ALL.iter().all(|behaviour| lines(behaviour.info().name) == 1));
    let wrong = plain(&["serve", "--fault", "delete-still-readible"]);
    assert_eq!(wrong.code, Some(2));
    wrong.says("the nearest is `delete-still-readable`, and `qonform serve --list` lists all");
}

#[test]
fn a_closed_pipe_is_no_error() {
    for arguments in [&["rules"][..], &["run", "--only", "create.*", "-v"], &["--help"], &["run", "--help"], &["man"]] {
        let folder = TempFolder::new();
        let mut child = qonform(&folder).current_dir(folder.path()).args(arguments).spawn().unwrap();
        // Two bytes are read, then the pipe is closed while the program may still be writing.
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0; 2]).unwrap();
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        // With -v the exchanges go to stderr, which is read completely.
        let complaints: Vec<_> = stderr.lines().filter(|line| !line.contains(" ms  ")).collect();
        assert_eq!((output.status.code(), complaints), (Some(0), vec![]), "{arguments:?}");
    }
}

#[test]
fn a_pipe_gets_neither_colours_nor_progress() {
    let ran = plain(&["run", "--only", "create.*"]);
    assert_eq!(ran.stderr, "");
    assert!(!ran.stdout.contains('\u{1b}'));
    let forced = run(|command| set(command, "CLICOLOR_FORCE", "1"), &["run", "--only", "create.*"]);
    assert!(forced.stdout.contains('\u{1b}'));
    let refused = |command: &mut Command| set(command, "NO_COLOR", "1");
    assert!(!run(refused, &["run", "--only", "create.*"]).stdout.contains('\u{1b}'));
    let asked = run(refused, &["run", "--only", "create.*", "--color", "always"]);
    assert!(asked.stdout.contains('\u{1b}'), "a flag wins over a variable");
}

#[test]
fn quiet_prints_the_last_lines_for_a_correct_server() {
    let ran = plain(&["run", "--only", "create.*", "-q"]);
    assert!((2..=3).contains(&ran.stdout.lines().count()), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("\ncontract kept\n"), "{}", ran.stdout);
}

#[test]
fn lines_are_wrapped_to_the_terminal_width() {
    for columns in ["60", "90", "140"] {
        let wide = |command: &mut Command| set(command, "COLUMNS", columns);
        let ran = run(wide, &["run", "--only", "create.*"]);
        let (body, _) = ran.stdout.trim_end().rsplit_once('\n').unwrap();
        // The digest of the contract is never wrapped.
        let lines = body.lines().filter(|line| !line.starts_with("  contract "));
        let longest = lines.map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= columns.parse().unwrap(), "{columns}: {longest}");
        assert!(run(wide, &["--help"]).stdout.lines().all(|line| line.chars().count() <= 100));
    }
}

#[test]
fn github_gets_annotations_by_default_and_json_stays_json() {
    let github = |command: &mut Command| set(command, "GITHUB_ACTIONS", "true");
    let human = run(github, &["run", "--only", "create.echo"]);
    assert!(human.stdout.ends_with("::notice title=qonform::contract kept\n"), "{}", human.stdout);
    let json = run(github, &["run", "--only", "create.echo", "--format", "json"]);
    assert!(serde_json::from_str::<serde_json::Value>(&json.stdout).is_ok());
    assert!(json.stderr.contains("::notice title=qonform::"));
    assert!(!plain(&["run", "--only", "create.echo"]).stdout.contains("::notice"));
}

#[test]
fn an_unknown_name_suggests_the_nearest() {
    let refused = |arguments: &[&str], near: &str| {
        let ran = plain(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}", ran.stdout);
        assert!(ran.stderr.contains(near), "{arguments:?}: {}", ran.stderr);
    };
    refused(&["explain", "delete.remove"], "`delete.removes`");
    refused(&["run", "--only", "create.ecko"], "`create.echo`");
    refused(&["run", "--deny", "create.ecko"], "`create.echo`");
    refused(&["run", "--tokne", "x"], "--token");
    refused(&["explian", "x"], "explain");
    refused(&["run", "--layer", "scenarios"], "scenario");
    refused(&["run", "--report", "jnuit=x"], "`junit`");
    refused(&["serve", "--fault", "delete-stil-readable"], "`delete-still-readable`");
    refused(&["run", "--format", "jsn"], "json");
}

#[test]
fn the_help_describes_requests_to_a_variant() {
    let help = plain(&["run", "--help"]).stdout;
    let words: Vec<&str> = help.split_whitespace().collect();
    assert!(words.join(" ").contains("Updates, deletes and set-mains of it are really sent"));
}
