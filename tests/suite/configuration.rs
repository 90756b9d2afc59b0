//! `qonform.toml`, profiles, variables and flags, as the program takes them.

use std::fs;

use crate::program::{Place, Ran, end, qonform};

/// Runs the program in a directory with this `qonform.toml`.
fn in_place(file: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let place = Place::new();
    fs::write(place.path().join("qonform.toml"), file).unwrap();
    let mut command = qonform(&place);
    command.current_dir(place.path()).envs(variables.iter().copied()).args(arguments);
    end(command, place)
}

/// The line of a key in the output of `qonform config`: value and source.
fn line(ran: &Ran, key: &str) -> (String, String) {
    let start = format!("{key} = ");
    let found = ran.stdout.lines().find(|line| line.starts_with(&start));
    let line = found.unwrap_or_else(|| panic!("no {key} in\n{}\n{}", ran.stdout, ran.stderr));
    let (value, source) = line.split_once("  # ").unwrap();
    (value.trim_start_matches(&start).trim().to_owned(), source.to_owned())
}

const FILE: &str = "\
seed = 1
cases = 1
steps = 1
race-tries = 1
[profile.p]
seed = 2
cases = 2
steps = 2
";

#[test]
fn a_flag_wins_over_a_variable_that_over_the_profile_and_that_over_the_file() {
    let variables = [("QONFORM_SEED", "3"), ("QONFORM_CASES", "3"), ("QONFORM_PROFILE", "p")];
    let ran = in_place(FILE, &variables, &["config", "--seed", "4"]);
    let pair = |value: &str, source: &str| (value.to_owned(), source.to_owned());
    assert_eq!(line(&ran, "seed"), pair("4", "flag"));
    assert_eq!(line(&ran, "cases"), pair("3", "variable QONFORM_CASES"));
    assert_eq!(line(&ran, "steps"), pair("2", "profile p, qonform.toml:8:1"));
    assert_eq!(line(&ran, "race-tries"), pair("1", "file qonform.toml:4:1"));
    assert_eq!(line(&ran, "timeout"), pair("\"10s\"", "default"));
}

#[test]
fn a_run_takes_what_the_file_says() {
    let ran = in_place("seed = 77\nonly = [\"create.echo\"]\n", &[], &["run"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.says("seed 77").says("1 passed, ");
}

#[test]
fn a_variable_that_is_empty_counts_as_not_set() {
    let variables = [("QONFORM_SEED", ""), ("QONFORM_RATE", ""), ("QONFORM_TOKEN", "")];
    let ran = in_place("seed = 5\n", &variables, &["config"]);
    assert_eq!(line(&ran, "seed").0, "5");
    ran.says("# rate is not set").says("# token is not set");
    // But a run that was meant for a server must not quietly test the embedded one.
    let untargeted = in_place("", &[("QONFORM_TARGET", "")], &["run"]);
    assert_eq!(untargeted.code, Some(2), "{}", untargeted.stdout);
}

#[test]
fn a_flag_of_levels_wins_over_the_file_whatever_the_level() {
    // `--warn` is weaker than `--deny`, and a flag is stronger than a file.
    let target = ["run", "--only", "response.error-type", "--layer", "scenario"];
    let levels = |more: &[&str]| {
        let ran =
            in_place("deny = [\"response.error-type\"]\n", &[], &[&target, more, &["--format", "json"][..]].concat());
        let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let rules = report["rules"].as_array().unwrap().clone();
        rules.into_iter().find(|rule| rule["id"] == "response.error-type").unwrap()["level"].clone()
    };
    assert_eq!(levels(&[]), "must");
    assert_eq!(levels(&["--warn", "response.error-type"]), "should");
}

#[test]
fn no_key_of_any_source_is_printed() {
    let secrets = ["test_sk_f1le_0000001", "test_sk_var1able_0002", "test_sk_fl4g_00000003", "h3ader_0000004"];
    let file =
        format!("token = \"{}\"\nsecond-token-env = \"SECOND\"\nheader = [\"x-key: {}\"]\n", secrets[0], secrets[3]);
    let ran = in_place(&file, &[("SECOND", secrets[1])], &["config", "--limited-token", secrets[2]]);
    assert_eq!(ran.code, Some(0));
    for secret in secrets {
        assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{secret}");
    }
    ran.says("# token is set and not shown")
        .says("# second-token is set and not shown")
        .says("# header is set and not shown");
    ran.says("WARNING: qonform.toml:1:1").says("WARNING: qonform.toml:3:1");
}

#[test]
fn a_profile_whose_variable_is_not_set_does_not_take_the_key_of_another_project() {
    let file = "token = \"test_sk_other\"\n[profile.staging]\ntoken-env = \"NOT_SET_ANYWHERE\"\n";
    let ran = in_place(file, &[], &["run", "--profile", "staging", "--target", "http://127.0.0.1:9"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    ran.says("qonform.toml:3:1: NOT_SET_ANYWHERE, which should hold the token, is not set").says("without a key");
}

#[test]
fn what_cannot_be_used_is_refused_before_anything_is_sent() {
    let refused = |file: &str, arguments: &[&str], reason: &str| {
        let ran = in_place(file, &[], arguments);
        assert_eq!(ran.code, Some(2), "{}", ran.stdout);
        ran.says(reason);
    };
    refused("sed = 1\n", &["run"], "cannot use qonform.toml:1:1: there is no key `sed`; is `seed` meant?");
    refused("seed = true\n", &["run"], "qonform.toml:1:8: `seed` takes a text or a whole number");
    refused("", &["run", "--profile", "x"], "cannot find the profile `x` in qonform.toml: it has none");
    refused("", &["run", "--config", "none.toml"], "cannot read the configuration none.toml");
    refused("a = \n", &["run"], "qonform.toml:1:");
}

#[test]
fn init_writes_a_file_once() {
    let place = Place::new();
    let mut command = qonform(&place);
    command.current_dir(place.path()).arg("init");
    let ran = end(command, place);
    assert_eq!(ran.code, Some(0));
    let again = in_place("seed = 1\n", &[], &["init"]);
    assert_eq!(again.code, Some(2));
    again.says("it exists; give --force to write over it");
    assert_eq!(fs::read_to_string(again.place.path().join("qonform.toml")).unwrap(), "seed = 1\n");
    let forced = in_place("seed = 1\n", &[], &["init", "--force"]);
    assert_eq!(forced.code, Some(0));
}
