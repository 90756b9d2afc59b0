//! Cases that run side by side show what they show one after another.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fake_server::{Reference, in_front_of};
use super::program::{Ran, TempFolder, end, qonform};

fn run(reference: &Reference, target: &str, more: &[&str]) -> Ran {
    let folder = TempFolder::new();
    let mut command = qonform(&folder);
    command.envs(reference.variables.iter().cloned());
    command.args(["run", "--seed", "5", "--effort", "quick", "--target", target]);
    command.arg("--report").arg(format!("json={}", folder.path().join("json").display()));
    command.args(more);
    end(command, folder)
}

/// The verdict of each rule, and the fingerprint of each finding.
fn verdicts(ran: &Ran) -> (BTreeMap<String, String>, Vec<String>) {
    let report = ran.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rules = report["rules"].as_array().unwrap().iter().map(|rule| (text(&rule["id"]), text(&rule["verdict"])));
    let findings = report["findings"].as_array().unwrap().iter().map(|finding| text(&finding["fingerprint"]));
    (rules.collect(), findings.collect())
}

#[test]
fn one_case_at_a_time_gives_the_same_verdicts() {
    for faults in [&[][..], &["delete-returns-200"], &["update-tag-main-products-written"]] {
        let several = Reference::with_faults(faults);
        let one = Reference::with_faults(faults);
        let several = run(&several, several.variable("QONFORM_TARGET"), &[]);
        let one = run(&one, one.variable("QONFORM_TARGET"), &["--jobs", "1"]);
        assert_eq!(several.code, Some(i32::from(!faults.is_empty())), "{}", several.stdout);
        assert_eq!((several.code, verdicts(&several)), (one.code, verdicts(&one)), "{faults:?}");
    }
}

#[test]
fn a_run_that_ends_early_reports_the_cases_that_ended() {
    // Several of the cases that run at the same time fail; the first one ends the run.
    let reference = Reference::with_faults(&["create-returns-200"]);
    let ran = run(&reference, reference.variable("QONFORM_TARGET"), &["--fail-fast"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    ran.says("of cases that ran side by side, and does not report them");
    let (_, findings) = verdicts(&ran);
    assert_eq!(findings.len(), 1, "{findings:?}");
}

#[test]
fn a_case_opens_with_the_last_list_of_the_case_before() {
    let reference = Reference::start();
    let server = in_front_of(&reference, |_, head, body| (head, body));
    let cases = ["delete.main", "set-main.promotes", "set-main.demotes-previous"];
    let ran = run(&reference, &server.url(), &["--only", &cases.join(","), "--layer", "scenario"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let key = reference.variable("QONFORM_TOKEN");
    let (mut last, mut lists, mut between) = (None, 0, Vec::new());
    for request in server.seen() {
        let text = format!("{} {}", request.path, String::from_utf8_lossy(&request.body));
        let names = |case: &&&str| text.contains(&format!("-{}-", case.replace('.', "-")));
        if let Some(case) = cases.iter().find(names) {
            between.extend((last != Some(case)).then_some(lists));
            (last, lists) = (Some(case), 0);
        }
        lists += usize::from(request.path.ends_with("limit=100") && request.head.contains(key));
    }
    assert_eq!(between.len(), cases.len(), "each case wrote once");
    assert_eq!(between[1..], [1, 1], "lists between the last write of a case and the first write of the next one");
}
