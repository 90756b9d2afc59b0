//! Labels of a run: `--label`, and commit, branch and job from the variables of the CI system.

use std::collections::BTreeMap;

use qonform::exchange::Credentials;
use qonform::run::Labels;

use super::CliError;

/// Maximum length of a key, in characters.
const MAX_KEY: usize = 64;

/// Maximum length of a value, in characters.
const MAX_VALUE: usize = 500;

/// Labels that CI systems provide, each with the variables that hold it; the first that is set applies. The variables
/// are those of GitHub Actions, GitLab, Jenkins, `CircleCI`, Buildkite, Azure Pipelines, Bitbucket, Travis and Drone.
const DETECTED: [(&str, &[&str]); 3] = [
    (
        "commit",
        &[
            "GITHUB_SHA",
            "CI_COMMIT_SHA",
            "GIT_COMMIT",
            "CIRCLE_SHA1",
            "BUILDKITE_COMMIT",
            "BUILD_SOURCEVERSION",
            "BITBUCKET_COMMIT",
            "TRAVIS_COMMIT",
            "DRONE_COMMIT_SHA",
        ],
    ),
    (
        "branch",
        &[
            // In a workflow for a pull request, GITHUB_REF_NAME is `12/merge`.
            "GITHUB_HEAD_REF",
            "GITHUB_REF_NAME",
            "CI_COMMIT_REF_NAME",
            "GIT_BRANCH",
            "CIRCLE_BRANCH",
            "BUILDKITE_BRANCH",
            "BUILD_SOURCEBRANCHNAME",
            "BITBUCKET_BRANCH",
            "TRAVIS_BRANCH",
            "DRONE_BRANCH",
        ],
    ),
    (
        "job",
        &[
            "GITHUB_JOB",
            "CI_JOB_NAME",
            "JOB_NAME",
            "CIRCLE_JOB",
            "BUILDKITE_LABEL",
            "SYSTEM_JOBNAME",
            "TRAVIS_JOB_NAME",
            "DRONE_STEP_NAME",
        ],
    ),
];

/// The labels of a run; those that were given override those of the CI system. Texts that contain one of `keys` are
/// redacted before anything else, so that neither a label nor an error shows it.
///
/// # Errors
/// [`CliError`] for a label that is not `key=value`, or two with one key.
pub(super) fn labels(
    texts: &[String],
    variable: impl Fn(&str) -> Option<String>,
    keys: &Credentials,
) -> Result<Labels, CliError> {
    let mut given = BTreeMap::new();
    let texts: Vec<_> = texts.iter().map(|text| keys.redact(text)).collect();
    // A flag or the variable may have several labels. Keys are redacted before the split: they may contain commas.
    for text in texts.iter().flat_map(|text| text.split(['\n', ','])).map(str::trim).filter(|text| !text.is_empty()) {
        let (key, value) = read(text)?;
        if given.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(CliError::usage(format!("use two values of --label for `{key}`: give each key once")));
        }
    }
    let mut labels = Labels { values: given, detected: Vec::new() };
    for (key, variables) in DETECTED {
        let found = variables.iter().filter_map(|name| variable(name)).find(|value| !value.trim().is_empty());
        if let Some(value) = found.filter(|_| !labels.values.contains_key(key)) {
            labels.values.insert(key.to_owned(), keys.redact(&value).trim().chars().take(MAX_VALUE).collect());
            labels.detected.push(key.to_owned());
        }
    }
    Ok(labels)
}

fn read(text: &str) -> Result<(&str, &str), CliError> {
    let is_key = |key: &str| {
        (1..=MAX_KEY).contains(&key.len()) && key.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    match text.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
        Some((key, value)) if is_key(key) && value.chars().count() <= MAX_VALUE => Ok((key, value)),
        _ => Err(CliError::usage(format!(
            "use `{text}` of --label: write it as `key=value`; a key has up to {MAX_KEY} letters, digits, dots, hyphens \
             and underscores, a value up to {MAX_VALUE} characters and no comma"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use qonform::exchange::{KeyRole, Secret};

    use super::*;

    fn of(texts: &[&str], variables: &[(&str, &str)]) -> Result<Labels, String> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let keys = Credentials::default().with_key(KeyRole::Main, Secret::new("test_sk_main_0001"));
        labels(&texts, variable, &keys).map_err(|error| error.to_string())
    }

    fn values(labels: &Labels) -> Vec<(&str, &str)> {
        labels.values.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }

    #[test]
    fn labels_come_from_flags_and_lines() {
        let found = of(&["team=payments,tier=1", "env = staging\nnote=a=b\n"], &[]).unwrap();
        assert_eq!(values(&found), [("env", "staging"), ("note", "a=b"), ("team", "payments"), ("tier", "1")]);
        assert_eq!(found.detected, [""; 0]);
    }

    #[test]
    fn a_flag_overrides_the_variables_of_the_ci_system() {
        let variables =
            [("GITHUB_SHA", "abc"), ("GITHUB_HEAD_REF", ""), ("GITHUB_REF_NAME", "main"), ("CI_JOB_NAME", "contract")];
        let found = of(&["commit=mine"], &variables).unwrap();
        assert_eq!(values(&found), [("branch", "main"), ("commit", "mine"), ("job", "contract")]);
        assert_eq!(found.detected, ["branch", "job"]);
    }

    #[test]
    fn a_key_in_a_label_or_its_error_is_redacted() {
        let found = of(&["note=of test_sk_main_0001\nx=y"], &[("GITHUB_JOB", "test_sk_main_0001")]).unwrap();
        assert_eq!(values(&found), [("job", "$QONFORM_TOKEN"), ("note", "of $QONFORM_TOKEN"), ("x", "y")]);
        for wrong in [&["test_sk_main_0001"][..], &["test_sk_main_0001=a"], &["a=1", "a=test_sk_main_0001"]] {
            let error = of(wrong, &[]).unwrap_err();
            assert!(!error.contains("main_0001"), "{error}");
        }
    }

    #[test]
    fn a_key_with_a_comma_is_redacted_whole() {
        let keys = Credentials::default().with_key(KeyRole::Main, Secret::new("test_sk_one,two"));
        let found = labels(&["note=of test_sk_one,two".to_owned()], |_| None, &keys);
        assert_eq!(values(&found.unwrap()), [("note", "of $QONFORM_TOKEN")]);
    }

    #[test]
    fn other_texts_are_errors() {
        for wrong in ["novalue", "=x", "a b=c", "é=c", &format!("a={}", "x".repeat(MAX_VALUE + 1))] {
            let error = of(&[wrong], &[]).unwrap_err();
            assert!(error.contains("of --label: write it as `key=value`"), "{error}");
        }
        assert_eq!(of(&["a=1", "a=2"], &[]).unwrap_err(), "use two values of --label for `a`: give each key once");
    }
}
