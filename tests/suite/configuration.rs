//! `qonform.toml`, profiles, variables and flags.

use std::fs;

use crate::program::{Ran, TempFolder, end, qonform};

/// Runs the program in a directory with this `qonform.toml`.
fn in_place(file: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let folder = TempFolder::new();
    fs::write(folder.path().join("qonform.toml"), file).unwrap();
    let mut command = qonform(&folder);
    command.current_dir(folder.path()).envs(variables.iter().copied()).args(arguments);
    end(command, folder)
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
fn a_flag_overrides_variable_profile_and_file_in_this_order() {
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
fn a_run_uses_the_values_of_the_file() {
    let ran = in_place("seed = 77\nonly = [\"create.echo\"]\n", &[], &["run"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.says("seed 77").says("1 passed, ");
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let variables = [("QONFORM_SEED", ""), ("QONFORM_RATE", ""), ("QONFORM_TOKEN", "")];
    let ran = in_place("seed = 5\n", &variables, &["config"]);
    assert_eq!(line(&ran, "seed").0, "5");
    ran.says("# rate is not set").says("# token is not set");
    // A run for a server must not silently test the embedded one.
    let untargeted = in_place("", &[("QONFORM_TARGET", "")], &["run"]);
    assert_eq!(untargeted.code, Some(2), "{}", untargeted.stdout);
}

#[test]
fn a_flag_for_a_level_overrides_the_file() {
    // `--warn` is weaker than `--deny`, but a flag overrides a file.
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
    ran.says("# token is set; its value is hidden")
        .says("# second-token is set; its value is hidden")
        .says("# header is set; its value is hidden");
    ran.says("WARNING: qonform.toml:1:1").says("WARNING: qonform.toml:3:1");
}

#[test]
fn a_profile_without_its_variable_uses_no_other_key() {
    let file = "token = \"test_sk_other\"\n[profile.staging]\ntoken-env = \"NOT_SET_ANYWHERE\"\n";
    let ran = in_place(file, &[], &["run", "--profile", "staging", "--target", "http://127.0.0.1:9"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    ran.says("qonform.toml:3:1: the variable NOT_SET_ANYWHERE of the token is not set").says("without a key");
}

#[test]
fn invalid_values_are_rejected_before_any_request() {
    let refused = |file: &str, arguments: &[&str], reason: &str| {
        let ran = in_place(file, &[], arguments);
        assert_eq!(ran.code, Some(2), "{}", ran.stdout);
        ran.says(reason);
    };
    refused("sed = 1\n", &["run"], "cannot use qonform.toml:1:1: there is no key `sed`; is `seed` meant?");
    refused("seed = true\n", &["run"], "qonform.toml:1:8: `seed` must be a string or a whole number");
    refused("", &["run", "--profile", "x"], "cannot find the profile `x` in qonform.toml: it has none");
    refused("", &["run", "--config", "none.toml"], "cannot read the configuration none.toml");
    refused("a = \n", &["run"], "qonform.toml:1:");
}

#[test]
fn init_writes_a_file_once() {
    let folder = TempFolder::new();
    let mut command = qonform(&folder);
    command.current_dir(folder.path()).arg("init");
    let ran = end(command, folder);
    assert_eq!(ran.code, Some(0));
    let again = in_place("seed = 1\n", &[], &["init"]);
    assert_eq!(again.code, Some(2));
    again.says("it exists; give --force to overwrite it");
    assert_eq!(fs::read_to_string(again.folder.path().join("qonform.toml")).unwrap(), "seed = 1\n");
    let forced = in_place("seed = 1\n", &[], &["init", "--force"]);
    assert_eq!(forced.code, Some(0));
}

#[test]
fn labels_are_in_every_report() {
    let variables =
        [("GITHUB_SHA", "4f1c0de2"), ("GITHUB_REF_NAME", "main"), ("QONFORM_LABELS", "team=payments\nenv=a b")];
    let formats = ["json", "html", "markdown", "junit", "sarif", "har", "github"];
    let reports: Vec<String> = formats.iter().map(|format| format!("--report={format}={format}")).collect();
    let mut arguments = vec!["run", "--only", "get.missing", "--label", "commit=abc<b>"];
    arguments.extend(reports.iter().map(String::as_str));
    let given = in_place("", &variables, &arguments);
    assert_eq!(given.code, Some(0), "{}{}", given.stdout, given.stderr);
    let labels = &given.json()["labels"];
    // The flag overrides the variable, not only its key.
    assert_eq!(*labels, serde_json::json!({"branch": "main", "commit": "abc<b>"}));
    given.says("commit abc<b>");
    assert!(!given.stdout.contains("branch main"), "{}", given.stdout);
    assert!(given.report("html").contains("<li>commit: abc&lt;b&gt;</li>"));
    assert!(given.report("markdown").contains("commit <code>abc&#60;b&#62;</code>"), "{}", given.report("markdown"));
    assert!(given.report("junit").contains("<property name=\"commit\" value=\"abc&lt;b&gt;\"/>"));
    let sarif: serde_json::Value = serde_json::from_str(&given.report("sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["properties"]["labels"], *labels);
    assert!(given.report("har").contains("; branch main; commit abc<b>. "), "{}", given.report("har"));
    assert!(given.report("github").ends_with("contract kept; commit abc<b>\n"), "{}", given.report("github"));
    let by_variable = in_place("", &variables, &["run", "--only", "get.missing"]);
    by_variable.says("env a b · team payments");
    let by_file = in_place("label = [\"team=growth\"]\n", &[], &["run", "--only", "get.missing"]);
    by_file.says("team growth");
}

#[test]
fn variables_and_keys_that_a_run_does_not_use_are_named() {
    let run = ["run", "--only", "get.missing"];
    let ran = in_place("", &[("QONFORM_TOKNE", "x"), ("QONFORM_TOKEN", "test_sk_1")], &run);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.says("qonform: WARNING: the variable QONFORM_TOKNE is not used; is QONFORM_TOKEN meant?");
    ran.says("this run tests the embedded server and does not use QONFORM_TOKEN; to test your server");
    let file = "token-env = \"QONFORM_STAGING\"\n";
    let ran = in_place(file, &[("QONFORM_STAGING", "test_sk_1")], &run);
    ran.says("does not use token (qonform.toml:1:1)");
    assert!(!ran.stderr.contains("WARNING"), "{}", ran.stderr);
    let ran = in_place("", &[("QONFORM_TOKNE", "x")], &["rules", "get.missing"]);
    assert_eq!(ran.stderr, "", "the command reads no variable of a run");
}
