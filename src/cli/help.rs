//! Layout of the help: commands in groups, and only the common flags in `qonform run -h`.

use clap::{Command, CommandFactory as _};

use super::args::Arguments;

/// The commands by purpose. A test checks that all are here.
const GROUPS: [(&str, &[&str]); 6] = [
    ("Test a server", &["run", "replay", "clean"]),
    ("Reports", &["report", "diff"]),
    ("Contract", &["rules", "explain", "lint"]),
    ("Configuration", &["init", "config"]),
    ("Test qonform", &["serve", "selftest"]),
    ("Shell", &["completions", "man", "help"]),
];

/// The flags that `qonform run -h` shows; `--help` shows all.
const COMMON: [&str; 27] = [
    "target",
    "token",
    "product_ids",
    "variant_id",
    "read_only",
    "keep_main",
    "spec",
    "only",
    "skip",
    "deny",
    "warn",
    "allow",
    "layers",
    "cases",
    "fail_fast",
    "dry_run",
    "waivers",
    "baseline",
    "seed",
    "rate",
    "max_time",
    "format",
    "reports",
    "quiet",
    "verbose",
    "config",
    "profile",
];

/// Maximum width of the help, in columns.
const MAX_WIDTH: usize = 100;

/// The command line with this layout of the help.
pub(super) fn command() -> Command {
    let command = Arguments::command();
    let groups = groups(&command, super::out::width(MAX_WIDTH).min(MAX_WIDTH));
    command
        .help_template(format!(
            "{{about}}\n\n{{usage-heading}} {{usage}}\n\n{groups}\nOptions:\n{{options}}{{after-help}}"
        ))
        .mut_subcommand("run", |run| {
            run.mut_args(|arg| {
                let is_common = COMMON.contains(&arg.get_id().as_str());
                arg.hide_short_help(!is_common)
            })
        })
}

/// Every command with its description, under the heading of its group.
fn groups(command: &Command, width: usize) -> String {
    let mut text = String::new();
    for (title, names) in GROUPS {
        text.push_str(&format!("{title}:\n"));
        for name in names {
            let about = command.find_subcommand(name).and_then(Command::get_about).map(ToString::to_string);
            let about = about.unwrap_or_else(|| "Print this help or the help of a command".into());
            let mut lines = wrapped(&about, width.saturating_sub(INDENT)).into_iter();
            text.push_str(&format!("  {name:<12} {}\n", lines.next().unwrap_or_default()));
            text.extend(lines.map(|line| format!("{:INDENT$}{line}\n", "")));
        }
        text.push('\n');
    }
    text.trim_end().to_owned() + "\n"
}

/// Columns before the description of a command.
const INDENT: usize = 15;

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("it starts with a line and only grows");
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_command_is_in_one_group() {
        let mut command = command();
        command.build();
        let known: BTreeSet<&str> = command.get_subcommands().map(Command::get_name).collect();
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        assert_eq!(grouped.len(), known.len(), "{grouped:?} {known:?}");
        assert_eq!(grouped.into_iter().collect::<BTreeSet<_>>(), known);
    }

    #[test]
    fn the_short_help_of_run_names_known_flags() {
        let command = command();
        let run = command.find_subcommand("run").unwrap();
        for id in COMMON {
            assert!(run.get_arguments().any(|arg| arg.get_id() == id), "{id}");
        }
        let shown = |text: String| text.lines().filter(|line| line.trim_start().starts_with('-')).count();
        let short = shown(run.clone().render_help().to_string());
        let long = shown(run.clone().render_long_help().to_string());
        assert!(short < long, "{short} {long}");
    }

    #[test]
    fn every_command_has_an_example() {
        let command = command();
        for sub in command.get_subcommands() {
            let (name, help) = (sub.get_name(), sub.clone().render_long_help().to_string());
            assert!(help.contains("Example"), "{name}");
        }
    }
}
